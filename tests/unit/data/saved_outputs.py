"""A run whose outputs are in a bucket, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aws_run_entrypoint.transfer import Bucket, push_folder

RUN = "p-20260101-000000-abcd"


class Frozen(NamedTuple):
    """Credentials as boto3 freezes them."""

    access_key: str | None = "key"
    secret_key: str | None = "secret"
    token: str | None = None


def save_outputs(bucket: Bucket, folder: Path) -> None:
    push_folder(bucket, str(folder), prefix=f"runs/{RUN}/output/", manifest_key=f"runs/{RUN}/output.json")
