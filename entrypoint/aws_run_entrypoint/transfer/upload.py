"""One big file on its way up: a multipart upload whose parts are tasks of their own, or pieces for helper processes."""

from __future__ import annotations

import os
from typing import Callable, Dict, List, NamedTuple, Optional, Protocol

from . import crc, files, s3_requests
from .bodies import FileSlice
from .checksums import checksums_of
from .errors import S3Error
from .http1 import Response
from .loop import Loop, Task
from .parts import Moved, Piece
from .plan import pieces
from .process_pool import Pool
from .push_plan import PushPlan
from .values import ScannedFile


class PendingFile(NamedTuple):
    """A file that is to be sent: its row in the plan, what the scan saw, and how often sending it may begin."""

    row: int
    file: ScannedFile
    tries: int


class PushInProgress(Protocol):
    """What an upload needs of the push that it is part of."""

    loop: Loop
    plan: PushPlan
    root: str
    prefix: str
    pool: Optional[Pool]
    uploads: Dict[str, str]
    finished: List[Task]
    done_bytes: int

    def progress(self) -> None: ...

    def begin_again(self, pending: PendingFile) -> None: ...

    def already_there(self, pending: PendingFile, now: os.stat_result, crc32: int) -> bool: ...

    def sent(self, pending: PendingFile, now: os.stat_result, *, crc32: int, answer: Response) -> None: ...


class BigUpload:
    """One big file as a multipart upload; its parts are tasks of their own."""

    def __init__(self, push: PushInProgress, pending: PendingFile, *, fd: int, before: os.stat_result) -> None:
        self.push = push
        self.pending = pending
        self.fd = fd
        self.before = before
        self.key = push.prefix + pending.file.path
        self.path = os.path.join(push.root, pending.file.path)
        self.upload = ""
        self.parts: Dict[int, s3_requests.Part] = {}
        self.left = 0
        # Parts that go in this process share the descriptor: closed under one, its number might be another file's.
        self.users = 0
        self.open = True
        self.abandoned = False

    def begin(self) -> Task:
        try:
            known = self.push.plan.known.get(self.pending.row)
            if known is not None and known.size == self.before.st_size:
                whole = FileSlice(self.fd, 0, self.before.st_size)
                sum_ = whole.crc32()
                unchanged = files.shape(os.fstat(self.fd)) == files.shape(self.before)
                if unchanged and self.push.already_there(self.pending, self.before, sum_):
                    self.push.done_bytes += self.before.st_size
                    self.close()
                    return
            self.upload = s3_requests.upload_id((yield s3_requests.create_upload(self.key)))
            self.push.uploads[self.upload] = self.key
            cut = pieces(self.before.st_size)
            self.left = len(cut)
            pool = self.push.pool
            for number, (offset, length) in enumerate(cut, 1):
                if pool is None:
                    self.push.loop.spawn(self.send(number, FileSlice(self.fd, offset, length)))
                else:
                    piece = Piece(0, self.path, self.before.st_ino, offset, length, self.key, self.upload, number)
                    pool.add(piece, self.moved_by_helper(number, length))
            if pool is not None:
                self.close()  # thousands of big files wait here; completing looks at the path again
        except EOFError:
            self.close()
            self.push.begin_again(self.pending)
        except BaseException:
            self.close()
            raise

    def send(self, number: int, piece: FileSlice) -> Task:
        if self.abandoned:
            return
        self.users += 1
        try:
            sum_ = piece.crc32()
            answer = yield s3_requests.put_part(self.key, self.upload, number, body=piece, checksum=sum_)
        except (EOFError, S3Error) as error:
            if self.abandoned:
                return
            if isinstance(error, S3Error) and error.code != "BadDigest":
                raise
            yield from self.changed()
            return
        finally:
            self.users -= 1
            if not self.users and not self.open:
                os.close(self.fd)
        if self.abandoned:
            return
        self.parts[number] = s3_requests.Part(number, answer.headers.get("etag", ""), sum_, piece.length)
        self.left -= 1
        self.push.done_bytes += piece.length
        self.push.progress()
        if self.left == 0:
            yield from self.complete()

    def moved_by_helper(self, number: int, length: int) -> Callable[[Moved], None]:
        def done(moved: Moved) -> None:
            self.parts[number] = s3_requests.Part(number, moved.etag, moved.crc32, length)
            self.left -= 1
            self.push.done_bytes += length
            self.push.progress()
            if self.left == 0:
                self.push.finished.append(self.complete())

        return done

    def as_it_was(self) -> bool:
        try:
            now = os.fstat(self.fd) if self.open else os.stat(self.path)
        except FileNotFoundError:
            return False
        return (now.st_ino, *files.shape(now)) == (self.before.st_ino, *files.shape(self.before))

    def complete(self) -> Task:
        if not self.as_it_was():
            yield from self.changed()
            return
        parts = [self.parts[number] for number in sorted(self.parts)]
        total = crc.combine_all((p.crc32, p.length) for p in parts)
        try:
            answer = yield s3_requests.complete_upload(self.key, self.upload, parts, total)
        except S3Error as error:
            if error.code != "NoSuchUpload":
                raise
            # A retried completion: the first one may have worked while its answer was lost.
            answer = yield s3_requests.head(self.key)
            if not self.is_ours(answer, parts, total):
                raise
        self.push.uploads.pop(self.upload, None)
        self.close()
        self.push.sent(self.pending, self.before, crc32=total, answer=answer)

    def is_ours(self, answer: Response, parts: List[s3_requests.Part], total: int) -> bool:
        """By the sum first: under a key of KMS's no ETag is what its name says, but the sum is the content's."""
        return checksums_of(answer.headers).crc32 == total or answer.headers.get("etag") == s3_requests.multipart_etag(
            parts
        )

    def changed(self) -> Task:
        if self.push.uploads.pop(self.upload, None) is None:
            return  # another piece has noticed it already
        self.abandoned = True
        self.close()
        self.push.done_bytes -= sum(p.length for p in self.parts.values())
        yield s3_requests.abort_upload(self.key, self.upload)
        self.push.begin_again(self.pending)

    def close(self) -> None:
        if self.open:
            self.open = False
            if not self.users:
                os.close(self.fd)
