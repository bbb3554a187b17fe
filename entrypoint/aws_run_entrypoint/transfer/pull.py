"""Snapshots into folders: every file pinned by its version, checked by its sum, and renamed into place when whole."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import files, manifest, s3_requests
from .checksums import Checksums, checksums_of
from .download import Count, Download, Work
from .errors import (
    BusyError,
    ChangedError,
    CorruptError,
    DiskFullError,
    EngineError,
    ManifestError,
    NoManifestError,
    PathError,
    S3Error,
    TooLargeError,
)
from .loop import Bucket, Loop, Task
from .manifest_store import read_manifest
from .parts import FileChangedError
from .paths import Root
from .plan import IN_MEMORY, PIECES_FROM
from .process_pool import WORTH_BYTES, Pool, helpers_for
from .values import Entry, OnEvent, Pulled, Skipped, Source, ignore

_TRIES = 4
_HANDED_OUT = 128  # open files at once, each of more than PIECES_FROM: what they take is long against a helper's start
# (entry, what is there now) -> leave the local file alone
Keep = Callable[[Entry, os.stat_result], bool]
OnEntry = Callable[[Entry], None]


def ignore_entry(entry: Entry) -> None:
    """For callers that want no events."""


class Wanted(NamedTuple):
    """One manifest and the folder that its files go into. `prefix`: where its objects are. `elsewhere`: it may name
    another bucket as their place, for the tool itself wrote it (a pin); what a job can write may not, since whoever
    reads it has other rights than the job."""

    manifest_key: str
    version_id: Optional[str]
    prefix: str
    into: str
    elsewhere: bool = False


class PullOptions(NamedTuple):
    """As in `pull_manifest`."""

    keep: Optional[Keep]
    strict: bool
    helpers: Optional[int]
    on_event: OnEvent
    on_listed: OnEntry
    on_written: OnEntry


def pull_manifest(
    bucket: Bucket,
    manifest_key: str,
    version_id: Optional[str] = None,
    *,
    prefix: str,
    into: str,
    elsewhere: bool = False,
    keep: Optional[Keep] = None,
    strict: bool = True,
    helpers: Optional[int] = None,
    on_event: OnEvent = ignore,
    on_listed: OnEntry = ignore_entry,
    on_written: OnEntry = ignore_entry,
) -> Pulled:
    """Makes `into` hold what the manifest says. Files that are here already (size and mtime, or size and sum) are not
    fetched again; `keep` may spare a local file that differs; nothing is ever removed. `strict` False leaves out what
    this machine can't hold (told as `Skipped`) instead of failing: for outputs, where the rest must still arrive.
    `on_listed` is told every entry of the manifest before it is looked at and may raise PathError against it,
    `on_written` every file that was put in place."""
    wanted = [Wanted(manifest_key, version_id, prefix, into, elsewhere)]
    return pull_manifests(
        bucket,
        wanted,
        keep=keep,
        strict=strict,
        helpers=helpers,
        on_event=on_event,
        on_listed=on_listed,
        on_written=on_written,
    )[0]


def pull_manifests(
    bucket: Bucket,
    wanted: Sequence[Wanted],
    *,
    keep: Optional[Keep] = None,
    strict: bool = True,
    helpers: Optional[int] = None,
    on_event: OnEvent = ignore,
    on_listed: OnEntry = ignore_entry,
    on_written: OnEntry = ignore_entry,
) -> List[Pulled]:
    """Several of them as one plan: all manifests are read before anything moves, progress counts over all, and what
    lies in one bucket shares its connections and helper processes. `bucket` holds the manifests."""
    options = PullOptions(
        keep=keep, strict=strict, helpers=helpers, on_event=on_event, on_listed=on_listed, on_written=on_written
    )
    with Loop(bucket, on_event=on_event) as loop:
        snapshots = [_read_snapshot(loop, one) for one in wanted]
        heads = [snapshot.head for snapshot in snapshots]
        count = Count(on_event, sum(head.files for head in heads), sum(head.bytes for head in heads))
        places: Dict[Optional[Source], List[int]] = {}
        for index, head in enumerate(heads):
            place = head.source._replace(prefix="") if head.source is not None else None
            places.setdefault(place, []).append(index)
        done: Dict[int, Pulled] = {}
        for place, indexes in places.items():
            with _loop_for(loop, place, on_event) as near:
                work = Work(near, count)
                pulls = {index: _Pull(work, snapshots[index], options) for index in indexes}
                _run(work, list(pulls.values()), options)
                retries = near.retries + (work.pool.retries if work.pool is not None else 0)
                for index, pull in pulls.items():
                    # Whose request was sent again is not told apart: the first of a bucket answers for all.
                    done[index] = pull.result(retries)
                    retries = 0
        count.progress()
        return [done[index] for index in range(len(wanted))]


class Snapshot(NamedTuple):
    """A manifest that was read, and where its files go."""

    wanted: Wanted
    raw: bytes
    head: manifest.Header
    version_id: Optional[str]


def _read_snapshot(loop: Loop, wanted: Wanted) -> Snapshot:
    stored = read_manifest(loop, wanted.manifest_key, wanted.version_id)
    if stored.raw is None:
        raise NoManifestError(f"there is no manifest at {wanted.manifest_key!r}")
    head = manifest.header(stored.raw)
    if head.source is not None and not wanted.elsewhere:
        raise ManifestError(f"the manifest {wanted.manifest_key!r} names another bucket, and it may not")
    return Snapshot(wanted, stored.raw, head, stored.version_id)


@contextmanager
def _loop_for(ours: Loop, place: Optional[Source], on_event: OnEvent) -> Iterator[Loop]:
    if place is None:
        yield ours
        return
    there = ours.bucket._replace(name=place.bucket, region=place.region, owner=place.owner)
    with Loop(there, on_event=on_event) as loop:
        yield loop


def _run(work: Work, pulls: Sequence[_Pull], options: PullOptions) -> None:
    heads = [pull.snapshot.head for pull in pulls]
    if sum(head.bytes for head in heads) >= WORTH_BYTES:
        sizes = (entry.size for pull in pulls for entry in manifest.entries(pull.snapshot.raw))
        count = helpers_for(sum(size for size in sizes if size > PIECES_FROM), options.helpers)
        work.pool = Pool(work.loop.bucket, count, options.on_event) if count else None
    try:
        tasks = (task for pull in pulls for task in pull.tasks())
        work.loop.run(tasks, expected=sum(head.files for head in heads))
        while work.pool is not None and work.handed_out:
            _run_helpers(work, work.pool)
    except S3Error as error:
        source = heads[0].source
        if source is None:
            raise
        raise refused_elsewhere(error, source) from error
    finally:
        work.discard_all()


def _run_helpers(work: Work, pool: Pool) -> None:
    for _ in range(min(_HANDED_OUT, len(work.handed_out))):
        work.handed_out.popleft().hand_out(pool)
    try:
        pool.run()
    except FileChangedError as error:
        raise BusyError(f"somebody else is writing into the same folder: {error}") from error
    finished, work.finished = work.finished, []
    work.loop.run(finished)


def refused_elsewhere(error: S3Error, source: Source) -> EngineError:
    """What a refusal by a bucket that is not the tool's means to whoever runs the job."""
    url = f"s3://{source.bucket}/{error.key}"
    if error.status == 412:
        return ChangedError(f"{url} was changed after the run was submitted; the next run reads what is there now")
    if error.absent:
        return ChangedError(f"{url} was removed after the run was submitted")
    if error.code == "InvalidObjectState":
        return EngineError(f"{url} is archived and has to be restored before a run can read it")
    if error.status == 403:
        # Without the right to list, S3 says the same of an object that is gone.
        return EngineError(
            f"{url} may not be read by the run's task role ({error.code}), or was removed after the run was submitted"
        )
    return EngineError(f"{url} could not be read: {error}")


