"""One big file on its way down, and what all that come from one bucket share."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, List, Optional, Protocol, Sequence, Set, Tuple

from . import crc, files, s3_requests
from .bodies import FileRange
from .checksums import Checksums, checksums_of
from .errors import CorruptError, DiskFullError, PathError
from .loop import Loop, Task
from .parts import Moved, Piece
from .paths import Root
from .plan import PIECES_FROM, pieces
from .process_pool import Pool
from .values import Entry, OnEvent, Progress


class Count:
    """The progress of everything that one call moves."""

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
    """`handed_out`: what helper processes are to fetch, begun a few at a time, for each keeps its part file open;
    `finished`: tasks that they have made possible."""

    def __init__(self, loop: Loop, count: Count) -> None:
        self.loop = loop
        self.count = count
        self.pool: Optional[Pool] = None
        self.parts: Set[files.PartFile] = set()
        self.handed_out: Deque[Download] = deque()
        self.finished: List[Task] = []

    def promised_bytes(self) -> int:
        """The disk space that unfinished files are still going to take."""
        return sum(part.missing_bytes() for part in self.parts)

    def discard_all(self) -> None:
        for part in self.parts:
            part.discard()


class PullInProgress(Protocol):
    """What a download needs of the pull that it is part of."""

    work: Work
    root: Root
    prefix: str
    size_only: int

    def fetched(self, entry: Entry) -> None: ...

    def left_out(self, entry: Entry, error: PathError) -> None: ...

    def does_not_fit(self, entry: Entry, error: DiskFullError) -> None: ...


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
        self.checksums = Checksums(entry.crc32, None)

    def begin(self) -> Task:
        if self.entry.crc32 is None:  # S3 gives no checksum of a range, so it is read of the whole object
            answer = yield s3_requests.head(self.key, version_id=self.entry.version_id, if_match=self.entry.etag)
            self.checksums = checksums_of(answer.headers)
        cut = pieces(self.entry.size) if self.entry.size > PIECES_FROM else [(0, self.entry.size)]
        if self.pull.work.pool is not None and len(cut) > 1:
            self.pull.work.handed_out.append(self)
            return
        if self.make_part(cut):
            for number, (offset, length) in enumerate(cut[1:], 1):
                self.pull.work.loop.spawn(self.fetch(number, offset, length))
            yield from self.fetch(0, *cut[0])

    def hand_out(self, pool: Pool) -> None:
        cut = pieces(self.entry.size)
        if not self.make_part(cut):
            return
        assert self.part is not None
        path, inode = self.part.part, self.part.inode
        version, etag = self.entry.version_id, self.entry.etag
        for number, (offset, length) in enumerate(cut):
            piece = Piece(0, path, inode, offset, length, self.key, version_id=version, etag=etag)
            pool.add(piece, self.moved_by_helper(number, length))

    def make_part(self, cut: Sequence[Tuple[int, int]]) -> bool:
        """False where the file does not fit on this machine or can't be written."""
        try:
            if files.room_at(self.pull.root.path) - self.pull.work.promised_bytes() < self.entry.size:
                raise files.disk_full(self.entry)
            self.part = files.PartFile(self.target, self.entry, big=True)
        except DiskFullError as error:
            self.pull.does_not_fit(self.entry, error)
            return False
        except PathError as error:
            self.pull.left_out(self.entry, error)
            return False
        self.pull.work.parts.add(self.part)
        self.left = len(cut)
        self.sums = [(0, 0)] * len(cut)
        return True

    def fetch(self, number: int, offset: int, length: int) -> Task:
        part = self.part
        if part is None:
            return
        sink = FileRange(part.fd, offset, length, self.entry.path)
        try:
            yield s3_requests.get_range(self.key, sink, version_id=self.entry.version_id, if_match=self.entry.etag)
        except OSError as error:
            self.discard()
            raise files.write_error(self.entry, error) from error
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
        part, self.part = self.part, None
        try:
            part.commit()
        except PathError as error:
            self.pull.work.count.done_bytes -= self.entry.size
            self.pull.left_out(self.entry, error)
            return
        finally:
            self.pull.work.parts.discard(part)
        self.pull.size_only += self.checksums.unknown
        self.pull.fetched(self.entry)
        self.pull.work.count.done(1, 0)

    def whole(self, part: files.PartFile) -> bool:
        if self.checksums.crc32 is not None:
            return crc.combine_all(self.sums) == self.checksums.crc32
        return self.checksums.md5 is None or files.md5_of(part.part) == self.checksums.md5

    def discard(self) -> None:
        if self.part is not None:
            self.part.discard()
            self.pull.work.parts.discard(self.part)
            self.part = None
