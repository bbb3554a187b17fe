"""Programs that a build runs beside us: they end with us, whoever stops the build and whatever they wait for."""

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

_LOOKS_EVERY_S = 0.1
_ENDS_WITHIN_S = 3.0  # of being asked; after that it is killed


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
    """Its exit code; each line of what it prints goes to `on_line`.

    It has a process group of its own: once `stop` is set, it and all that it has started are ended, and
    InterruptedRunError is raised. The same happens to it when `on_line` raises.
    """
    over = threading.Event()
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    ) as process:
        threading.Thread(target=_end_when_told, args=(process, stop, over), name="build-stop", daemon=True).start()
        try:
            on_started(process.pid)
            assert process.stdout is not None
            for raw in process.stdout:
                on_line(raw.decode(errors="replace").rstrip("\r\n"))
            process.wait()
        except BaseException:
            _end(process)
            raise
        finally:
            over.set()
    if stop.is_set():
        raise InterruptedRunError(f"{Path(argv[0]).name} was stopped")
    return process.returncode


def _end_when_told(process: subprocess.Popen[bytes], stop: threading.Event, over: threading.Event) -> None:
    while not over.is_set():
        if stop.wait(_LOOKS_EVERY_S):
            if not over.is_set():
                _end(process)
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the program, then kills what is left of its group: a helper of its own may outlive it."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN_S)
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:  # Windows
            process.terminate()
