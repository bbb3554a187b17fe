"""A run's log on its way into the bucket, in a bounded part of this machine's memory and disk."""

from __future__ import annotations

import io
import tempfile
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 4 * 1024 * 1024  # what gathers in memory before it goes into a file, and what is left of a log without one
_MOST = 1024 * 1024 * 1024  # of the log's beginning; S3 takes 5 GiB in one request


def _unnamed_file() -> BinaryIO:
    """It goes with this process, however that ends."""
    return tempfile.TemporaryFile(buffering=0)


class LogBuffer:
    """Everything that is added, up to a gigabyte; beyond that, or where the disk is full, its beginning and its end."""

    def __init__(
        self, *, open_file: Callable[[], BinaryIO] = _unnamed_file, block: int = _BLOCK, most: int = _MOST
    ) -> None:
        self._open_file = open_file
        self._block_size, self._most = block, most
        self._file: BinaryIO | None = None
        self._filed = 0  # bytes of whole lines in the file
        self._block = bytearray()  # what comes after them
        self._whole = True
        self._last: deque[bytes] = deque()  # the end of a log that is not kept whole
        self._last_size = 0
        self._size = 0  # of all that was added
        self._kept: BinaryIO | None = None

    @property
    def empty(self) -> bool:
        return self._size == 0

    def add(self, line: str) -> None:
        data = f"{line}\n".encode("utf-8", "replace")
        self._size += len(data)
        if self._whole and self._size > self._most:
            self._whole = False
        if not self._whole:
            self._add_last(data)
            return
        self._block += data
        if len(self._block) >= self._block_size:
            try:
                self._spill()
            except OSError:
                self._fall_back()

    def stream(self) -> BinaryIO:
        """All that was kept, from its beginning; the same again when it is called again. Nothing is added any more."""
        if self._kept is None:
            self._kept = self._closed()
        self._kept.seek(0)
        return self._kept

    def tail(self, most: int = 64 * 1024) -> str:
        """The last `most` bytes of it. Nothing is added any more."""
        stream = self.stream()
        stream.seek(-min(most, stream.seek(0, io.SEEK_END)), io.SEEK_END)
        return stream.read(most).decode("utf-8", "replace")

    def _closed(self) -> BinaryIO:
        if self._file is not None:
            try:
                self._spill()
                self._write(self._end())
            except OSError:
                self._fall_back()
            else:
                return self._file
        return io.BytesIO(bytes(self._block) + self._end())

    def _spill(self) -> None:
        if self._file is None:
            self._file = self._open_file()
        self._write(self._block)
        self._filed += len(self._block)
        self._block.clear()

    def _write(self, data: bytes | bytearray) -> None:
        assert self._file is not None
        rest = memoryview(bytes(data))
        while rest:
            rest = rest[self._file.write(rest) :]

    def _fall_back(self) -> None:
        """The disk is full, or nobody may write there: it is given back, and memory keeps what it can."""
        self._whole = False
        if self._file is None:
            return
        for line in self._block.splitlines(keepends=True):
            self._add_last(bytes(line))
        try:
            self._file.seek(0)
            first = self._file.read(min(self._block_size, self._filed)) or b""
        except OSError:
            first = b""
        self._file.close()
        self._file, self._filed = None, 0
        self._block = bytearray(first[: first.rfind(b"\n") + 1])

    def _add_last(self, data: bytes) -> None:
        self._last.append(data[-self._block_size :])
        self._last_size += len(self._last[-1])
        while self._last_size > self._block_size:
            self._last_size -= len(self._last.popleft())

    def _end(self) -> bytes:
        missing = self._size - self._filed - len(self._block) - self._last_size
        notice = f"aws-run: {missing:,} bytes of the log are missing here\n" if missing else ""
        return notice.encode() + b"".join(self._last)
