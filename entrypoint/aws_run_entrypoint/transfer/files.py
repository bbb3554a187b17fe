"""Local files as the engine reads and writes them: never half written, never through a link."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
import zlib
from contextlib import suppress
from typing import Optional, Tuple

from .errors import BusyError, DiskFullError, EngineError, PathError, UnwritableError
from .paths import PART_PREFIX
from .values import Entry

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_UNKNOWN_ROOM = 1 << 62
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
# For names that no other process makes, not even one of another machine on a shared disk.
_PROCESS = f"{os.getpid():x}-{os.urandom(4).hex()}"
_NUMBERS = itertools.count()


def open_regular(full: str, path: str) -> Tuple[int, os.stat_result]:
    """FileNotFoundError when it vanished; PathError when it can't be read or is no file any more."""
    try:
        fd = os.open(full, _READ)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PathError(path, f"can't be read ({error.strerror})") from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise PathError(path, "is not a file any more")
    return fd, status


def shape(status: os.stat_result) -> Tuple[int, int, int]:
    """If it is the same before and after, what was read in between is one state of the file. The ctime moves also where
    the mtime is set back."""
    return (status.st_size, status.st_mtime_ns, 0 if os.name == "nt" else status.st_ctime_ns)


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
    """A file on its way: written beside its target under a name that no scan sends, renamed into place when whole.

    `big`: room for the whole file is allocated first, and the part's name is the same each time, so that the next
    process overwrites what a killed one left. Nobody can tell the part of a killed client from that of a running one,
    so another client of the same folder may take the name over. The one that lost it gets BusyError, and neither
    renames nor removes a part that is not its own. A small part exists for microseconds, under a name of its own.
    """

    def __init__(self, target: str, entry: Entry, *, big: bool = False) -> None:
        self.target = target
        self.entry = entry
        self.big = big
        name = os.path.basename(target).encode("utf-8", "replace")
        self.part = self._beside(hashlib.sha256(name).hexdigest()[:16]) if big else self._own_name()
        mode = 0o777 if entry.mode & 0o100 else 0o666
        try:
            try:
                self.fd = os.open(self.part, _WRITE, mode)
            except FileExistsError:
                os.unlink(self.part)
                self.fd = os.open(self.part, _WRITE, mode)
        except FileExistsError:  # two of us made room for themselves at once
            raise self._busy() from None
        except OSError as error:
            raise write_error(entry, error) from error
        self._identity = _identity(os.fstat(self.fd))
        if big:
            try:
                _allocate(self.fd, entry.size)
            except OSError as error:
                self.discard()
                raise write_error(entry, error) from error

    @property
    def inode(self) -> int:
        """Its number stays unique while this process has the file open; after that another file may get it."""
        return self._identity[0]

    def missing_bytes(self) -> int:
        """How much of it has no room on the disk yet."""
        blocks = getattr(os.fstat(self.fd), "st_blocks", 0) if self.fd >= 0 else 0
        return int(max(0, self.entry.size - 512 * blocks))

    def write_all(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self.fd, left) :]
        except OSError as error:
            self.discard()
            raise write_error(self.entry, error) from error

    def commit(self) -> None:
        times = (self.entry.mtime_ns, self.entry.mtime_ns)
        by_descriptor = os.utime in os.supports_fd
        try:
            if by_descriptor:
                os.utime(self.fd, ns=times)
            if os.name == "nt":  # what is open can't be renamed there
                self._close()
            if self.big:
                self._claim()
            if not by_descriptor:
                os.utime(self.part, ns=times)
            os.replace(self.part, self.target)
            self._close()
        except OSError as error:
            self.discard()
            raise write_error(self.entry, error) from error

    def discard(self) -> None:
        ours = self._is_ours()
        self._close()
        if ours:
            with suppress(FileNotFoundError):
                os.unlink(self.part)

    def _claim(self) -> None:
        """Renames the part to a name of its own before it checks whose it is. In the other order another client could
        put its half file there between check and rename, and that would get the final name."""
        if not self._is_ours():
            raise self._busy()
        shared, self.part = self.part, self._own_name()
        os.rename(shared, self.part)
        if not self._is_ours():
            os.rename(self.part, shared)
            raise self._busy()

    def _is_ours(self) -> bool:
        status = lstat_or_none(self.part)
        return status is not None and _identity(status) == self._identity

    def _busy(self) -> BusyError:
        folder = os.path.dirname(self.target)
        return BusyError(f"somebody else is writing into {folder!r} and has begun {self.entry.path!r} anew")

    def _own_name(self) -> str:
        return self._beside(f"{_PROCESS}-{next(_NUMBERS):x}")

    def _beside(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.target), PART_PREFIX + name)

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def write_error(entry: Entry, error: OSError) -> EngineError:
    """Why this machine could not write `entry`, as the engine's error."""
    if error.errno in _FULL:
        return disk_full(entry)
    return UnwritableError(entry.path, f"can't be written ({error.strerror})")


def disk_full(entry: Entry) -> DiskFullError:
    return DiskFullError(f"the disk is full: {entry.path!r} ({entry.size} bytes) does not fit")


def room_at(folder: str) -> int:
    """Bytes that are free there for this user; a huge number where the system does not tell."""
    if not hasattr(os, "statvfs"):
        return _UNKNOWN_ROOM
    try:
        disk = os.statvfs(folder)
    except OSError:
        return _UNKNOWN_ROOM
    return disk.f_bavail * disk.f_frsize


def _identity(status: os.stat_result) -> Tuple[int, int]:
    """Without the device on Windows, where it differs between a path and a descriptor."""
    return (status.st_ino, 0 if os.name == "nt" else status.st_dev)


def _allocate(fd: int, size: int) -> None:
    """Gives the file its length at once, so that its pieces can come in any order; a full disk is noticed before that.

    Not fallocate: where that has to write zeros (tmpfs, some network disks) every byte would be written twice.
    """
    if hasattr(os, "fstatvfs"):
        room = os.fstatvfs(fd)
        if room.f_bavail * room.f_frsize < size:
            raise OSError(errno.ENOSPC, "No space left on device")
    os.truncate(fd, size)


def set_exec(target: str, entry: Entry, status: os.stat_result) -> None:
    """The owner's exec bit as in the manifest, wherever others may read also for them."""
    mode = stat.S_IMODE(status.st_mode)
    wanted = mode | ((mode & 0o444) >> 2) if entry.mode & 0o100 else mode & ~0o111
    if wanted != mode and os.name != "nt":
        os.chmod(target, wanted)


def lstat_or_none(full: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(full)
    except FileNotFoundError:
        return None
