"""Pins `-i s3://…`: nothing is copied; a manifest like that of a folder names the present version of every object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from itertools import pairwise

from aws_run.data.bucket_access import read_listing
from aws_run.data.errors import translated
from aws_run.data.inputs import SNAPSHOT_SUFFIX, InputSnapshot, matcher
from aws_run.errors import UsageError
from aws_run.events import Emit, Notice
from aws_run.frozen import frozen
from aws_run.runs.keys import RunKeys
from aws_run.s3uri import S3Uri
from aws_run_entrypoint.transfer import (
    Bucket,
    Entry,
    ListedObject,
    PathError,
    Source,
    check_relative,
    encode_manifest,
    put_object,
    sort_key,
)

_MAX_NAME_BYTES = 255  # of one component, on Linux
OnSeen = Callable[[int, int], None]  # files and bytes so far


@frozen
class Pinned:
    """`prefix`: what all keys begin with; a single object's own key where `single`. `own`: the bucket is this
    account's. `versions` of the `files` are pinned by version, the others by ETag. `manifest`: as it is going to lie
    beside the run."""

    uri: S3Uri
    region: str
    own: bool
    prefix: str
    single: bool
    files: int
    size_bytes: int
    versions: int
    manifest: bytes = field(repr=False)

    @property
    def by(self) -> str:
        if self.versions == self.files:
            return "version"
        return "version and ETag" if self.versions else "ETag"


def pin_input(
    bucket: Bucket,
    uri: S3Uri,
    *,
    emit: Emit,
    exclude: Sequence[str] = (),
    cancel: threading.Event | None = None,
    on_seen: OnSeen = lambda files, size_bytes: None,
) -> Pinned:
    """Pins what a run that starts now will read. Lists the prefix, one request for a thousand objects (or versions).

    `bucket`: that of `uri` as this account would own it: its `owner` is tried first, which shows whose it is.
    `on_seen`: called with files and bytes so far.
    UsageError: no such bucket, nothing there, a key that can be no file. TransferError: no rights.
    """
    seen = _Seen(uri, exclude, on_seen)
    with translated(f"{uri} could not be listed"):
        theirs, own = read_listing(bucket, uri, seen.take, _cancelled_by(cancel))
    if not seen.count:
        raise UsageError(f"{uri}: there are no objects", hint=f"`aws s3 ls {uri}` shows what is there")
    entries, region = seen.in_order(), theirs.region
    files = [entry for entry in entries if not entry.is_dir]
    if not files:
        raise UsageError(f"{uri}: every object there is left out", hint="check `exclude:` and --exclude")
    _warn(emit, uri, seen, region=region, run_region=bucket.region)
    source = Source(bucket.name, region, seen.prefix, theirs.owner)
    return Pinned(
        uri=uri,
        region=region,
        own=own,
        prefix=uri.key if seen.single else seen.prefix,
        single=seen.single,
        files=len(files),
        size_bytes=sum(entry.size for entry in files),
        versions=sum(entry.version_id is not None for entry in files),
        manifest=encode_manifest(entries, source=source),
    )


def keep_pin(bucket: Bucket, run_id: str, label: str, pinned: Pinned, *, into: str = "") -> InputSnapshot:
    """Writes the manifest beside the run: it is this run's alone, so no other run can touch it, and goes with it."""
    key = f"{RunKeys(run_id=run_id).inputs}{label}{SNAPSHOT_SUFFIX}"
    with translated(f"The list of {pinned.uri} could not be saved"):
        stored = put_object(bucket, key, pinned.manifest, content_type="application/json")
    return InputSnapshot(
        snapshot_key=key,
        version_id=stored.version_id,
        label=label,
        into=into,
        files=pinned.files,
        bytes=pinned.size_bytes,
        sent_files=0,
        sent_bytes=0,
        deleted_files=0,
        unchanged=True,
        source=str(pinned.uri),
    )


def _cancelled_by(cancel: threading.Event | None) -> Callable[[int], None]:
    def on_page(_count: int) -> None:
        if cancel is not None and cancel.is_set():
            raise InterruptedError

    return on_page


class _Seen:
    """The objects as entries of a manifest. UsageError names a key that can't be a file, unless `exclude` matches
    it."""

    def __init__(self, uri: S3Uri, exclude: Sequence[str], on_seen: OnSeen) -> None:
        self._uri = uri
        self._on_seen = on_seen
        self._left_out = matcher(exclude)
        self.take((), False)

    def take(self, items: Iterable[ListedObject], single: bool) -> None:
        """Begins from the start: a listing that was refused half-way is made again in another way."""
        folder = self._uri.key.rpartition("/")
        self.prefix = self._uri.folder if not single else folder[0] + folder[1]
        self.single = single
        self.count = 0
        self.archived: list[str] = []
        self._entries: list[Entry] = []
        files = total = 0
        for one in items:
            self.count += 1
            path = one.key[len(self.prefix) :]
            if not path or (self._left_out is not None and self._left_out(path)):
                continue
            if one.archived:
                self.archived.append(one.key)
            try:
                self._entries.append(_entry(one, path))
            except PathError as error:
                raise UsageError(
                    f"{self._uri}: the key {one.key!r} can be no file: it {error.why}",
                    hint="name a deeper prefix, or leave it out with `exclude:` in aws-run.yaml",
                ) from error
            files += not self._entries[-1].is_dir
            total += one.size
            self._on_seen(files, total)

    def in_order(self) -> list[Entry]:
        self._entries.sort(key=lambda entry: sort_key(entry.path))
        # In this order nothing stands between `a` and `a/b`.
        for before, after in pairwise(self._entries):
            if not before.is_dir and after.path.startswith(f"{before.path}/"):
                one, other = (self.prefix + entry.path for entry in (before, after))
                raise UsageError(
                    f"{self._uri}: {one!r} and {other!r} can't be a file and a folder at once",
                    hint="leave one of them out with `exclude:` in aws-run.yaml",
                )
        return self._entries


def _entry(one: ListedObject, path: str) -> Entry:
    check_relative(path)
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in path.split("/")):
        raise PathError(path, f"holds a name longer than {_MAX_NAME_BYTES} bytes")
    if path.endswith("/"):  # what the console leaves for an empty folder
        if one.size:
            raise PathError(path, "ends with / and holds bytes")
        return Entry(path, 0, 0, 0o755, 0, None)
    etag = one.etag if one.version_id is None else None
    return Entry(path, one.size, one.mtime_ns, 0o644, None, one.version_id, etag)


def _warn(emit: Emit, uri: S3Uri, seen: _Seen, *, region: str, run_region: str) -> None:
    if region != run_region:
        emit(
            Notice(
                text=f"{uri} lies in {region} and the run in {run_region}: reading it is slower, and its transfer is "
                "charged",
                level="warning",
                hint=f"--region {region} runs it beside its data",
            )
        )
    if seen.archived:
        emit(
            Notice(
                text=f"{len(seen.archived)} objects of {uri} are archived, {seen.archived[0]!r} the first: "
                "one that is not restored can't be read",
                level="warning",
            )
        )
