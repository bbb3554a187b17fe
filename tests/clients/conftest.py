"""Programs and libraries that nobody here wrote, in an environment of their own, and an embedded AWS for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud

ROOT = Path(__file__).resolve().parents[2]
Client = Callable[..., str]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of their programs, installed where they are not; a failure where that can't be."""
    done = subprocess.run(
        [str(ROOT / "tools/clients-venv")], capture_output=True, text=True, check=False, cwd=ROOT, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.strip()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    session = boto3.Session(region_name="us-east-1")
    with cloud(tmp_path_factory.mktemp("home"), session) as running:
        yield running


@pytest.fixture
def client(aws: Cloud, programs: Path, tmp_path: Path) -> Client:
    """`client("aws", "s3", "ls")`: runs one of their programs with the environment that `aws-run local start` exports;
    its stdout. Where it fails, so does the test, with what it said."""

    def run(program: str, *arguments: object) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        done = subprocess.run(
            [str(programs / program), *map(str, arguments)], capture_output=True, text=True, check=False, cwd=tmp_path,
            timeout=300, env={**kept, "HOME": str(tmp_path), "AWS_PAGER": "", **aws.local.environment()},
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
