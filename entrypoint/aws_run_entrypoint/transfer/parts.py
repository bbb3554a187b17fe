"""One piece of a big file as a helper process gets it, and the task that moves it there."""

from __future__ import annotations

import os
from typing import Callable, NamedTuple, Optional

from . import s3_requests
from .bodies import FileRange, FileSlice
from .errors import EngineError
from .loop import Task


class FileChangedError(EngineError):
    """The file was replaced or changed after its transfer began."""


class Piece(NamedTuple):
    """Up where `upload` is set, else down. `ticket` names it between processes; `inode` is the file's, so that one put
    in its place is noticed."""

    ticket: int
    path: str
    inode: int
    offset: int
    length: int
    key: str
    upload: Optional[str] = None
    number: int = 0
    version_id: Optional[str] = None
    etag: Optional[str] = None


class Moved(NamedTuple):
    ticket: int
    crc32: int
    etag: str


def move(piece: Piece, done: Callable[[Moved], None]) -> Task:
    up = piece.upload is not None
    try:
        fd = os.open(piece.path, (os.O_RDONLY if up else os.O_RDWR) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise FileChangedError(f"{piece.path!r} vanished while it was moved") from error
    try:
        if os.fstat(fd).st_ino != piece.inode:
            raise FileChangedError(f"{piece.path!r} was replaced while it was moved")
        if piece.upload is None:
            sink = FileRange(fd, piece.offset, piece.length, piece.key)
            yield s3_requests.get_range(piece.key, sink, version_id=piece.version_id, if_match=piece.etag)
            done(Moved(piece.ticket, sink.crc, ""))
            return
        body = FileSlice(fd, piece.offset, piece.length)
        sum_ = body.crc32()
        answer = yield s3_requests.put_part(piece.key, piece.upload, piece.number, body=body, checksum=sum_)
        done(Moved(piece.ticket, sum_, answer.headers.get("etag", "")))
    except EOFError as error:
        raise FileChangedError(f"{piece.path!r} became shorter while it was moved") from error
    finally:
        os.close(fd)
