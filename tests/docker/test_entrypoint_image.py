"""The entrypoint in real containers: any user, a read-only root, memory and disk that run out, orphans to reap."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docker.entrypoint_image import PREFIX, Containers
from tests.unit.transfer.stub import Seen, StubS3
from tests.unit.transfer.trees import KEY, grown, listing, send

COPY = "import shutil,sys; shutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True)"


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


@pytest.fixture
def containers(entrypoint_image: str, stub: StubS3) -> Containers:
    return Containers(entrypoint_image, stub)


@pytest.mark.parametrize(
    "options",
    [
        (),
        (
            *("--user", "12345:54321", "--read-only", "--volume", "/aws-run", "--env", "HOME=/nonexistent"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        ),
    ],
    ids=["root", "nobody"],
)
def test_any_user_on_a_read_only_root_gets_inputs_in_and_outputs_out(
    containers: Containers, stub: StubS3, tmp_path: Path, options: tuple[str, ...]
) -> None:
    version = send(stub.bucket(), grown(tmp_path)).manifest_version_id
    containers.inputs = json.dumps([{"name": "data", "snapshot_key": KEY, "version_id": version}])
    code, said, _ = containers.run(COPY, *options)
    assert code == 0, said
    sent = {key[len(PREFIX) + 7 :]: body for key, body in stub.current().items() if key.startswith(f"{PREFIX}output/")}
    assert sent == {name: found[0] for name, found in listing(tmp_path).items() if found}


def test_a_volume_that_the_user_may_not_write_to_is_one_sentence(containers: Containers, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code, said, result = containers.run(COPY, "--user", "12345:54321", "--volume", f"{tmp_path}:/aws-run")
    assert (code, result["reason"]) == (125, "sync-in-failed"), said
    assert said.count("\n") == 1
    assert "/aws-run/input can't be written; the image's user needs /aws-run to be writable" in said


def test_memory_that_runs_out_is_told_apart_from_a_kill(containers: Containers) -> None:
    code, said, result = containers.run("x = bytearray(500 << 20)", "--memory", "64m", "--memory-swap", "64m")
    assert (code, result["reason"]) == (137, "out-of-memory"), said
    assert "64.0 MiB" in result["detail"]
    code, _, result = containers.run("import os; os.kill(os.getpid(), 9)")
    assert (code, result["reason"]) == (137, "signal")


def test_a_full_disk_is_told_apart_from_a_failure(containers: Containers) -> None:
    fill = "import sys\nwith open(sys.argv[4] + '/big', 'wb') as f:\n  while True: f.write(bytes(1 << 20))"
    code, said, result = containers.run(fill, "--tmpfs", "/aws-run:mode=1777,size=40m")
    assert (code, result["reason"]) == (1, "disk-full"), said
    code, _, result = containers.run("raise SystemExit(1)", "--tmpfs", "/aws-run:mode=1777,size=40m")
    assert (code, result["reason"]) == (1, "exit")


def test_orphans_are_reaped_by_pid_1(containers: Containers) -> None:
    job = """
import glob, os, subprocess, time
subprocess.run(["sh", "-c", "sleep 0.1 &"])
def states():
    for path in glob.glob("/proc/[0-9]*/stat"):
        try: yield open(path).read().rpartition(")")[2].split()[0]
        except FileNotFoundError: pass
deadline = time.monotonic() + 180
while len(glob.glob("/proc/[0-9]*")) > 2:
    assert time.monotonic() < deadline, list(states())
    time.sleep(0.05)
"""
    code, said, _ = containers.run(job)
    assert code == 0, said


def test_a_daemon_with_a_session_of_its_own_writes_no_more_when_the_last_sync_begins(
    containers: Containers, stub: StubS3, tmp_path: Path
) -> None:
    daemon = "import sys,time\nwhile True: open(sys.argv[1], 'a').write('x'); time.sleep(0.005)"
    job = f"""
import os, subprocess, sys, time
log = sys.argv[4] + "/log"
subprocess.Popen([sys.executable, "-c", {daemon!r}, log], start_new_session=True)
while not os.path.exists(log): time.sleep(0.01)
"""
    sizes: list[int] = []

    def script(seen: Seen) -> None:
        if seen.key == f"{PREFIX}output.json" and seen.method == "GET":
            for _ in range(2):
                sizes.append((tmp_path / "output/log").stat().st_size)
                time.sleep(0.2)

    stub.script = script
    code, said, _ = containers.run(job, "--volume", f"{tmp_path}:/aws-run")
    assert code == 0, said
    assert sizes[0] == sizes[1]
