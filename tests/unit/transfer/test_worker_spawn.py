"""Helper processes: forked and started by name do the same, and what happens to one is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Seen, StubS3
from tests.unit.transfer.trees import KEY, PREFIX, listing, send
from tests.waiting import PATIENCE_S

from aws_run_entrypoint.transfer import EngineError, worker_spawn

ENTRYPOINT = Path(worker_spawn.__file__).parents[2]
# One thread, so that helpers are forked. What the parent would do at a signal or at its end must happen once, in it.
ALONE = """
import atexit, signal, sys
sys.path.insert(0, sys.argv[1])
from aws_run_entrypoint.transfer import Bucket, Credentials, StaticSource, process_pool, pull, pull_manifest, push_folder, worker_spawn
process_pool.WORTH_BYTES = pull.WORTH_BYTES = 1
worker_spawn.SpawnedWorker = None
atexit.register(print, "the end")
signal.signal(signal.SIGTERM, lambda *_: print("stopped"))
url, folder, into, prefix, key = sys.argv[2:]
bucket = Bucket("bucket", "us-east-1", StaticSource(Credentials("key", "secret")), url)
push_folder(bucket, folder, prefix=prefix, manifest_key=key, helpers=3)
pull_manifest(bucket, key, prefix=prefix, into=into, helpers=3)
"""


def big(folder: Path) -> Path:
    folder.mkdir()
    for name, size in (("one", 41), ("two", 17)):
        (folder / name).write_bytes(os.urandom(size << 20))
    (folder / "small").write_bytes(b"small")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="only there are helpers forked")
def test_a_process_of_one_thread_forks_its_helpers(stub: StubS3, tmp_path: Path) -> None:
    source = big(tmp_path / "in")
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(ENTRYPOINT), stub.url, str(source), str(tmp_path / "out")]
    done = subprocess.run([*command, PREFIX, KEY], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr) == ("the end\n", "")
    assert listing(tmp_path / "out") == listing(source)
    assert stub.uploads == {}


def test_a_process_with_threads_does_not_fork() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not worker_spawn.can_fork()
    finally:
        stop.set()
        thread.join()


def test_a_helper_that_is_killed_is_said_and_leaves_no_upload(
    stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_run_entrypoint.transfer.process_pool.WORTH_BYTES", 1)
    started: list[int] = []
    spawned = worker_spawn.SpawnedWorker.__init__

    def start(self: worker_spawn.SpawnedWorker) -> None:
        spawned(self)
        started.append(self._process.pid)

    def script(seen: Seen) -> None:
        if seen.query.get("partNumber") == "2":
            for pid in started:
                os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(worker_spawn.SpawnedWorker, "__init__", start)
    stub.script = script
    with pytest.raises(EngineError, match="a helper process died"):
        send(stub.bucket(), big(tmp_path / "in"), helpers=2)
    assert len(started) == 2
    assert stub.uploads == {}


def test_a_helper_whose_parent_is_gone_ends_without_a_word(stub: StubS3) -> None:
    read, write = os.pipe()
    bucket = stub.bucket()
    first = {
        "bucket": {name: getattr(bucket, name) for name in ("name", "region", "endpoint_url", "owner")},
        "credentials": list(bucket.credentials.get()),
    }
    start = [sys.executable, "-I", "-S", "-c", worker_spawn._START, str(ENTRYPOINT)]
    with subprocess.Popen(start, stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE, text=True) as helper:
        os.close(write)
        os.close(read)
        _, told = helper.communicate(json.dumps(first) + "\n\n", timeout=PATIENCE_S)
    assert (helper.returncode, told) == (1, "")
