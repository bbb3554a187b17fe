"""The whole entrypoint as a process, against a stub S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import send
from tests.waiting import PATIENCE_S, until

from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT
from aws_run_entrypoint.bundle import pyz_bytes

RUN = "p-20260101-000000-abcd"
PREFIX = f"runs/{RUN}/"
COPY = "import shutil,sys; shutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True)"
TIDY = """
import pathlib, signal, sys, time
out = pathlib.Path(sys.argv[4])
def stop(number, frame):
    (out / "stopped").write_text(str(int(number)))
    sys.exit(3)
for n in (signal.SIGTERM, signal.SIGINT): signal.signal(n, stop)
signal.signal(signal.SIGUSR1, lambda n, f: (out / "usr1").write_text(""))
(out / "ready").write_text("")
while True: time.sleep(0.05)
"""


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / "entrypoint.pyz"
    path.write_bytes(pyz_bytes())
    return path


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


class Container:
    """Starts the entrypoint as a container would, with a work folder of its own for each start."""

    def __init__(self, pyz: Path, stub: StubS3, tmp_path: Path) -> None:
        self.pyz, self.stub, self.tmp_path = pyz, stub, tmp_path
        self.starts = 0
        self.work = tmp_path

    def start(
        self, *command: str, image: list[str] | None = None, before: tuple[str, ...] = (), **env: str
    ) -> subprocess.Popen[str]:
        """`before`: a command line that the container's own is put after."""
        self.starts += 1
        self.work = self.tmp_path / f"work-{self.starts}"
        self.work.mkdir()
        said = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.stub.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_RUN_ID": RUN,
            "AWS_RUN_BUCKET": "bucket",
            "AWS_RUN_BUCKET_OWNER": "123456789012",
            "AWS_RUN_PREFIX": PREFIX,
            "AWS_RUN_WORK_DIR": str(self.work),
            "AWS_RUN_STOP_GRACE_S": "5",
        }
        if command:
            said["AWS_RUN_COMMAND"] = json.dumps(command)
        return subprocess.Popen(
            [*before, sys.executable, *ENTRYPOINT[1:-1], str(self.pyz), *(image or [])],
            env={**said, **env},
            cwd=self.tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **env: Any) -> tuple[int, str, str]:
        process = self.start(*command, **env)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stub.current()[f"{PREFIX}result.json"])
        return found

    def outputs(self) -> dict[str, bytes]:
        before = f"{PREFIX}output/"
        return {key[len(before) :]: body for key, body in self.stub.current().items() if key.startswith(before)}


@pytest.fixture
def container(pyz: Path, stub: StubS3, tmp_path: Path) -> Container:
    return Container(pyz, stub, tmp_path)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def snapshot(stub: StubS3, folder: Path) -> str:
    done = send(stub.bucket(), folder)
    return json.dumps(
        [{"name": "data", "snapshot_key": "inputs/p/data.snapshot.json", "version_id": done.manifest_version_id}]
    )


def wait_for(stub: StubS3, path: Path) -> None:
    until(path.exists)
