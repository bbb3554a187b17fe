"""The entrypoint in an image of its own, and a container of it beside a scripted S3."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.unit.transfer.stub import StubS3

from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT
from aws_run_entrypoint.bundle import write_layer

IMAGE = "aws-run-test-entrypoint"
RUN = "p-20260101-000000-abcd"
PREFIX = f"runs/{RUN}/"
DOCKERFILE = """
FROM {base}
ADD layer.tar /
RUN {check}
ENTRYPOINT {ours}
"""


def build_image(base_image: str, folder: Path) -> str:
    """The entrypoint on the base image; the name of the image."""
    write_layer(folder / "layer.tar")
    (folder / "Dockerfile").write_text(
        DOCKERFILE.format(base=base_image, check=json.dumps([*ENTRYPOINT, "--self-check"]), ours=json.dumps(ENTRYPOINT))
    )
    subprocess.run(["docker", "build", "--quiet", "--tag", IMAGE, folder], check=True, capture_output=True)
    return IMAGE


class Containers:
    def __init__(self, image: str, stub: StubS3) -> None:
        self.image, self.stub, self.inputs = image, stub, "[]"

    def run(self, code: str, *options: str) -> tuple[int, str, dict[str, Any]]:
        env = {
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.stub.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_RUN_ID": RUN,
            "AWS_RUN_BUCKET": "bucket",
            "AWS_RUN_PREFIX": PREFIX,
            "AWS_RUN_INPUTS": self.inputs,
            "AWS_RUN_COMMAND": json.dumps(["python3", "-c", code]),
        }
        settings = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
        command = ["docker", "run", "--rm", "--network", "host", *options, *settings, self.image]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        result: dict[str, Any] = json.loads(self.stub.current()[f"{PREFIX}result.json"])
        return done.returncode, done.stdout + done.stderr, result
