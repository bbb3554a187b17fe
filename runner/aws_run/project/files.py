"""The one way in which a file of a project is read: a regular file, of a bounded size, inside the folder.

A project may come from anybody. A pipe in place of a file would hang whoever opens it, a device may answer without end,
and a link may lead to the user's keys; none of them is ever opened.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

KIB = 1 << 10
MIB = 1 << 20
# What Docker, uv and git write themselves stays far below these.
TEXT_MAX_BYTES = 1 * MIB
LOCK_MAX_BYTES = 64 * MIB

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
# Between the look and the open a pipe may have taken the file's place: such an open returns at once.
_OPEN_FLAGS |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


class UnreadableFileError(Exception):
    """`reason` continues a sentence that begins with the file's name: "is a named pipe, not a file"."""

    def __init__(self, reason: str, *, absent: bool = False, denied: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.absent = absent
        self.denied = denied


def read_file(path: Path, *, max_bytes: int = TEXT_MAX_BYTES, within: Path | None = None) -> bytes:
    """The whole content of a regular file. UnreadableFileError for anything else, and for more than `max_bytes`.

    `within`: links may stay inside this folder (a resolved path) and lead nowhere else. None: the user named the file.
    """
    descriptor = _open(path, within)
    try:
        if os.fstat(descriptor).st_size > max_bytes:
            raise UnreadableFileError(f"is larger than {_size(max_bytes)}")
        # Files of /proc say that they are empty, so the size alone bounds nothing.
        chunks: list[bytes] = []
        left = max_bytes + 1
        while left > 0 and (chunk := os.read(descriptor, min(left, MIB))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        raise _unreadable(error) from None
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    if len(content) > max_bytes:
        raise UnreadableFileError(f"is larger than {_size(max_bytes)}")
    return content


def read_text(path: Path, *, max_bytes: int = TEXT_MAX_BYTES, within: Path | None = None) -> str:
    """The same as UTF-8 text, without a byte order mark."""
    content = read_file(path, max_bytes=max_bytes, within=within)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFileError(f"is not UTF-8 text (line {line})") from None


def open_listed_file(path: str) -> int:
    """A descriptor of a file that has been looked at before, so that its folders are known to be none of a link's.
    UnreadableFileError if it is no regular file any more. The caller closes it."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise _unreadable(error) from None
    try:
        _refuse_other_kinds(os.fstat(descriptor).st_mode)
    except UnreadableFileError:
        os.close(descriptor)
        raise
    return descriptor


def _open(path: Path, within: Path | None) -> int:
    try:
        real = path.resolve(strict=True)
        if within is not None and not real.is_relative_to(within):
            raise UnreadableFileError(f"leads out of {within}")
        # Before it is opened: a device may do something when it is.
        _refuse_other_kinds(os.lstat(real).st_mode)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise _unreadable(error) from None
    return open_listed_file(str(real))


def is_regular(path: Path) -> bool:
    """Whether the path is a regular file, or a link to one; False where it can't be looked at."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError, RuntimeError):
        return False


def _refuse_other_kinds(mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((words for matches, words in _KINDS if matches(mode)), "is something else")
    raise UnreadableFileError(f"{kind}, not a regular file")


def _unreadable(error: OSError | RuntimeError) -> UnreadableFileError:
    number = error.errno if isinstance(error, OSError) else errno.ELOOP
    words = os.strerror(number) if number else str(error)
    return UnreadableFileError(
        f"can't be read: {words}",
        absent=number in (errno.ENOENT, errno.ENOTDIR),
        denied=number in (errno.EACCES, errno.EPERM),
    )


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"
