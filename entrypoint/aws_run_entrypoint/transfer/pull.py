"""A snapshot into a folder: every file pinned by its version, checked by its sum, and renamed into place when whole."""

from __future__ import annotations

import os
import stat
import zlib
from typing import Callable, Iterator, List, Optional, Set, Tuple

from . import crc, files, manifest, ops
from .bodies import FileRange
from .errors import CorruptError, EngineError, NoManifestError, PathError, S3Error
from .loop import Bucket, Loop, Task
from .paths import Root
from .pieces import FileChangedError, Moved, Piece
from .plan import IN_MEMORY, PIECES_FROM, pieces
from .pool import WORTH_BYTES, Pool, helpers_for
from .push import read_manifest
from .values import Entry, OnEvent, Progress, Pulled, Skipped, ignore

_TRIES = 4
# (entry, what is there now) -> leave the local file alone
Keep = Callable[[Entry, os.stat_result], bool]
OnEntry = Callable[[Entry], None]


def unheard(entry: Entry) -> None:
    """Nobody listens."""


def pull_manifest(
    bucket: Bucket,
    manifest_key: str,
    version_id: Optional[str] = None,
    *,
    prefix: str,
    into: str,
    keep: Optional[Keep] = None,
    helpers: Optional[int] = None,
    on_event: OnEvent = ignore,
    on_listed: OnEntry = unheard,
    on_written: OnEntry = unheard,
) -> Pulled:
    """Makes `into` hold what the manifest says. Files that are here already (size and mtime, or size and sum) are not
    fetched again; `keep` may spare a local file that differs; nothing is ever removed. `on_listed` is told every entry
    of the manifest before it is looked at, `on_written` every file that was put in place."""
    with Loop(bucket, on_event=on_event) as loop:
        held = read_manifest(loop, manifest_key, version_id)
        if held.raw is None:
            raise NoManifestError(f"there is no manifest at {manifest_key!r}")
        pull = _Pull(loop, prefix, Root(into), keep, on_event, on_listed, on_written)
        head = manifest.header(held.raw)
        pull.total_files, pull.total_bytes = head.files, head.bytes
        if head.bytes >= WORTH_BYTES:
            big = sum(entry.size for entry in manifest.entries(held.raw) if entry.size > PIECES_FROM)
            count = helpers_for(big, helpers)
            pull.pool = Pool(bucket, count, on_event) if count else None
        try:
            pull.run(held.raw)
        finally:
            pull.discard_all()
        pull.progress(force=True)
        return Pulled(
            files=head.files,
            bytes=head.bytes,
            fetched_files=pull.fetched_files,
            fetched_bytes=pull.fetched_bytes,
            skipped_files=pull.skipped_files,
            retries=loop.retries + (pull.pool.retries if pull.pool is not None else 0),
            kept=pull.kept,
            manifest_version_id=held.version_id,
        )


class _Pull:
    def __init__(
        self,
        loop: Loop,
        prefix: str,
        root: Root,
        keep: Optional[Keep],
        on_event: OnEvent,
        on_listed: OnEntry,
        on_written: OnEntry,
    ) -> None:
        self.loop = loop
        self.on_listed = on_listed
        self.on_written = on_written
        self.prefix = prefix
        self.root = root
        self.keep = keep
        self.emit = on_event
        self.pool: Optional[Pool] = None
        self.parts: Set[files.PartFile] = set()
        self.finished: List[Task] = []
        self.kept: List[str] = []
        self.fetched_files = self.fetched_bytes = self.skipped_files = 0
        self.done_files = self.done_bytes = self.total_files = self.total_bytes = 0

    def run(self, raw: bytes) -> None:
        self.loop.run(self.tasks(raw))
        while self.pool:
            try:
                self.pool.run()
            except FileChangedError as error:
                raise EngineError(f"somebody else changes the target: {error}") from error
            finished, self.finished = self.finished, []
            self.loop.run(finished)

    def discard_all(self) -> None:
        for part in self.parts:
            part.discard()

    def tasks(self, raw: bytes) -> Iterator[Task]:
        for entry in manifest.entries(raw):
            self.on_listed(entry)
            if entry.is_dir:
                self.root.make_dir(entry.path)
                continue
            target = self.root.target(entry.path)
            if self.needed(entry, target):
                yield self.fetch(entry, target)
            else:
                self.done(entry, entry.size)

    def needed(self, entry: Entry, target: str) -> bool:
        found = files.lstat_or_none(target)
        if found is None:
            return True
        if stat.S_ISDIR(found.st_mode):
            if self.keep is not None:
                self.keep(entry, found)  # who can make room does
            if os.path.isdir(target):
                raise PathError(entry.path, "is a folder here and a file there")
            return True
        same_size = stat.S_ISREG(found.st_mode) and found.st_size == entry.size  # a link or a pipe is never the same
        if same_size and (found.st_mtime_ns == entry.mtime_ns or self.same_sum(entry, target)):
            files.set_exec(target, entry, found)
            self.skipped_files += 1
            return False
        if self.keep is not None and self.keep(entry, found):
            self.kept.append(entry.path)
            self.emit(Skipped(entry.path, "is newer here"))
            return False
        return True

    def same_sum(self, entry: Entry, target: str) -> bool:
        try:
            return files.crc_of(target, entry.path) == entry.crc32
        except (PathError, FileNotFoundError):
            return False

    def fetch(self, entry: Entry, target: str) -> Task:
        try:
            if entry.size == 0:
                self.store(entry, target, b"")
            elif entry.size <= IN_MEMORY:
                yield from self.fetch_small(entry, target)
            else:
                yield from _Download(self, entry, target).begin()
        except S3Error as error:
            if not error.absent:
                raise
            raise EngineError(
                f"{entry.path!r} is no longer in the bucket in the version that the manifest names"
            ) from error

    def fetch_small(self, entry: Entry, target: str) -> Task:
        for _ in range(_TRIES):
            answer = yield ops.get(self.prefix + entry.path, version_id=entry.version_id)
            if len(answer.body) == entry.size and zlib.crc32(answer.body) == entry.crc32:
                self.store(entry, target, answer.body)
                return
            self.loop.retries += 1
        raise CorruptError(f"{entry.path!r}: what S3 holds is not what the manifest names")

    def store(self, entry: Entry, target: str, data: bytes) -> None:
        part = files.PartFile(target, entry)
        part.write_all(data)
        part.commit()
        self.fetched(entry)
        self.done(entry, entry.size)

    def fetched(self, entry: Entry) -> None:
        self.on_written(entry)
        self.fetched_files += 1
        self.fetched_bytes += entry.size

    def done(self, entry: Entry, size: int) -> None:
        self.done_files += 1
        self.done_bytes += size
        self.progress()

    def progress(self, force: bool = False) -> None:
        self.emit(Progress(self.done_files, self.done_bytes, self.total_files, self.total_bytes))


