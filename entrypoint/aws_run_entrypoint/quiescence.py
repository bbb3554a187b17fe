"""Which files may be sent while the job still runs."""

from __future__ import annotations

import os
import time
from typing import Callable, Dict, Iterator, Tuple

from .folders import force_recheck
from .transfer import ScannedFile

QUIET_S = 2.0


class StableFiles:
    """A file may go while the job runs when two looks saw the same size and mtime, the latter `quiet_s` ago or more, or
    when the second look found another file under its name that nobody has open: so does a checkpoint that is written
    beside and renamed, again and again.

    Nothing proves that a writer is done; the last sync, when no writer is left, sends what was sent too early. For that
    it has to see from size and mtime what was written since, and Linux moves the mtime of a mapped file (np.memmap,
    LMDB) only when a clean page is written to. So the pages of a file that may go are written out first.
    """

    def __init__(self, folder: str, quiet_s: float = QUIET_S, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._quiet_ns = int(quiet_s * 1e9)
        self._now = now
        self._seen: Dict[str, Tuple[int, int, int]] = {}  # size, mtime_ns, inode
        self._going: Dict[str, int] = {}  # mtime_ns

    def __call__(self, file: ScannedFile) -> bool:
        full = os.path.join(self._folder, file.path)
        inode = _inode(full)
        before = self._seen.get(file.path)
        same = before is not None and before[:2] == (file.size, file.mtime_ns)
        old = int(self._now() * 1e9) - file.mtime_ns >= self._quiet_ns
        replaced = before is not None and 0 not in (inode, before[2]) and before[2] != inode
        replaced = replaced and not is_open(full)
        if not (same and old) and not replaced:
            self._seen[file.path] = (file.size, file.mtime_ns, inode)
            return False
        if replaced:  # of a file that is always replaced the last inode is what tells
            self._seen[file.path] = (file.size, file.mtime_ns, inode)
        else:
            del self._seen[file.path]
        self._going[file.path] = file.mtime_ns
        _write_out_pages(full)
        return True

    def sync_is_over(self) -> None:
        """A file that was written to before it was read may have been sent with its new mtime but without its last
        bytes, for its pages were not clean any more: it is compared anew."""
        going, self._going = self._going, {}
        for path, mtime_ns in going.items():
            full = os.path.join(self._folder, path)
            try:
                moved = os.stat(full).st_mtime_ns != mtime_ns
                if moved:
                    _write_out_pages(full)
                    force_recheck(full, os.stat(full))
            except OSError:
                continue


def _write_out_pages(full: str) -> None:
    """The kernel writes the pages out and protects them, so that the next write through a mapping moves the mtime
    (file_update_time in the file systems' page_mkwrite)."""
    try:
        fd = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # vanished, or not readable: the engine reports it
    try:
        os.fsync(fd)
    except OSError:
        return
    finally:
        os.close(fd)


def _inode(full: str) -> int:
    try:
        return os.stat(full).st_ino
    except OSError:
        return 0


def is_open(path: str, proc: str = "/proc") -> bool:
    """Whether a process that this user may look into has the file open, which then may still be written. True where
    there is no /proc."""
    try:
        wanted = os.stat(path)
        pids = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return True
    return any((wanted.st_dev, wanted.st_ino) in _open_files(f"{proc}/{pid}/fd") for pid in pids)


def _open_files(folder: str) -> Iterator[Tuple[int, int]]:
    try:
        numbers = os.listdir(folder)
    except OSError:
        return  # ended meanwhile, or another user's
    for number in numbers:
        try:
            status = os.stat(f"{folder}/{number}")
        except OSError:
            continue
        yield status.st_dev, status.st_ino
