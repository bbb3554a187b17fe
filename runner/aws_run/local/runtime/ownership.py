"""Which embedded AWS a container belongs to, so that one that was killed can be told from one that lives elsewhere.

Process ids mean nothing between containers that share an engine. Each embedded AWS holds a lock on a file of its own
for as long as its process lives; its containers carry the file's path. Only a file that is here and that nobody holds
shows that its owner has died: what can't be seen from here belongs to somebody else.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from pathlib import Path
from typing import Any

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows: nothing can be shown to be orphaned there
    fcntl = None

LABEL = "aws-run.local.lock"


class OwnerLock:
    """This process's lock; given back by `release`, or by the kernel when the process ends however it ends."""

    def __init__(self, state_dir: Path) -> None:
        folder = state_dir / "owners"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = str(folder.resolve() / f"{secrets.token_hex(16)}.lock")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if fcntl is not None:
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def release(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).unlink()
        os.close(self._fd)


def owner_has_died(path: str) -> bool:
    """Whether the lock at `path` is here and held by nobody."""
    if fcntl is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
