"""Many small files in and out through the whole main job, on an embedded AWS of its own.

    .venv/bin/python benchmarks/main_job/many_files.py [--files 100000] [--bytes 1024] [--follow]

One `aws-run submit`: the files go in, a job copies them, they come out; then every byte is compared. Printed are the
seconds of it all and of its parts, and the peak memory of the client and of the container's PID 1. The server is moto,
some hundreds of requests a second: the seconds are its own, the memory and the result are ours. Minutes; on demand.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from aws_run.local.ask import ask
from aws_run.local.state import find_running

SCRIPT = """
import argparse, os, shutil
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
options = parser.parse_args()
for folder, _, names in os.walk(options.i):
    to = os.path.join(options.o, os.path.relpath(folder, options.i))
    os.makedirs(to, exist_ok=True)
    for name in names:
        shutil.copyfile(os.path.join(folder, name), os.path.join(to, name))
"""
A_FOLDER = 1000
PID_1 = b"aws_run_entrypoint"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=1024)
    parser.add_argument("--follow", action="store_true", help="with --follow-output")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        return _measure(Path(home), asked.files, asked.bytes, ["--follow-output"] if asked.follow else [])


def _measure(home: Path, files: int, size: int, more: list[str]) -> int:
    project, data, out = home / "many", home / "data", home / "out"
    project.mkdir()
    (project / "main.py").write_text(SCRIPT)
    _make(data, files, size)
    environment = {**os.environ, "XDG_STATE_HOME": str(home / "state")}
    _tool(["local", "start", "--runtime", "process", "--boot-seconds", "0.05"], environment)
    try:
        began = time.monotonic()
        submit = [
            "submit",
            str(project),
            "-i",
            str(data),
            "-o",
            str(out),
            "--local",
            "--timeout",
            "2h",
            "--debug",
            *more,
        ]
        said, code, client_kib, pid_1_kib = _watched(submit, environment)
        took = time.monotonic() - began
        calls = _calls(environment)
        return _tell(
            files, size, took, calls, client_kib, pid_1_kib, said, 0 if code else _differences(data, out), code
        )
    finally:
        _stop(environment)


def _tell(
    files: int, size: int, took: float, calls: int, client_kib: int, pid_1_kib: int, said: str, wrong: int, code: int
) -> int:
    if code:
        print(said, flush=True)
        return 1
    print(f"{files} files of {size} bytes in and out: {took:.0f} s, {files * 2 / took:.0f} files a second")
    print(f"client: peak {client_kib / 1024:.0f} MiB; PID 1 of the container: peak {pid_1_kib / 1024:.0f} MiB")
    print(f"requests of the client: {calls}; files that differ: {wrong}")
    for line in said.splitlines():
        if re.match(r"(input|job|run|output|result) ", line) and not re.search(r" of [\d,]+ files", line):
            print(f"  {line}")
    sys.stdout.flush()  # the folders take minutes to remove
    return 1 if wrong else 0


def _stop(environment: dict[str, str]) -> None:
    """It has as many files to forget, and is not waited for: what it holds goes with the temporary folder."""
    state = Path(environment["XDG_STATE_HOME"]) / "aws-run/local.json"
    os.kill(int(json.loads(state.read_text())["pid"]), signal.SIGKILL)


def _make(data: Path, files: int, size: int) -> None:
    for number in range(files):
        if number % A_FOLDER == 0:
            (data / f"{number // A_FOLDER:05}").mkdir(parents=True)
        path = data / f"{number // A_FOLDER:05}" / f"{number:07}.bin"
        path.write_bytes(number.to_bytes(8, "big") * (size // 8) + b"x" * (size % 8))


def _watched(arguments: list[str], environment: dict[str, str]) -> tuple[str, int, int, int]:
    """(what it said, exit code, peak KiB of the client, peak KiB of the entrypoint)"""
    client = subprocess.Popen(
        [sys.executable, "-m", "aws_run.cli", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peaks = {"client": 0, "pid 1": 0}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            peaks["client"] = max(peaks["client"], _peak_kib(client.pid))
            for pid in _entrypoints(environment["XDG_STATE_HOME"]):
                peaks["pid 1"] = max(peaks["pid 1"], _peak_kib(pid))

    looker = threading.Thread(target=look)
    looker.start()
    assert client.stderr is not None
    with client.stderr:
        said = client.stderr.read()
    code = client.wait()
    over.set()
    looker.join()
    return said, code, peaks["client"], peaks["pid 1"]


def _peak_kib(pid: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _entrypoints(state: str) -> list[int]:
    """Processes that are the container's PID 1 of this embedded AWS."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if PID_1 in (folder / "cmdline").read_bytes() and state.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _calls(environment: dict[str, str]) -> int:
    there = find_running(Path(environment["XDG_STATE_HOME"]) / "aws-run")
    assert there is not None
    return int(ask(there.local, "calls", timeout_s=60.0)["calls"])


def _differences(data: Path, out: Path) -> int:
    """Files that are missing, extra or other than they went in."""
    sent = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    got = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    _, wrong, unread = filecmp.cmpfiles(data, out, sorted(sent & got), shallow=False)
    return len(sent ^ got) + len(wrong) + len(unread)


def _tool(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aws_run.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    sys.exit(main())