class _Download:
    """One big file in ranges, each a task of its own, into one part file; the ranges' sums make the file's."""

    def __init__(self, pull: _Pull, entry: Entry, target: str, tries: int = _TRIES) -> None:
        self.pull = pull
        self.entry = entry
        self.target = target
        self.tries = tries
        self.sums: List[Tuple[int, int]] = []
        self.left = 0
        self.part: Optional[files.PartFile] = None

    def begin(self) -> Task:
        cut = pieces(self.entry.size) if self.entry.size > PIECES_FROM else [(0, self.entry.size)]
        self.part = files.PartFile(self.target, self.entry, preallocate=True)
        self.pull.parts.add(self.part)
        self.left = len(cut)
        self.sums = [(0, 0)] * len(cut)
        pool = self.pull.pool
        if pool is not None and len(cut) > 1:
            inode = self.part.hand_over()
            key, version = self.pull.prefix + self.entry.path, self.entry.version_id
            for number, (offset, length) in enumerate(cut):
                piece = Piece(0, self.part.part, inode, offset, length, key, version_id=version)
                pool.add(piece, self.moved_by_helper(number, length))
            return
        for number, (offset, length) in enumerate(cut[1:], 1):
            self.pull.loop.spawn(self.fetch(number, offset, length))
        yield from self.fetch(0, *cut[0])

    def fetch(self, number: int, offset: int, length: int) -> Task:
        part = self.part
        if part is None:
            return
        sink = FileRange(part.fd, offset, length, self.entry.path)
        try:
            yield ops.get_range(self.pull.prefix + self.entry.path, sink, version_id=self.entry.version_id)
        except OSError as error:
            self.discard()
            raise part.trouble(error) from error
        except BaseException:
            self.discard()
            raise
        self.sums[number] = (sink.crc, length)
        self.left -= 1
        self.pull.done_bytes += length
        self.pull.progress()
        if self.left == 0:
            yield from self.finish()

    def moved_by_helper(self, number: int, length: int) -> Callable[[Moved], None]:
        def done(moved: Moved) -> None:
            self.sums[number] = (moved.crc32, length)
            self.left -= 1
            self.pull.done_bytes += length
            self.pull.progress()
            if self.left == 0:
                self.pull.finished.append(self.finish())

        return done

    def finish(self) -> Task:
        assert self.part is not None
        if crc.combine_all(self.sums) != self.entry.crc32:
            self.discard()
            self.pull.done_bytes -= self.entry.size
            if self.tries <= 1:
                raise CorruptError(f"{self.entry.path!r}: what S3 holds is not what the manifest names")
            self.pull.loop.retries += 1
            yield from _Download(self.pull, self.entry, self.target, self.tries - 1).begin()
            return
        self.part.commit()
        self.pull.parts.discard(self.part)
        self.part = None
        self.pull.fetched(self.entry)
        self.pull.done(self.entry, 0)

    def discard(self) -> None:
        if self.part is not None:
            self.part.discard()
            self.pull.parts.discard(self.part)
            self.part = None
