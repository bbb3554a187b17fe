"""What lies under a prefix of a bucket, page by page: by version where the bucket keeps versions and shows them, else
by ETag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterator, NamedTuple, Optional

from . import s3_requests
from .errors import EngineError, S3Error
from .http1 import Request
from .loop import Bucket, Loop

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}
_NOT_SHOWN = (403, 405, 501)
OnPage = Callable[[int], None]


class ListedObject(NamedTuple):
    """`version_id` None: the bucket keeps no versions or does not show them. `archived`: it may have to be restored
    before it can be read."""

    key: str
    size: int
    etag: str
    mtime_ns: int
    version_id: Optional[str]
    archived: bool


def ignore_page(count: int) -> None:
    """For callers that want no progress."""


def list_objects(loop: Loop, prefix: str, *, versions: bool, on_page: OnPage = ignore_page) -> Iterator[ListedObject]:
    """The current objects below `prefix`; with `versions`, which need s3:ListBucketVersions, each by its version.
    `on_page` is told after each page how many there were so far."""
    marker: Optional[Dict[str, str]] = {}
    count = 0
    while marker is not None:
        page = loop.call(s3_requests.list_page(prefix, versions=versions, marker=marker)).xml
        assert page is not None  # else the call would have failed
        encoded = _text(page, "EncodingType") == "url"
        for item in page:
            if _tag(item) == "Contents" or (_tag(item) == "Version" and _text(item, "IsLatest").lower() == "true"):
                count += 1
                yield _object(item, encoded)
        on_page(count)
        following = _next_marker(page, encoded, versions)
        if following is not None and following == marker:
            raise EngineError(f"S3's listing of {prefix!r} makes no progress: the same page comes again")
        marker = following


def hides_versions(error: S3Error) -> bool:
    """True for refusals after which the plain listing is worth a try: many public buckets show no versions, and servers
    other than AWS may not know them."""
    return error.status in _NOT_SHOWN or error.code == "NotImplemented"


class BucketReader:
    """Looks at a bucket that may be another account's. Close it, or use it as a context manager."""

    def __init__(self, bucket: Bucket) -> None:
        self._loop = Loop(bucket)

    def __enter__(self) -> BucketReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def region(self) -> Optional[str]:
        """Where the bucket lies, by its own word; None where the server does not say."""
        return self._loop.call(Request("HEAD", "")).headers.get("x-amz-bucket-region")

    def objects(self, prefix: str, *, versions: bool, on_page: OnPage = ignore_page) -> Iterator[ListedObject]:
        return list_objects(self._loop, prefix, versions=versions, on_page=on_page)

    def may_read(self, listed: ListedObject) -> bool:
        """Whether these credentials may read this very version. S3Error for any answer but yes and 403."""
        try:
            self._loop.call(s3_requests.head(listed.key, version_id=listed.version_id))
        except S3Error as error:
            if error.status == 403:
                return False
            raise
        return True


def _next_marker(page: Element, encoded: bool, versions: bool) -> Optional[Dict[str, str]]:
    if _text(page, "IsTruncated").lower() != "true":
        return None
    name = "NextKeyMarker" if versions else "NextContinuationToken"
    value = _text(page, name)
    if not value:
        raise EngineError(f"S3's listing goes on, but does not give the {name} of its next page")
    if not versions:
        return {"continuation-token": value}
    return {"key-marker": _decoded(value, encoded), "version-id-marker": _text(page, "NextVersionIdMarker")}


def _object(item: Element, encoded: bool) -> ListedObject:
    version = _text(item, "VersionId")
    return ListedObject(
        key=_decoded(_text(item, "Key"), encoded),
        size=int(_text(item, "Size") or 0),
        etag=_text(item, "ETag"),
        mtime_ns=_nanoseconds(_text(item, "LastModified")),
        version_id=version if version not in ("", s3_requests.NULL_VERSION) else None,
        archived=_text(item, "StorageClass") in _ARCHIVES,
    )


def _decoded(text: str, encoded: bool) -> str:
    from urllib.parse import unquote_plus  # most transfers list nothing

    return unquote_plus(text) if encoded else text


def _nanoseconds(text: str) -> int:
    """S3 tells whole seconds, some servers milliseconds; 0 where it says nothing that can be read."""
    from datetime import datetime

    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000


def _text(parent: Element, name: str) -> str:
    for item in parent:
        if _tag(item) == name:
            return item.text or ""
    return ""


def _tag(item: Element) -> str:
    return item.tag.rpartition("}")[2]
