"""The bodies of requests and answers that are files, without holding big files in memory."""

from __future__ import annotations

import os
import zlib

from .errors import CorruptError
from .values import KIB

READ_CHUNK = 256 * KIB


class FileSlice:
    """Bytes [offset, offset + length) of an open file as a request body, read as the socket takes them.

    The checksum has to stand in the head of the request, so the slice is read twice; the second time it comes from the
    page cache. A file that changes in between fails S3's check of the sum, never silently.
    """

    __slots__ = ("fd", "length", "offset")

    def __init__(self, fd: int, offset: int, length: int) -> None:
        self.fd = fd
        self.offset = offset
        self.length = length

    def crc32(self) -> int:
        crc, at = 0, 0
        buffer = memoryview(bytearray(min(READ_CHUNK, self.length)))
        while at < self.length:
            chunk = self.read(at, buffer)
            crc = zlib.crc32(chunk, crc)
            at += len(chunk)
        return crc

    def read(self, at: int, buffer: memoryview) -> memoryview:
        """The bytes after the first `at`, as many as `buffer` holds; empty at the end. EOFError where the file has
        become shorter."""
        room = buffer[: max(0, self.length - at)]
        got = pread_into(self.fd, room, self.offset + at) if room else 0
        if room and not got:
            raise EOFError("the file became shorter while it was read")
        return room[:got]


class FileRange:
    """Where a ranged answer goes: [offset, offset + length) of a part file, summed on the way."""

    __slots__ = ("at", "crc", "fd", "length", "name", "offset")

    def __init__(self, fd: int, offset: int, length: int, name: str) -> None:
        self.fd = fd
        self.offset = offset
        self.length = length
        self.name = name
        self.at = 0
        self.crc = 0

    def restart(self) -> None:
        self.at = 0
        self.crc = 0

    def write(self, data: memoryview) -> None:
        if self.at + len(data) > self.length:
            raise CorruptError(f"{self.name!r}: S3 sent more bytes than the range has")
        self.crc = zlib.crc32(data, self.crc)
        at = self.offset + self.at
        left = data
        while left:
            done = pwrite(self.fd, left, at)
            left = left[done:]
            at += done
        self.at += len(data)

    def finish(self) -> None:
        if self.at != self.length:
            raise CorruptError(f"{self.name!r}: S3 sent {self.at} bytes of {self.length}")


if hasattr(os, "preadv"):
    pwrite = os.pwrite

    def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
        return os.preadv(fd, [buffer], offset)

elif hasattr(os, "pread"):  # macOS before 11
    pwrite = os.pwrite

    def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
        data = os.pread(fd, len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)

else:  # Windows: one thread uses a descriptor, so seeking first is the same.

    def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
        os.lseek(fd, offset, os.SEEK_SET)
        data = os.read(fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def pwrite(fd: int, data: memoryview, offset: int) -> int:  # type: ignore[misc]
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)
