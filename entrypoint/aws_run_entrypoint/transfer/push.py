"""A folder into the bucket: send what changed, then one manifest that pins every file, then delete what is gone."""

from __future__ import annotations

import os
import zlib
from array import array
from typing import Callable, Dict, Iterator, List, Optional, Union

from . import files, manifest, s3_requests
from .bodies import FileSlice
from .errors import EngineError, ManifestError, PathError, S3Error, UnlistedError
from .http1 import Response
from .loop import Bucket, Loop, Task
from .manifest_store import StoredManifest, read_manifest, write_manifest
from .paths import check_key
from .plan import IN_MEMORY, PIECES_FROM, compare, looks_same
from .process_pool import Pool, helpers_for
from .scan import Exclude, scan
from .upload import BigUpload
from .values import Entry, Found, OnEvent, Progress, Pushed, Skipped, ignore
from .versions import Current, current_names, current_versions, is_current

_CONFLICTS = 10
_CHANGES = 3
Stable = Callable[[Found], bool]


def push_folder(
    bucket: Bucket,
    folder: str,
    *,
    prefix: str,
    manifest_key: str,
    exclude: Optional[Exclude] = None,
    full: bool = False,
    strict: bool = True,
    stable: Optional[Stable] = None,
    helpers: Optional[int] = None,
    check_pins_after_s: Optional[float] = None,
    on_event: OnEvent = ignore,
) -> Pushed:
    """Makes `prefix` and the manifest at `manifest_key` say what `folder` holds.

    An unchanged folder costs one GET. `full` reads every file and lists the prefix's versions instead of trusting
    sizes, times and the manifest; a file whose pinned version is not the current one is sent anew. Of a manifest whose
    pins nobody has looked at for `check_pins_after_s` these alone are looked at. Both need the right to list versions
    and go on without it (told as `Unchecked`). `strict` False leaves out what can't be sent (told as `Skipped`) instead
    of failing: for outputs, where the rest must still arrive. `stable` says whether a changed file may go yet; the old
    state stays until then. `helpers` bounds the processes that move big files; None is one a core, up to four.
    """
    if not os.path.isdir(folder):
        raise EngineError(f"{folder!r} is not a folder")
    with Loop(bucket, on_event=on_event) as loop:
        for _ in range(_CONFLICTS):
            push = _Push(
                loop, folder, prefix, manifest_key, exclude, full, strict, stable, helpers, check_pins_after_s, on_event
            )
            try:
                return push.run()
            except S3Error as error:
                # Another client wrote the manifest first. What it says now is the new starting point.
                if not (error.conflict and error.key == manifest_key):
                    raise
        raise EngineError(f"other clients kept changing {manifest_key!r} at the same time")


