"""One big file on its way down, and what all that come from one bucket share."""

from __future__ import annotations

from typing import Callable, List, Optional, Protocol, Set, Tuple

from . import crc, files, ops
from .bodies import FileRange
from .errors import CorruptError
from .loop import Loop, Task
from .pieces import Moved, Piece
from .plan import PIECES_FROM, pieces
from .pool import Pool
from .proof import Proof, proof_of
from .values import Entry, OnEvent, Progress


class Count:
    """How far everything that one call moves is."""

    def __init__(self, on_event: OnEvent, total_files: int, total_bytes: int) -> None:
        self.emit = on_event
        self.total_files, self.total_bytes = total_files, total_bytes
        self.done_files = self.done_bytes = 0

    def done(self, files: int, size: int) -> None:
        self.done_files += files
        self.done_bytes += size
        self.progress()

    def progress(self) -> None:
        self.emit(Progress(self.done_files, self.done_bytes, self.total_files, self.total_bytes))


class Work:
    """`finished`: tasks that helper processes have made possible."""

    def __init__(self, loop: Loop, count: Count) -> None:
        self.loop = loop
        self.count = count
        self.pool: Optional[Pool] = None
        self.parts: Set[files.PartFile] = set()
        self.finished: List[Task] = []

    def discard_all(self) -> None:
        for part in self.parts:
            part.discard()


class PullInProgress(Protocol):
    """What a download needs of the pull that it is part of."""

    work: Work
    prefix: str
    size_only: int

    def fetched(self, entry: Entry) -> None: ...


class Download:
    """One big file in ranges, each a task of its own, into one part file; the ranges' sums make the file's."""

    def __init__(self, pull: PullInProgress, entry: Entry, target: str, tries: int) -> None:
        self.pull = pull
        self.entry = entry
        self.target = target
        self.tries = tries
        self.sums: List[Tuple[int, int]] = []
        self.left = 0
        self.part: Optional[files.PartFile] = None
        self.key = pull.prefix + entry.path
        self.proof = Proof(entry.crc32, None)

    def begin(self) -> Task:
        if self.entry.crc32 is None:  # S3 tells no sum of a range, so the whole is asked for its own
            answer = yield ops.head(self.key, version_id=self.entry.version_id, if_match=self.entry.etag)
            self.proof = proof_of(answer.headers)
        cut = pieces(self.entry.size) if self.entry.size > PIECES_FROM else [(0, self.entry.size)]
        self.part = files.PartFile(self.target, self.entry, preallocate=True)
        self.pull.work.parts.add(self.part)
        self.left = len(cut)
        self.sums = [(0, 0)] * len(cut)
        pool = self.pull.work.pool
        if pool is not None and len(cut) > 1:
            inode = self.part.hand_over()
            version, etag = self.entry.version_id, self.entry.etag
            for number, (offset, length) in enumerate(cut):
                piece = Piece(0, self.part.part, inode, offset, length, self.key, version_id=version, etag=etag)
                pool.add(piece, self.moved_by_helper(number, length))
            return
        for number, (offset, length) in enumerate(cut[1:], 1):
            self.pull.work.loop.spawn(self.fetch(number, offset, length))
        yield from self.fetch(0, *cut[0])

    def fetch(self, number: int, offset: int, length: int) -> Task:
        part = self.part
        if part is None:
            return
        sink = FileRange(part.fd, offset, length, self.entry.path)
        try:
            yield ops.get_range(self.key, sink, version_id=self.entry.version_id, if_match=self.entry.etag)
        except OSError as error:
            self.discard()
            raise part.trouble(error) from error
        except BaseException:
            self.discard()
            raise
        self.sums[number] = (sink.crc, length)
        self.left -= 1
        self.pull.work.count.done(0, length)
        if self.left == 0:
            yield from self.finish()

    def moved_by_helper(self, number: int, length: int) -> Callable[[Moved], None]:
        def done(moved: Moved) -> None:
            self.sums[number] = (moved.crc32, length)
            self.left -= 1
            self.pull.work.count.done(0, length)
            if self.left == 0:
                self.pull.work.finished.append(self.finish())

        return done

    def finish(self) -> Task:
        assert self.part is not None
        if not self.whole(self.part):
            self.discard()
            self.pull.work.count.done_bytes -= self.entry.size
            if self.tries <= 1:
                raise CorruptError(f"{self.entry.path!r}: what S3 holds is not what the manifest names")
            self.pull.work.loop.retries += 1
            yield from Download(self.pull, self.entry, self.target, self.tries - 1).begin()
            return
        self.part.commit()
        self.pull.work.parts.discard(self.part)
        self.part = None
        self.pull.size_only += self.proof.nothing
        self.pull.fetched(self.entry)
        self.pull.work.count.done(1, 0)

    def whole(self, part: files.PartFile) -> bool:
        if self.proof.crc32 is not None:
            return crc.combine_all(self.sums) == self.proof.crc32
        return self.proof.md5 is None or files.md5_of(part.part) == self.proof.md5

    def discard(self) -> None:
        if self.part is not None:
            self.part.discard()
            self.pull.work.parts.discard(self.part)
            self.part = None
