"""Reads the manifest from the bucket, and replaces it only if it is still the same."""

from __future__ import annotations

import zlib
from typing import Mapping, NamedTuple, Optional

from . import manifest, s3_requests
from .errors import ManifestError, S3Error, TooLargeError
from .http1 import Headers
from .loop import Loop
from .objects import read_whole

# When the pins were last compared with the versions that are current, on a manifest that was written later.
_CHECKED = "x-amz-meta-pins-checked"
# When the folder's scan began, by the clock of the machine that its files are on, and which folder it was.
_SCANNED = "x-amz-meta-scanned-ns"
_ROOT = "x-amz-meta-scanned-inode"
_MARKS = "x-amz-meta-scanned-folders"


class Scanned(NamedTuple):
    """The scan behind a manifest. `inode`: the number of the folder itself; another folder's files of the same sizes
    and times are other files, whenever they were changed. `marks`: of the folders in it; None: it left none."""

    began_ns: int
    inode: int
    marks: Optional[str] = None


class StoredManifest(NamedTuple):
    """The manifest that is in the bucket now, and what came with it; `raw` None where there is none."""

    raw: Optional[bytes] = None
    etag: Optional[str] = None
    version_id: Optional[str] = None
    headers: Mapping[str, str] = {}

    @property
    def checked_s(self) -> Optional[float]:
        """When its pins were last known to be current, by the server's clock: at the latest when it was written."""
        stamp = self.headers.get(_CHECKED, "")
        return float(stamp) if stamp.isdecimal() else s3_requests.time_of(self.headers.get("last-modified"))

    @property
    def scanned(self) -> Optional[Scanned]:
        """None: an earlier version wrote it, or another tool."""
        stamps = [self.headers.get(name, "") for name in (_SCANNED, _ROOT)]
        if not all(stamp.isdecimal() and len(stamp) <= 20 for stamp in stamps):
            return None
        return Scanned(int(stamps[0]), int(stamps[1]), self.headers.get(_MARKS))

    def is_older_than(self, age_s: float) -> bool:
        """By the server's clock; this machine's may be wrong."""
        now_s, checked_s = s3_requests.time_of(self.headers.get("date")), self.checked_s
        return now_s is not None and checked_s is not None and now_s - checked_s > age_s


def read_manifest(loop: Loop, key: str, version_id: Optional[str] = None) -> StoredManifest:
    try:
        answer = read_whole(loop, key, version_id, manifest.MOST_BYTES)
    except S3Error as error:
        if error.absent:
            return StoredManifest()
        raise
    except TooLargeError as error:
        raise ManifestError(f"the manifest {key!r} is larger than {manifest.MOST_BYTES} bytes") from error
    return StoredManifest(answer.body, answer.headers.get("etag"), s3_requests.version_of(answer), answer.headers)


def write_manifest(
    loop: Loop,
    key: str,
    raw: bytes,
    *,
    stored: StoredManifest,
    checked_s: Optional[float] = None,
    scanned: Optional[Scanned] = None,
) -> StoredManifest:
    """Puts `raw` where `stored` is. S3Error with `conflict` where another client was first. `checked_s` None: the pins
    are as fresh as the manifest."""
    try:
        return _write(loop, key, raw, stored=stored, checked_s=checked_s, scanned=scanned)
    except S3Error as error:
        if not error.conflict:
            raise
        now = read_manifest(loop, key)
        if now.raw == raw and (raw != stored.raw or now.version_id != stored.version_id):
            return now  # our own put succeeded and its answer was lost
        if now.etag != stored.etag:
            raise
        if error.status != 412:
            # Another client's put was under way: it may still arrive, so the condition stays.
            return _write(loop, key, raw, stored=stored, checked_s=checked_s, scanned=scanned)
        if stored.etag is None:
            raise
    # Nobody changed it, so the condition holds: a server that can't tell (Ceph, in buckets with versions).
    return _write(loop, key, raw, stored=stored, checked_s=checked_s, scanned=scanned, unconditionally=True)


def _write(
    loop: Loop,
    key: str,
    raw: bytes,
    *,
    stored: StoredManifest,
    checked_s: Optional[float],
    scanned: Optional[Scanned],
    unconditionally: bool = False,
) -> StoredManifest:
    metadata: Headers = [(_CHECKED, str(int(checked_s)))] if checked_s is not None else []
    if scanned is not None:
        metadata += [(_SCANNED, str(scanned.began_ns)), (_ROOT, str(scanned.inode))]
        metadata += [(_MARKS, scanned.marks)] if scanned.marks else []
    request = s3_requests.put(
        key,
        raw,
        zlib.crc32(raw),
        if_match=None if unconditionally else stored.etag,
        if_none_match=stored.etag is None,
        content_type="application/json",
        metadata=metadata,
    )
    answer = loop.call(request)
    return StoredManifest(raw, answer.headers.get("etag"), s3_requests.version_of(answer))
