"""A folder into the bucket: send what changed, then one manifest that pins every file, then delete what is gone."""

from __future__ import annotations

import os
import zlib
from typing import Dict, Iterator, List, Optional, Union

from . import files, manifest, s3_requests
from .bodies import FileSlice
from .errors import EngineError, PathError, S3Error
from .http1 import Response
from .loop import Bucket, Loop, Task
from .manifest_store import StoredManifest, read_manifest, write_manifest
from .plan import IN_MEMORY, PIECES_FROM
from .process_pool import Pool, helpers_for
from .push_plan import PushOptions, PushPlan, Stable
from .scan import Exclude
from .upload import BigUpload, PendingFile
from .values import Entry, OnEvent, Progress, Pushed, ignore

_CONFLICTS = 10
_CHANGES = 3


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
    follow_links: bool = False,
    on_event: OnEvent = ignore,
) -> Pushed:
    """Makes `prefix` and the manifest at `manifest_key` say what `folder` holds.

    An unchanged folder costs one GET. `full` reads every file and lists the prefix's versions instead of trusting
    sizes, times and the manifest; a file whose pinned version is not the current one is sent anew. Of a manifest whose
    pins nobody has looked at for `check_pins_after_s` these alone are looked at. Both need the right to list versions
    and go on without it (told as `Unchecked`). `strict` False leaves out what can't be sent (told as `Skipped`) instead
    of failing: for outputs, where the rest must still arrive. `stable` says whether a changed file may go yet; the old
    state stays until then. `helpers` bounds the processes that move big files; None is one a core, up to four.
    `follow_links`: also out of the folder.
    """
    if not os.path.isdir(folder):
        raise EngineError(f"{folder!r} is not a folder")
    options = PushOptions(
        prefix=prefix,
        manifest_key=manifest_key,
        exclude=exclude,
        full=full,
        strict=strict,
        stable=stable,
        helpers=helpers,
        check_pins_after_s=check_pins_after_s,
        follow_links=follow_links,
    )
    with Loop(bucket, on_event=on_event) as loop:
        for _ in range(_CONFLICTS):
            try:
                return _Push(loop, PushPlan(folder, options, on_event)).run()
            except S3Error as error:
                # Another client wrote the manifest first. What it says now is the new starting point.
                if not (error.conflict and error.key == manifest_key):
                    raise
        raise EngineError(f"other clients kept changing {manifest_key!r} at the same time")