class _Push:
    def __init__(
        self,
        loop: Loop,
        folder: str,
        prefix: str,
        manifest_key: str,
        exclude: Optional[Exclude],
        full: bool,
        strict: bool,
        stable: Optional[Stable],
        helpers: Optional[int],
        check_pins_after_s: Optional[float],
        on_event: OnEvent,
    ) -> None:
        self.loop = loop
        self.root = os.path.realpath(folder)
        self.prefix = prefix
        self.manifest_key = manifest_key
        self.exclude = exclude
        self.full = full
        self.strict = strict
        self.stable = stable
        self.emit = on_event
        self.helpers = helpers
        self.check_pins_after_s = check_pins_after_s
        self.pins_checked = False
        self.pool: Optional[Pool] = None
        self.finished: List[Task] = []
        # A row per file, in order: its manifest line once known, what the scan saw before, None when left out.
        self.rows: List[Union[bytes, Found, None]] = []
        self.known: Dict[int, Entry] = {}
        self.todo = array("L")
        self.gone: List[str] = []
        self.changed = False
        self.skipped: List[Skipped] = []
        self.unlisted: List[str] = []
        self.uploads: Dict[str, str] = {}
        self.files = self.bytes = 0
        self.sent_files = self.sent_bytes = 0
        self.done_files = self.done_bytes = self.total_bytes = 0

    def run(self) -> Pushed:
        held = read_manifest(self.loop, self.manifest_key)
        self.plan(held)
        if self.todo:
            big = 0
            for index in self.todo:
                row = self.rows[index]
                assert isinstance(row, Found)
                self.total_bytes += row.size
                big += row.size if row.size > PIECES_FROM else 0
            helpers = helpers_for(big, self.helpers)
            if helpers:
                self.pool = Pool(self.loop.bucket, helpers, self.emit)
            self.progress()
            try:
                self.loop.run(self.tasks(), expected=len(self.todo))
                while self.pool:
                    self.pool.run()
                    finished, self.finished = self.finished, []
                    self.loop.run(finished)
            finally:
                self.abort_uploads()
        unchanged = held.raw is not None and not self.changed
        if not unchanged:
            held = self.write_manifest(held)
        self.delete_gone()
        return Pushed(
            files=self.files,
            bytes=self.bytes,
            sent_files=self.sent_files,
            sent_bytes=self.sent_bytes,
            deleted_files=len(self.gone),
            retries=self.loop.retries + (self.pool.retries if self.pool is not None else 0),
            skipped=self.skipped,
            manifest_version_id=held.version_id,
            manifest_etag=held.etag,
            unchanged=unchanged,
        )

    # Deciding

    def plan(self, held: StoredManifest) -> None:
        there: Iterator[bytes] = iter(())
        if held.raw is not None:
            try:
                there = manifest.entry_lines(held.raw)
                manifest.header(held.raw)
            except ManifestError:
                there = iter(())  # not ours or broken: all is sent anew, and a good one replaces it
                self.changed = True
        current = self.list_current(held)
        refused = None if self.strict else self.refused
        trusted = current is None
        for found, entry in compare(scan(self.root, exclude=self.exclude, on_refused=refused), there):
            if isinstance(entry, bytes):
                assert found is not None
                if trusted:
                    self.rows.append(entry)
                    if not found.is_dir:
                        self.files += 1
                        self.bytes += found.size
                    continue
                entry = manifest.decode_entry(entry)
            if found is None:
                assert entry is not None
                if any(entry.path.startswith(within) for within in self.unlisted):
                    self.keep(entry)  # nobody can tell that it is gone, so what was saved of it stays
                    continue
                self.changed = True
                if not entry.is_dir:
                    self.gone.append(entry.path)
            else:
                self.plan_one(found, entry, current)
        if self.full and current is not None:
            kept = {row.path if isinstance(row, Found) else manifest.decode_entry(row).path for row in self.rows if row}
            strays = current.keys() - kept - set(self.gone)
            self.gone.extend(sorted(strays))

    def list_current(self, held: StoredManifest) -> Optional[Current]:
        """None where the manifest's pins are taken as they are."""
        due = self.check_pins_after_s is not None and held.is_older_than(self.check_pins_after_s)
        if not (self.full or due):
            return None
        current = current_versions(self.loop, self.prefix, self.emit)
        if current is not None:
            self.pins_checked = True
            self.changed = self.changed or due  # written anew, so that the next client need not look again
            return current
        return current_names(self.loop, self.prefix) if self.full else None

    def plan_one(self, found: Found, entry: Optional[Entry], current: Optional[Current]) -> None:
        if found.is_dir:
            line = manifest.encode_entry(Entry(found.path, 0, 0, found.mode, 0, None))
            self.changed = self.changed or entry is None
            self.rows.append(line)
            return
        try:
            check_key(self.prefix + found.path)
        except PathError as error:
            if self.strict:
                raise
            self.refused(error)  # one name that S3 can't hold must not cost all the other outputs
            return
        if entry is not None and current is not None and not is_current(entry, current):
            entry = None  # sent whatever its sum is: only that makes a version that lasts
            self.changed = True
        if entry is not None and not self.full and looks_same(found, entry):
            if entry.mode != found.mode:
                entry = entry._replace(mode=found.mode)
                self.changed = True
            self.keep(entry)
            return
        if self.stable is not None and not self.stable(found):
            if entry is not None:
                self.keep(entry)
            return
        if entry is not None:
            self.known[len(self.rows)] = entry
        self.todo.append(len(self.rows))
        self.rows.append(found)

    def keep(self, entry: Entry) -> None:
        if not entry.is_dir:
            self.files += 1
            self.bytes += entry.size
        self.rows.append(manifest.encode_entry(entry))

    def refused(self, error: PathError) -> None:
        if isinstance(error, UnlistedError):
            self.unlisted.append(error.within)
        self.leave_out(error.path, error.why)

    def leave_out(self, path: str, why: str) -> None:
        skipped = Skipped(path, why)
        self.skipped.append(skipped)
        self.emit(skipped)

    # Sending

    def tasks(self) -> Iterator[Task]:
        for index in self.todo:
            yield self.send(index)

    def send(self, index: int, tries: int = _CHANGES) -> Task:
        found = self.rows[index]
        assert isinstance(found, Found)
        full = os.path.join(self.root, found.path)
        try:
            fd, before = files.open_regular(full, found.path)
        except FileNotFoundError:
            self.drop(index, found, "vanished while the folder was read")
            return
        except PathError as error:
            if self.strict:
                raise
            self.drop(index, found, error.why)
            return
        size = before.st_size
        if size > PIECES_FROM:
            upload = BigUpload(self, index, found, fd, before, tries)
            yield from upload.begin()
            return
        try:
            body: Union[bytes, FileSlice]
            if size <= IN_MEMORY:
                body = _read(fd, size)
                sum_ = zlib.crc32(body)
            else:
                body = FileSlice(fd, 0, size)
                sum_ = body.crc32()
            short = isinstance(body, bytes) and len(body) != size
            if short or files.shape(os.fstat(fd)) != files.shape(before):
                self.again(index, found, tries)
                return
            if self.already_there(index, found, before, sum_):
                return
            answer = yield s3_requests.put(self.prefix + found.path, body, sum_)
            self.sent(index, found, before, sum_, answer)
        except EOFError:
            self.again(index, found, tries)
        except S3Error as error:
            if error.code != "BadDigest":
                raise
            self.again(index, found, tries)
        finally:
            os.close(fd)

    def again(self, index: int, found: Found, tries: int) -> None:
        """It changed under our hands: nothing of it was kept, so start over, a few times."""
        if tries > 1:
            self.loop.spawn(self.send(index, tries - 1))
        elif self.strict:
            raise PathError(found.path, "keeps changing while it is sent")
        else:
            self.drop(index, found, "was being written")

    def already_there(self, index: int, found: Found, now: os.stat_result, sum_: int) -> bool:
        """Touched but not changed: only the manifest's line is new."""
        known = self.known.get(index)
        if known is None or known.size != now.st_size or known.crc32 != sum_:
            return False
        entry = known._replace(mtime_ns=now.st_mtime_ns, mode=found.mode)
        self.changed = self.changed or entry != known
        self.settle(index, found, entry)
        return True

    def sent(self, index: int, found: Found, now: os.stat_result, sum_: int, answer: Response) -> None:
        self.changed = True
        self.sent_files += 1
        self.sent_bytes += now.st_size
        version = s3_requests.version_of(answer)
        self.settle(index, found, Entry(found.path, now.st_size, now.st_mtime_ns, found.mode, sum_, version))

    def settle(self, index: int, found: Found, entry: Entry) -> None:
        self.rows[index] = manifest.encode_entry(entry)
        self.known.pop(index, None)
        self.files += 1
        self.bytes += entry.size
        self.done_files += 1
        if entry.size <= PIECES_FROM:
            self.done_bytes += found.size
        self.progress()

    def drop(self, index: int, found: Found, why: str) -> None:
        self.leave_out(found.path, why)
        self.done_files += 1
        self.done_bytes += found.size
        known = self.known.pop(index, None)
        if known is not None and why == "was being written":
            self.files += 1
            self.bytes += known.size
            self.rows[index] = manifest.encode_entry(known)
            return
        self.rows[index] = None
        if known is not None:
            self.changed = True
            self.gone.append(found.path)

    def progress(self) -> None:
        self.emit(Progress(self.done_files, self.done_bytes, len(self.todo), self.total_bytes))

    def abort_uploads(self) -> None:
        """Parts of an unfinished upload cost money and show nowhere."""
        if not self.uploads:
            return
        with Loop(self.loop.bucket) as loop:
            loop.run(_abort(key, upload) for upload, key in self.uploads.items())
        self.uploads.clear()

    # Finishing

    def write_manifest(self, held: StoredManifest) -> StoredManifest:
        lines = [row for row in self.rows if isinstance(row, bytes)]
        self.rows.clear()
        raw = manifest.encode(lines, files=self.files, total_bytes=self.bytes)
        if len(raw) > manifest.MOST_BYTES:
            raise EngineError(f"{self.files} files are too many: their list has more than {manifest.MOST_BYTES} bytes")
        carried = self.check_pins_after_s is not None and not self.pins_checked
        return write_manifest(self.loop, self.manifest_key, raw, held, checked_s=held.checked_s if carried else None)

    def delete_gone(self) -> None:
        """After the manifest: one that is in the bucket never names what was taken away before it came."""
        keys = [self.prefix + path for path in self.gone]
        plain = [key for key in keys if s3_requests.can_be_in_xml(key)]
        tasks: List[Task] = [_delete_batch(plain[at : at + 1000]) for at in range(0, len(plain), 1000)]
        tasks.extend(_delete_one(key) for key in keys if not s3_requests.can_be_in_xml(key))
        if tasks:
            self.loop.run(tasks)


def _read(fd: int, size: int) -> bytes:
    """One byte more than expected is asked for, so that growth shows."""
    return os.read(fd, size + 1)


def _abort(key: str, upload: str) -> Task:
    try:
        yield s3_requests.abort_upload(key, upload)
    except S3Error as error:
        if error.code != "NoSuchUpload":
            raise


def _delete_batch(keys: List[str]) -> Task:
    yield s3_requests.delete_many(keys)


def _delete_one(key: str) -> Task:
    yield s3_requests.delete(key)
