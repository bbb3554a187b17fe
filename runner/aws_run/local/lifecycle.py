"""Starting, finding and stopping an embedded AWS: in this process for one command, or in one of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aws_run.errors import AwsRunError, UsageError
from aws_run.extras import install_hint
from aws_run.local import state
from aws_run.local.ask import ask
from aws_run.local.disk import disk_use
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.state import LOG, made_state_dir

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0


def running() -> LocalAws | None:
    """The one started by `aws-run local start`, if it still lives."""
    there = state.find_running(state.state_dir())
    return None if there is None else there.local


@contextlib.contextmanager
def for_command(options: LocalOptions) -> Iterator[LocalAws]:
    """A running one, else one started in this process for this command and stopped after it."""
    there = running()
    if there is not None:
        yield there
        return
    need_moto()
    from aws_run.local.embedded import Embedded

    embedded = Embedded(options, made_state_dir())
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def start(options: LocalOptions) -> tuple[LocalAws, bool]:
    """The one that runs, or a new one in a process of its own, which stays until `stop`; and whether it is new. Of
    several that are called at once, one starts it and the others wait for that."""
    folder = made_state_dir()
    with state.starting(folder):
        there = running()
        if there is not None:
            return there, False
        need_moto()
        return _start(options, folder), True


def _start(options: LocalOptions, folder: Path) -> LocalAws:
    log = folder / LOG
    log.write_bytes(b"")
    with log.open("ab") as output:  # what is noted there by its name comes after this, not over it
        child = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "aws_run.local.daemon", json.dumps(asdict(options))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        there = state.find_running(folder)
        if there is not None and there.pid == child.pid:
            child.returncode = 0  # it is a daemon now, not a child to wait for
            return there.local
        if child.poll() is not None:
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    child.wait()
    lines = log.read_text(errors="replace").strip().splitlines()
    raise AwsRunError(f"The embedded AWS did not start: {lines[-1] if lines else 'no reason given'}", hint=f"see {log}")


def serve(options: LocalOptions) -> None:
    """Runs one in this process until SIGTERM, SIGINT or `stop`; the state file tells others where it is."""
    need_moto()
    from aws_run.local.embedded import Embedded

    folder = made_state_dir()
    # Blocked here and taken by sigwait, also in the threads that start below.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    embedded = Embedded(options, folder)
    embedded.world.end = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with state.held(folder):
        try:
            with state.written(folder, embedded.start()):
                signal.sigwait({signal.SIGTERM, signal.SIGINT})
        finally:
            embedded.stop()


def stop() -> bool:
    """Tells the running one to stop; False where none runs.

    No process is signalled: only the one that holds the lock and knows the token hears of it.
    """
    folder = state.state_dir()
    there = state.find_running(folder)
    if there is None:
        return False
    with contextlib.suppress(AwsRunError):  # it may be gone before its answer arrives; the lock tells
        ask(there.local, "stop", {}, timeout_s=_STOP_TIMEOUT_S)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        if not state.is_held(folder, there.pid):
            return True
        time.sleep(0.05)
    raise AwsRunError(f"The embedded AWS (process {there.pid}) does not stop.", hint=f"kill -9 {there.pid}")


def status() -> dict[str, Any] | None:
    """What the running one says of itself, without its secrets; None where none runs."""
    local = running()
    if local is None:
        return None
    told = {name: value for name, value in asdict(local).items() if name not in ("access_key", "secret_key", "token")}
    told["log"] = str(Path(local.state_dir) / LOG)
    return {**told, **ask(local, "status", timeout_s=10.0), "disk_bytes": disk_use(state.state_dir())}


def need_moto() -> None:
    """UsageError where the parts that only the embedded AWS needs are not installed."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise UsageError("The embedded AWS is not installed.", hint=install_hint("local"))