class _Push:
    """Carries one plan out. `uploads`: unfinished multipart uploads and their keys; `finished`: tasks that helper
    processes have made possible."""

    def __init__(self, loop: Loop, plan: PushPlan) -> None:
        self.loop = loop
        self.plan = plan
        self.root = plan.root
        self.prefix = plan.options.prefix
        self.pool: Optional[Pool] = None
        self.finished: List[Task] = []
        self.uploads: Dict[str, str] = {}
        self.sent_files = self.sent_bytes = 0
        self.done_files = self.done_bytes = self.total_bytes = 0

    def run(self) -> Pushed:
        plan = self.plan
        stored = read_manifest(self.loop, plan.options.manifest_key)
        plan.compare_with(stored, self.loop)
        if plan.todo:
            self.send_all()
        unchanged = stored.raw is not None and not plan.changed
        if not unchanged:
            stored = self.write_manifest(stored)
        self.delete_gone()
        return Pushed(
            files=plan.files,
            bytes=plan.bytes,
            sent_files=self.sent_files,
            sent_bytes=self.sent_bytes,
            deleted_files=len(plan.gone),
            retries=self.loop.retries + (self.pool.retries if self.pool is not None else 0),
            skipped=plan.skipped,
            manifest_version_id=stored.version_id,
            unchanged=unchanged,
        )

    # Sending

    def send_all(self) -> None:
        self.total_bytes = self.plan.bytes_to_send()
        helpers = helpers_for(self.plan.big_bytes_to_send(), self.plan.options.helpers)
        if helpers:
            self.pool = Pool(self.loop.bucket, helpers, self.plan.emit)
        self.progress()
        try:
            self.loop.run(self.tasks(), expected=len(self.plan.todo))
            while self.pool:
                self.pool.run()
                finished, self.finished = self.finished, []
                self.loop.run(finished)
        finally:
            self.abort_uploads()

    def tasks(self) -> Iterator[Task]:
        for index in self.plan.todo:
            yield self.send(PendingFile(index, self.plan.file_of(index), _CHANGES))

    def send(self, pending: PendingFile) -> Task:
        path = pending.file.path
        try:
            fd, before = files.open_regular(os.path.join(self.root, path), path)
        except FileNotFoundError:
            self.drop(pending, "vanished while the folder was read")
            return
        except PathError as error:
            if self.plan.options.strict:
                raise
            self.drop(pending, error.why)
            return
        size = before.st_size
        if size > PIECES_FROM:
            yield from BigUpload(self, pending, fd=fd, before=before).begin()
            return
        try:
            body: Union[bytes, FileSlice]
            if size <= IN_MEMORY:
                body = _read(fd, size)
                crc32 = zlib.crc32(body)
            else:
                body = FileSlice(fd, 0, size)
                crc32 = body.crc32()
            short = isinstance(body, bytes) and len(body) != size
            if short or files.shape(os.fstat(fd)) != files.shape(before):
                self.begin_again(pending)
                return
            if self.already_there(pending, before, crc32):
                return
            answer = yield s3_requests.put(self.prefix + path, body, crc32)
            self.sent(pending, before, crc32=crc32, answer=answer)
        except EOFError:
            self.begin_again(pending)
        except S3Error as error:
            if error.code != "BadDigest":
                raise
            self.begin_again(pending)
        finally:
            os.close(fd)

    def begin_again(self, pending: PendingFile) -> None:
        """The file changed under our hands: nothing of it was kept, so start over, a few times."""
        if pending.tries > 1:
            self.loop.spawn(self.send(pending._replace(tries=pending.tries - 1)))
        elif self.plan.options.strict:
            raise PathError(pending.file.path, "keeps changing while it is sent")
        else:
            self.drop(pending, "was being written", keep_saved=True)

    def already_there(self, pending: PendingFile, now: os.stat_result, crc32: int) -> bool:
        """Touched but not changed: only the manifest's line is new."""
        known = self.plan.known.get(pending.row)
        if known is None or known.size != now.st_size or known.crc32 != crc32:
            return False
        entry = known._replace(mtime_ns=now.st_mtime_ns, mode=pending.file.mode)
        # The manifest is written anew, so that the next push need not read the file again.
        read_for_its_ctime = not self.plan.options.full and pending.file.ctime_ns >= self.plan.since_ns
        self.plan.changed = self.plan.changed or entry != known or read_for_its_ctime
        self.settle(pending, entry)
        return True

    def sent(self, pending: PendingFile, now: os.stat_result, *, crc32: int, answer: Response) -> None:
        self.plan.changed = True
        self.sent_files += 1
        self.sent_bytes += now.st_size
        path, mode = pending.file.path, pending.file.mode
        version_id = s3_requests.version_of(answer)
        self.settle(pending, Entry(path, now.st_size, now.st_mtime_ns, mode, crc32, version_id))

    def settle(self, pending: PendingFile, entry: Entry) -> None:
        self.plan.settle(pending.row, entry)
        self.done_files += 1
        if entry.size <= PIECES_FROM:
            self.done_bytes += pending.file.size
        self.progress()

    def drop(self, pending: PendingFile, reason: str, *, keep_saved: bool = False) -> None:
        self.plan.drop(pending.row, reason, keep_saved=keep_saved)
        self.done_files += 1
        self.done_bytes += pending.file.size

    def progress(self) -> None:
        self.plan.emit(Progress(self.done_files, self.done_bytes, len(self.plan.todo), self.total_bytes))

    def abort_uploads(self) -> None:
        """Parts of an unfinished upload cost money and show nowhere."""
        if not self.uploads:
            return
        with Loop(self.loop.bucket) as loop:
            loop.run(_abort(key, upload) for upload, key in self.uploads.items())
        self.uploads.clear()

    # Finishing

    def write_manifest(self, stored: StoredManifest) -> StoredManifest:
        plan = self.plan
        raw = manifest.encode(plan.take_lines(), files=plan.files, total_bytes=plan.bytes)
        if len(raw) > manifest.MOST_BYTES:
            raise EngineError(f"{plan.files} files are too many: their list has more than {manifest.MOST_BYTES} bytes")
        unchecked = plan.options.check_pins_after_s is not None and not plan.pins_checked
        checked_s = stored.checked_s if unchecked else None
        return write_manifest(
            self.loop,
            plan.options.manifest_key,
            raw,
            stored=stored,
            checked_s=checked_s,
            scanned=plan.scanned,
        )

    def delete_gone(self) -> None:
        """After the manifest: one that is in the bucket never names what was taken away before it came."""
        keys = [self.prefix + path for path in self.plan.gone]
        plain = [key for key in keys if s3_requests.can_be_in_xml(key)]
        tasks: List[Task] = [_delete_batch(plain[at : at + 1000]) for at in range(0, len(plain), 1000)]
        tasks.extend(_delete_one(key) for key in keys if not s3_requests.can_be_in_xml(key))
        if tasks:
            self.loop.run(tasks)


def _read(fd: int, size: int) -> bytes:
    """Tries to read one byte more than expected, so that growth shows."""
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
