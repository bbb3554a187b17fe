"""Runs the programs of a build. They end together with the build, whoever stops it and whatever they wait for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from aws_run.errors import InterruptedRunError

_POLL_S = 0.1
_GRACE_S = 3.0  # between SIGTERM and SIGKILL


def run_program(
    argv: Sequence[str],
    *,
    on_line: Callable[[str], None],
    stop: threading.Event,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: IO[bytes] | None = None,
    on_started: Callable[[int], None] = lambda pid: None,
) -> int:
    """Runs a program and returns its exit code; each line of its output goes to `on_line`.

    The program has its own process group: once `stop` is set, it and everything it has started are terminated, and
    InterruptedRunError is raised. It is terminated as well when `on_line` raises.
    """
    finished = threading.Event()
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    ) as process:
        threading.Thread(
            target=_terminate_on_stop, args=(process, stop, finished), name="build-stop", daemon=True
        ).start()
        try:
            on_started(process.pid)
            assert process.stdout is not None
            for raw in process.stdout:
                on_line(raw.decode(errors="replace").rstrip("\r\n"))
            process.wait()
        except BaseException:
            _terminate(process)
            raise
        finally:
            finished.set()
    if stop.is_set():
        raise InterruptedRunError(f"{Path(argv[0]).name} was stopped")
    return process.returncode


def _terminate_on_stop(process: subprocess.Popen[bytes], stop: threading.Event, finished: threading.Event) -> None:
    while not finished.is_set():
        if stop.wait(_POLL_S):
            if not finished.is_set():
                _terminate(process)
            return


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Terminates the program, then kills the rest of its group: a helper process may outlive it."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:  # Windows
            process.terminate()
