"""The files below a folder of the run, and whether its file system notices every change."""

from __future__ import annotations

import os
import stat
from typing import Iterator, Tuple

# A write through a mapping moves no mtime there (mm/shmem.c has no page_mkwrite), so size and mtime prove nothing.
_WITHOUT_MAPPED_MTIME = ("tmpfs", "ramfs")


def files_below(folder: str) -> Iterator[Tuple[str, os.stat_result]]:
    """Each file's path and state, in no order. Links are not followed; folders may be nested to any depth."""
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


def notices_mapped_writes(folder: str, mounts: str = "/proc/self/mountinfo") -> bool:
    try:
        device = os.stat(folder).st_dev
        with open(mounts, encoding="utf-8", errors="replace") as file:
            for line in file:
                # 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw (proc_pid_mountinfo(5))
                before, _, after = line.partition(" - ")
                if before.split()[2] == f"{os.major(device)}:{os.minor(device)}":
                    return after.split()[0] not in _WITHOUT_MAPPED_MTIME
    except (OSError, IndexError):
        return True
    return True


def force_recheck(path: str, status: os.stat_result) -> None:
    """Moves the mtime on by a nanosecond, so that the next sync compares the bytes of the file with those in S3."""
    try:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    except OSError:
        return  # vanished, or another user's