class _Pull:
    """One manifest into its folder."""

    def __init__(self, work: Work, snapshot: Snapshot, options: PullOptions) -> None:
        source = snapshot.head.source
        self.work = work
        self.snapshot = snapshot
        self.options = options
        self.prefix = snapshot.wanted.prefix if source is None else source.prefix
        self.root = Root(snapshot.wanted.into)
        self.kept: List[str] = []
        self.skipped: List[Skipped] = []
        self.no_room = 0
        self.fetched_files = self.fetched_bytes = self.skipped_files = self.size_only = 0

    def result(self, retries: int) -> Pulled:
        return Pulled(
            files=self.snapshot.head.files,
            bytes=self.snapshot.head.bytes,
            fetched_files=self.fetched_files,
            fetched_bytes=self.fetched_bytes,
            skipped_files=self.skipped_files,
            retries=retries,
            kept=self.kept,
            manifest_version_id=self.snapshot.version_id,
            size_only=self.size_only,
            left_out=self.skipped,
            no_room=self.no_room,
        )

    def tasks(self) -> Iterator[Task]:
        for entry in manifest.entries(self.snapshot.raw):
            try:
                self.options.on_listed(entry)
                target, status = self.place(entry)
                needed = not entry.is_dir and self.needed(entry, target, status)
            except PathError as error:
                self.left_out(entry, error)
                continue
            if needed:
                yield self.fetch(entry, target)
            elif not entry.is_dir:
                self.work.count.done(1, entry.size)

    def place(self, entry: Entry) -> Tuple[str, Optional[os.stat_result]]:
        """The full path, the folders above it made, and what is there; an empty folder is made itself."""
        try:
            if entry.is_dir:
                self.root.make_dir(entry.path)
            target = self.root.target(entry.path)
            return target, files.lstat_or_none(target)
        except OSError as error:
            if self.options.strict:
                raise
            raise files.write_error(entry, error) from error

    def left_out(self, entry: Entry, error: PathError) -> None:
        """Called before anything of the entry was written."""
        if self.options.strict:
            raise error
        skipped = Skipped(entry.path, error.why)
        self.skipped.append(skipped)
        self.work.count.emit(skipped)
        if not entry.is_dir:
            self.work.count.done(1, entry.size)

    def does_not_fit(self, entry: Entry, error: DiskFullError) -> None:
        """A full disk may still have room for what is smaller."""
        if self.options.strict:
            raise error
        self.no_room += 1
        self.left_out(entry, PathError(entry.path, f"does not fit: the disk is full ({entry.size} bytes)"))

    def needed(self, entry: Entry, target: str, status: Optional[os.stat_result]) -> bool:
        if status is None:
            return True
        if stat.S_ISDIR(status.st_mode):
            if self.options.keep is not None:
                self.options.keep(entry, status)  # which may make room
            if os.path.isdir(target):
                raise PathError(entry.path, "is a folder here and a file there")
            return True
        same_size = stat.S_ISREG(status.st_mode) and status.st_size == entry.size  # a link or a pipe is never the same
        if same_size and self.same_content(entry, target, status):
            self.set_exec(entry, target, status)
            self.skipped_files += 1
            return False
        if self.options.keep is not None and self.options.keep(entry, status):
            self.kept.append(entry.path)
            self.work.count.emit(Skipped(entry.path, "is newer here"))
            return False
        return True

    def set_exec(self, entry: Entry, target: str, status: os.stat_result) -> None:
        try:
            files.set_exec(target, entry, status)
        except OSError as error:  # another user's file
            if self.options.strict:
                raise
            raise files.write_error(entry, error) from error

    def same_content(self, entry: Entry, target: str, status: os.stat_result) -> bool:
        """By the sum where the manifest has one: a time says little of results that a program dates itself."""
        if entry.crc32 is None:
            return status.st_mtime_ns == entry.mtime_ns
        return self.same_sum(entry, target)

    def same_sum(self, entry: Entry, target: str) -> bool:
        try:
            return entry.crc32 is not None and files.crc_of(target, entry.path) == entry.crc32
        except (PathError, FileNotFoundError):
            return False

    def fetch(self, entry: Entry, target: str) -> Task:
        try:
            if self.no_room and files.room_at(self.root.path) < entry.size:
                self.does_not_fit(entry, files.disk_full(entry))
            elif entry.size == 0:
                self.store(entry, target, b"")
            elif entry.size <= IN_MEMORY:
                yield from self.fetch_small(entry, target)
            else:
                yield from Download(self, entry, target, _TRIES).begin()
        except S3Error as error:
            if not error.absent or self.snapshot.head.source is not None:
                raise
            raise EngineError(
                f"{entry.path!r} is no longer in the bucket in the version that the manifest names"
            ) from error

    def fetch_small(self, entry: Entry, target: str) -> Task:
        for _ in range(_TRIES):
            request = s3_requests.get(
                self.prefix + entry.path, version_id=entry.version_id, if_match=entry.etag, most_bytes=entry.size
            )
            try:
                answer = yield request
            except TooLargeError:
                break  # the object is not the one that the manifest names, and stays so
            checksums = checksums_of(answer.headers) if entry.crc32 is None else Checksums(entry.crc32, None)
            if len(answer.body) == entry.size and checksums.match(answer.body):
                self.size_only += checksums.unknown
                self.store(entry, target, answer.body)
                return
            self.work.loop.retries += 1
        raise CorruptError(f"{entry.path!r}: what S3 holds is not what the manifest names")

    def store(self, entry: Entry, target: str, data: bytes) -> None:
        try:
            part = files.PartFile(target, entry)
            try:
                part.write_all(data)
                part.commit()
            except BaseException:  # ^C as well: nobody would overwrite it
                part.discard()
                raise
        except DiskFullError as error:
            self.does_not_fit(entry, error)
            return
        except PathError as error:
            self.left_out(entry, error)
            return
        self.fetched(entry)
        self.work.count.done(1, entry.size)

    def fetched(self, entry: Entry) -> None:
        self.options.on_written(entry)
        self.fetched_files += 1
        self.fetched_bytes += entry.size
