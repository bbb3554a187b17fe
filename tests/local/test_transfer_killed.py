"""SIGKILL of the entrypoint at random moments: the next attempt ends with byte-equal outputs, and nothing half shows."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, grown, listing, send
from tests.waiting import PATIENCE_S

from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT
from aws_run_entrypoint.bundle import pyz_bytes
from aws_run_entrypoint.transfer import pull_manifest

RUN = "p-20260101-000000-abcd"
PREFIX = f"runs/{RUN}/"
# The second attempt gets the first one's input folder, which no container does: what the killed one had not finished
# lies there under our own names, and a job that copied it would be refused.
COPY = (
    "import shutil,sys; "
    "shutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True, ignore=shutil.ignore_patterns('.aws-run-part-*'))"
)


def start(pyz: Path, stub: StubS3, work: Path, inputs: str, attempt: int) -> subprocess.Popen[bytes]:
    env = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": stub.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_RUN_ID": RUN,
        "AWS_RUN_ATTEMPT": str(attempt),
        "AWS_RUN_BUCKET": "bucket",
        "AWS_RUN_PREFIX": PREFIX,
        "AWS_RUN_INPUTS": inputs,
        "AWS_RUN_COMMAND": json.dumps([sys.executable, "-I", "-c", COPY]),
        "AWS_RUN_WORK_DIR": str(work),
        "AWS_RUN_SYNC_EVERY_S": "0.05",
    }
    command = [sys.executable, *ENTRYPOINT[1:-1], str(pyz)]
    with (work.parent / "said.txt").open("wb") as said:
        return subprocess.Popen(command, env=env, stderr=said, stdout=subprocess.DEVNULL)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """As when PID 1 of a container is killed: the kernel takes everything inside with it."""
    process.send_signal(signal.SIGSTOP)
    removable = [process.pid]
    for pid in removable:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            removable.extend(int(child) for child in children.read_text().split())
    for pid in removable:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / "entrypoint.pyz"
    path.write_bytes(pyz_bytes())
    return path


@pytest.mark.parametrize("moments", [16, pytest.param(50, marks=pytest.mark.nightly)])
def test_whenever_it_is_killed_the_next_attempt_ends_right(pyz: Path, tmp_path: Path, moments: int) -> None:
    source = grown(tmp_path / "in")
    (source / "big").write_bytes(os.urandom(17 << 20))
    for n in range(150):
        (source / f"many-{n}").write_bytes(os.urandom(2000))
    dice = random.Random(moments)
    whole = {name: found[0] for name, found in listing(source).items() if found}
    with StubS3() as stub:
        version = send(stub.bucket(), source).manifest_version_id
        inputs = json.dumps([{"name": "data", "snapshot_key": KEY, "version_id": version}])
        began = time.monotonic()
        assert start(pyz, stub, tmp_path / "calm", inputs, 1).wait(PATIENCE_S) == 0
        usual_s = time.monotonic() - began
        for moment in range(moments):
            for key in [key for key in stub.objects if key.startswith(PREFIX)]:
                del stub.objects[key]
            work = tmp_path / f"work-{moment % 2}"  # part files of a killed attempt lie here already
            process = start(pyz, stub, work, inputs, 1)
            time.sleep(dice.uniform(0, usual_s))
            kill_all(process)
            for key, versions in list(stub.objects.items()):
                if key.startswith(f"{PREFIX}output/"):
                    for held in versions:
                        assert held is None or held.body == whole[key[len(PREFIX) + 7 :]], f"half a file at {key}"
            code = start(pyz, stub, work, inputs, 2).wait(PATIENCE_S)
            assert code == 0, f"moment {moment}: {(tmp_path / 'said.txt').read_text()}"
            found = {k[len(PREFIX) + 7 :]: b for k, b in stub.current().items() if k.startswith(f"{PREFIX}output/")}
            assert found == whole, f"moment {moment}"
        into = tmp_path / "out"
        pull_manifest(stub.bucket(), f"{PREFIX}output.json", prefix=f"{PREFIX}output/", into=str(into))
        got = {name: found[0] for name, found in listing(into).items() if found}
        assert got == whole
