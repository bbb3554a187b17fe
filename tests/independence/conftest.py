"""The images that `tools/pythons` makes are there on demand: `make independence`. What is on the machine runs always."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3

from aws_run_entrypoint.bundle import write_pyz

WHOLE = os.environ.get("AWS_RUN_INDEPENDENCE") == "whole"
collect_ignore = [] if WHOLE else ["test_images.py"]


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / "entrypoint.pyz"
    write_pyz(path)
    return path


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running
