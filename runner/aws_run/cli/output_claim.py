"""Whether another command of this user writes its results into the same folder, on this machine.

The operating system ends a claim with the process that made it. Where there are no locks (Windows), or no folder for
them, nobody is warned: it is a help, not a guard. The transfer engine itself never mixes two versions of one file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

from aws_run.cli.output_memory import state_folder
from aws_run.naming import is_run_id

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:
    fcntl = None

_held: list[int] = []  # descriptors: closing one would end its claim


def claim_output(folder: Path, run_id: str) -> str | None:
    """Claims `folder` for `run_id` until this process ends; the run that has it already, which keeps it."""
    if fcntl is None:
        return None
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        locks = state_folder() / "writing"
        locks.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
        descriptor = os.open(locks / name, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(descriptor, 100).decode("ascii", "replace")
            os.close(descriptor)
            return other if is_run_id(other) else "another run"
        _held.append(descriptor)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, run_id.encode())
    return None
