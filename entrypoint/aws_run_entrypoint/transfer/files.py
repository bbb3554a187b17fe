"""Local files as the engine reads and writes them: never torn, never half, never through a link."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import zlib
from typing import Optional, Tuple

from .errors import DiskFullError, PathError
from .paths import PART_PREFIX
from .values import Entry

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def open_regular(full: str, path: str) -> Tuple[int, os.stat_result]:
    """FileNotFoundError when it vanished; PathError when it can't be read or is no file any more."""
    try:
        fd = os.open(full, _READ)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PathError(path, f"can't be read ({error.strerror})") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise PathError(path, "is not a file any more")
    return fd, found


def shape(found: os.stat_result) -> Tuple[int, int]:
    """If it is the same before and after, what was read in between is one state of the file."""
    return (found.st_size, found.st_mtime_ns)


def crc_of(full: str, path: str) -> int:
    fd, _ = open_regular(full, path)
    with open(fd, "rb", buffering=0) as file:
        crc = 0
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                return crc
            crc = zlib.crc32(chunk, crc)


def md5_of(full: str) -> str:
    """In hex, as ETags have it."""
    sum_ = hashlib.md5(usedforsecurity=False)
    with open(full, "rb", buffering=0) as file:
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                return sum_.hexdigest()
            sum_.update(chunk)


class PartFile:
    """A file on its way: written beside its target under a name that no scan sends, renamed into place when whole."""

    def __init__(self, target: str, entry: Entry, *, preallocate: bool = False) -> None:
        self.target = target
        self.entry = entry
        folder, name = os.path.split(target)
        # The same name each time, so that what a killed process left is overwritten by the next one.
        self.part = os.path.join(folder, PART_PREFIX + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16])
        mode = 0o777 if entry.mode & 0o100 else 0o666
        try:
            self.fd = os.open(self.part, _WRITE, mode)
        except FileExistsError:
            os.unlink(self.part)
            self.fd = os.open(self.part, _WRITE, mode)
        except OSError as error:
            raise self.trouble(error) from error
        if preallocate:
            try:
                _allocate(self.fd, entry.size)
            except OSError as error:
                self.discard()
                raise self.trouble(error) from error

    def hand_over(self) -> int:
        """The inode; others write now, by the part file's name."""
        inode = os.fstat(self.fd).st_ino
        os.close(self.fd)
        self.fd = -1
        return inode

    def trouble(self, error: OSError) -> Exception:
        if error.errno in _FULL:
            return DiskFullError(f"the disk is full: {self.entry.path!r} ({self.entry.size} bytes) does not fit")
        return PathError(self.entry.path, f"can't be written ({error.strerror})")

    def write_all(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self.fd, left) :]
        except OSError as error:
            self.discard()
            raise self.trouble(error) from error

    def commit(self) -> None:
        times = (self.entry.mtime_ns, self.entry.mtime_ns)
        try:
            if self.fd < 0:
                os.utime(self.part, ns=times)
            elif os.utime in os.supports_fd:
                os.utime(self.fd, ns=times)
                os.close(self.fd)
            else:
                os.close(self.fd)
                os.utime(self.part, ns=times)
            self.fd = -1
            os.replace(self.part, self.target)
        except OSError as error:
            self.discard()
            raise self.trouble(error) from error

    def discard(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        try:
            os.unlink(self.part)
        except FileNotFoundError:
            return


def _allocate(fd: int, size: int) -> None:
    """The file's length at once, so that its pieces can come in any order; a disk too small shows before they do.

    Not fallocate: where that has to write zeros (tmpfs, some network disks) every byte would be written twice.
    """
    if hasattr(os, "fstatvfs"):
        room = os.fstatvfs(fd)
        if room.f_bavail * room.f_frsize < size:
            raise OSError(errno.ENOSPC, "No space left on device")
    os.truncate(fd, size)


def set_exec(target: str, entry: Entry, found: os.stat_result) -> None:
    """The owner's exec bit as in the manifest, wherever others may read also for them."""
    mode = stat.S_IMODE(found.st_mode)
    wanted = mode | ((mode & 0o444) >> 2) if entry.mode & 0o100 else mode & ~0o111
    if wanted != mode and os.name != "nt":
        os.chmod(target, wanted)


def lstat_or_none(full: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(full)
    except FileNotFoundError:
        return None
