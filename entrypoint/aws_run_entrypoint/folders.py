"""What is in a folder of the run's, and what its file system tells of changes."""

from __future__ import annotations

import os
import stat
from typing import Iterator, Tuple

# They never notice a write through a mapping (no page_mkwrite in mm/shmem.c), so size and mtime prove nothing there.
_SILENT = ("tmpfs", "ramfs")


def files_below(folder: str) -> Iterator[Tuple[str, os.stat_result]]:
    """Each file's path and state, in no order; links are not followed. No depth is too much for it."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue  # gone meanwhile
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(entry.path)
                    elif stat.S_ISREG(status.st_mode):
                        yield entry.path, status
        except OSError:
            continue


def tells_of_mapped_writes(folder: str, mounts: str = "/proc/self/mountinfo") -> bool:
    try:
        device = os.stat(folder).st_dev
        with open(mounts, encoding="utf-8", errors="replace") as file:
            for line in file:
                # 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw (proc_pid_mountinfo(5))
                before, _, after = line.partition(" - ")
                if before.split()[2] == f"{os.major(device)}:{os.minor(device)}":
                    return after.split()[0] not in _SILENT
    except (OSError, IndexError):
        return True
    return True


def force_recheck(path: str, status: os.stat_result) -> None:
    """A nanosecond on the mtime: the next sync compares its bytes, whatever an earlier one has noted of it."""
    try:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    except OSError:
        return  # vanished, or another user's
