"""Starting, finding and stopping an embedded AWS: in this process for one command, or in one of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aws_run.errors import AwsRunError, UsageError
from aws_run.local.options import LocalAws, LocalOptions

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0


def state_dir() -> Path:
    """Where images, environments, the registry and the state file live; kept between commands."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "aws-run"


def made_state_dir() -> Path:
    """There, and shown to take files; UsageError where it does not."""
    folder = state_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise UsageError(
            f"The embedded AWS can't write to its folder {folder}: {error.strerror or error}",
            hint="set XDG_STATE_HOME to a folder that you may write to",
        ) from None


def running() -> LocalAws | None:
    """The one started by `aws-run local start`, if its process still lives."""
    found = _read_state()
    return None if found is None else found[1]


@contextlib.contextmanager
def for_command(options: LocalOptions) -> Iterator[LocalAws]:
    """A running one, else one started in this process for this command and stopped after it."""
    there = running()
    if there is not None:
        yield there
        return
    _need_moto()
    from aws_run.local.embedded import Embedded

    embedded = Embedded(options, made_state_dir())
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def start(options: LocalOptions) -> LocalAws:
    """Starts one in a process of its own, which stays until `stop`."""
    if running() is not None:
        raise AwsRunError("An embedded AWS is running already.", hint="aws-run local stop")
    _need_moto()
    state = made_state_dir()
    log = state / "local.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "aws_run.local.daemon", json.dumps(asdict(options))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = _read_state()
        if found is not None and found[0] == child.pid:
            child.returncode = 0  # it is a daemon now, not a child to wait for
            return found[1]
        if child.poll() is not None:
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    child.wait()
    lines = log.read_text(errors="replace").strip().splitlines()
    raise AwsRunError(f"The embedded AWS did not start: {lines[-1] if lines else 'no reason given'}", hint=f"see {log}")


def serve(options: LocalOptions) -> None:
    """Runs one in this process until SIGTERM or SIGINT; the state file tells others where it is."""
    from aws_run.local.embedded import Embedded

    embedded = Embedded(options, made_state_dir())
    local = embedded.start()
    path = _state_file()
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": os.getpid(), "local": asdict(local)}))
    partial.replace(path)
    try:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        path.unlink(missing_ok=True)
        embedded.stop()


def stop() -> bool:
    """Stops the running one; False where none runs."""
    found = _read_state()
    if found is None:
        return False
    pid = found[0]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        if not process_lives(pid):
            return True
        time.sleep(0.05)
    raise AwsRunError(f"The embedded AWS (process {pid}) does not stop.", hint=f"kill -9 {pid}")


def status() -> dict[str, Any] | None:
    """What the running one says of itself; None where none runs."""
    import urllib.request

    local = running()
    if local is None:
        return None
    with urllib.request.urlopen(f"{local.endpoint_url}/_aws-run/status", timeout=10) as answer:  # noqa: S310 - ours
        return {**asdict(local), **json.loads(answer.read())}


def _need_moto() -> None:
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise UsageError("The embedded AWS is not installed.", hint="pip install 'aws-run[local]'")


def _state_file() -> Path:
    return state_dir() / "local.json"


def _read_state() -> tuple[int, LocalAws] | None:
    try:
        state = json.loads(_state_file().read_text())
        pid, local = int(state["pid"]), LocalAws(**state["local"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (pid, local) if process_lives(pid) else None


def process_lives(pid: int) -> bool:
    """Whether there is a process of this id that has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A zombie has ended: its parent has just not looked yet.
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True
