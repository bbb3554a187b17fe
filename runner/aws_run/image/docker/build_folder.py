"""The folder of one build: its context, and the machine's index passwords and certificates while the build runs.

It goes with the build, however that ends. What a killed client has left is swept by the next submit: a folder that is
ours and whose lock nobody holds. Process ids alone would not do, since they mean nothing between containers that share
a folder for temporary files.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows: nothing can be shown to be left there
    fcntl = None

_PREFIX = "aws-run-build-"
_LOCK, _CHILD = "lock", "child"
# The build removes the folder itself when it is stopped; one that can't hear it is not waited for.
_GOES_WITHIN_S = 4.0
# Of folders without a lock: one that is being made this moment has none yet, and older versions made none.
_OLD_AFTER_S = 24 * 3600


@contextlib.contextmanager
def build_folder(stop: threading.Event) -> Iterator[Path]:
    """A folder that only this user may enter (0700). It is removed at the end, and soon after `stop` at the latest."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    over = threading.Event()
    lock: int | None = None
    try:
        lock = _lock(folder)
        watcher = threading.Thread(target=_remove_when_stopped, args=(folder, stop, over), daemon=True)
        watcher.start()
        yield folder
    finally:
        over.set()
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def note_child(folder: Path, pid: int) -> None:
    """The program that builds. Where its client is killed it may go on: the sweep ends it."""
    started = _started(pid)
    if started is not None:
        (folder / _CHILD).write_text(json.dumps({"pid": pid, "started": started}), encoding="ascii")


def sweep() -> None:
    """Removes what dead clients of this user have left for their builds, and ends what still builds from it."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                _sweep_one(folder, status.st_mtime)


def _sweep_one(folder: Path, changed_s: float) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        if time.time() - changed_s > _OLD_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: its client is alive
        _end_child(folder)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _end_child(folder: Path) -> None:
    """Only while it is the very process that was noted: its id may be another's by now."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads((folder / _CHILD).read_text(encoding="ascii"))
        pid = int(noted["pid"])
        if pid > 1 and _started(pid) == noted["started"] and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)


def _started(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; None where that can't be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _lock(folder: Path) -> int | None:
    """Held by this process alone, and given back by the kernel when it ends however it ends."""
    if fcntl is None:
        return None
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _remove_when_stopped(folder: Path, stop: threading.Event, over: threading.Event) -> None:
    while not over.is_set():
        if stop.wait(0.2):
            if not over.wait(_GOES_WITHIN_S):
                shutil.rmtree(folder, ignore_errors=True)
            return
