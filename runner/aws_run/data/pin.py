"""`-i s3://…`: nothing is copied. A manifest like a folder's names every object in the state that it has now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aws_run.data.errors import translated
from aws_run.data.inputs import InputSnapshot, matcher
from aws_run.data.listing import Object, may_list_versions, objects
from aws_run.errors import InterruptedRunError, TransferError, UsageError
from aws_run.events import Emit, Notice
from aws_run.naming import RunKeys
from aws_run.s3uri import S3Uri
from aws_run_entrypoint.transfer import Bucket, Entry, PathError, S3Error, Source, put_object
from aws_run_entrypoint.transfer import manifest as manifests
from aws_run_entrypoint.transfer.http1 import Request
from aws_run_entrypoint.transfer.loop import Loop
from aws_run_entrypoint.transfer.paths import check_relative
from aws_run_entrypoint.transfer.scan import sort_key

_SAY_EVERY = 50_000
_MAX_NAME_BYTES = 255  # of one component, on Linux


@dataclass(frozen=True, kw_only=True)
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


def pin(
    bucket: Bucket,
    uri: S3Uri,
    *,
    emit: Emit,
    exclude: Sequence[str] = (),
    cancel: threading.Event | None = None,
) -> Pinned:
    """What a run that starts now will read. Lists the prefix, one request for a thousand objects (or versions).

    `bucket`: that of `uri` as this account would own it: its `owner` is tried first, so that the answer also says
    whose it is. UsageError: no such bucket, nothing there, a key that can be no file. TransferError: no rights.
    """
    with translated(f"{uri} could not be listed"):
        theirs, own = _whose(bucket, uri)
        region = theirs.region
        with Loop(theirs) as loop:
            found = _listed(loop, uri, uri.folder, _pages(uri, emit, cancel))
            single = not found and uri.key != uri.folder
            if single:
                found = [one for one in _listed(loop, uri, uri.key, _pages(uri, emit, cancel)) if one.key == uri.key]
        if not found:
            raise UsageError(f"{uri}: there are no objects", hint=f"`aws s3 ls {uri}` shows what is there")
    prefix = uri.key.rpartition("/")[0] + "/" if single and "/" in uri.key else "" if single else uri.folder
    entries = _entries(found, uri, prefix, exclude)
    files = [entry for entry in entries if not entry.is_dir]
    if not files:
        raise UsageError(f"{uri}: all that is there is left out", hint="look at `exclude:` and --exclude")
    _warn(emit, uri, found, region, bucket.region)
    source = Source(bucket.name, region, prefix, bucket.owner if own else None)
    return Pinned(
        uri=uri,
        region=region,
        own=own,
        prefix=uri.key if single else prefix,
        single=single,
        files=len(files),
        size_bytes=sum(entry.size for entry in files),
        versions=sum(entry.version_id is not None for entry in files),
        manifest=manifests.from_entries(entries, source=source),
    )


def keep_pin(bucket: Bucket, run_id: str, label: str, pinned: Pinned, *, into: str = "") -> InputSnapshot:
    """Writes the manifest beside the run: it is this run's alone, so no other run can touch it, and goes with it."""
    key = f"{RunKeys(run_id=run_id).inputs}{label}.snapshot.json"
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


def _whose(bucket: Bucket, uri: S3Uri) -> tuple[Bucket, bool]:
    """The bucket as it can be read, in its own region, and whether it is this account's."""
    try:
        return bucket._replace(region=_region_of(bucket)), True
    except S3Error as error:
        if error.status == 404:
            raise UsageError(f"{uri}: there is no bucket {uri.bucket}", hint="`aws s3 ls` lists yours") from error
        if error.status != 403:
            raise
    foreign = bucket._replace(owner=None)
    try:
        return foreign._replace(region=_region_of(foreign)), False
    except S3Error as error:
        if error.status == 403:
            raise _denied(uri, "s3:ListBucket") from error
        raise


def _region_of(bucket: Bucket) -> str:
    with Loop(bucket) as loop:
        said = loop.call(Request("HEAD", "")).headers.get("x-amz-bucket-region")
        return said or bucket.region


def _denied(uri: S3Uri, action: str) -> TransferError:
    return TransferError(
        f"{uri}: these credentials may not list the bucket {uri.bucket}",
        hint=f"{action} on arn:aws:s3:::{uri.bucket} is needed, and s3:GetObject for the run; for another account's "
        "bucket its owner has to allow both",
    )


def _listed(loop: Loop, uri: S3Uri, prefix: str, on_page: Callable[[int], None]) -> list[Object]:
    try:
        return list(objects(loop, prefix, versions=True, on_page=on_page))
    except S3Error as error:
        if may_list_versions(error):
            raise
    try:
        return list(objects(loop, prefix, versions=False, on_page=on_page))
    except S3Error as error:
        if error.status == 403:
            raise _denied(uri, "s3:ListBucket") from error
        raise


def _pages(uri: S3Uri, emit: Emit, cancel: threading.Event | None) -> Callable[[int], None]:
    said = 0

    def on_page(count: int) -> None:
        nonlocal said
        if cancel is not None and cancel.is_set():
            raise InterruptedRunError(f"{uri} was being listed: it was cancelled")
        if count - said >= _SAY_EVERY:
            said = count
            emit(Notice(text=f"{uri}: {count} objects so far"))

    return on_page


def _entries(found: Sequence[Object], uri: S3Uri, prefix: str, exclude: Sequence[str]) -> list[Entry]:
    """In the order of a manifest. What can be no file is refused by name, unless `exclude` names it."""
    left_out = matcher(exclude)
    entries: list[Entry] = []
    for one in found:
        path = one.key[len(prefix) :]
        if not path or (left_out is not None and left_out(path)):
            continue
        try:
            entries.append(_entry(one, path))
        except PathError as error:
            raise UsageError(
                f"{uri}: the key {one.key!r} can be no file: it {error.why}",
                hint="name a deeper prefix, or leave it out with `exclude:` in aws-run.yaml",
            ) from error
    entries.sort(key=lambda entry: sort_key(entry.path))
    # In this order nothing stands between `a` and `a/b`.
    for before, after in pairwise(entries):
        if not before.is_dir and after.path.startswith(f"{before.path}/"):
            raise UsageError(
                f"{uri}: {prefix + before.path!r} and {prefix + after.path!r} can't be a file and a folder at once",
                hint="leave one of them out with `exclude:` in aws-run.yaml",
            )
    return entries


def _entry(one: Object, path: str) -> Entry:
    check_relative(path)
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in path.split("/")):
        raise PathError(path, f"holds a name longer than {_MAX_NAME_BYTES} bytes")
    if path.endswith("/"):  # what the console leaves for an empty folder
        if one.size:
            raise PathError(path, "ends with / and holds bytes")
        return Entry(path, 0, 0, 0o755, 0, None)
    etag = one.etag if one.version_id is None else None
    return Entry(path, one.size, one.mtime_ns, 0o644, None, one.version_id, etag)


def _warn(emit: Emit, uri: S3Uri, found: Sequence[Object], region: str, here: str) -> None:
    if region != here:
        emit(
            Notice(
                text=f"{uri} lies in {region} and the run in {here}: reading it is slower, and its transfer is charged",
                level="warning",
                hint=f"--region {region} runs it beside its data",
            )
        )
    cold = [one.key for one in found if one.cold]
    if cold:
        emit(
            Notice(
                text=f"{len(cold)} objects of {uri} are archived, {cold[0]!r} the first: one that is not restored "
                "can't be read",
                level="warning",
            )
        )
