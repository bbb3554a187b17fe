"""What lies under a prefix of somebody's bucket, page by page: by version where the bucket has any, else by ETag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from aws_run_entrypoint.transfer import EngineError, S3Error
from aws_run_entrypoint.transfer.http1 import Request, Response
from aws_run_entrypoint.transfer.loop import Loop

_COLD = {"GLACIER", "DEEP_ARCHIVE"}
OnPage = Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Object:
    """`version_id` None where the bucket keeps no versions or does not show them. `cold`: in an archive, which may not
    be readable at once."""

    key: str
    size: int
    etag: str
    mtime_ns: int
    version_id: str | None
    cold: bool


def objects(loop: Loop, prefix: str, *, versions: bool, on_page: OnPage = lambda count: None) -> Iterator[Object]:
    """The current objects below `prefix`; with `versions`, which need s3:ListBucketVersions, each by its version."""
    page_of = _versions_page if versions else _page
    marker: dict[str, str] | None = {}
    count = 0
    while marker is not None:
        root = _xml(loop.call(page_of(prefix, marker)))
        encoded = _text(root, "EncodingType") == "url"
        for item in root:
            if _tag(item) in ("Version", "Contents") and _text(item, "IsLatest").lower() != "false":
                count += 1
                yield _object(item, encoded)
        on_page(count)
        marker = _next(root, encoded, versions)


def may_list_versions(error: S3Error) -> bool:
    """False for refusals after which the plain listing is tried: many public buckets show no versions, and servers
    other than AWS may not know them."""
    return error.status not in (403, 405, 501) and error.code != "NotImplemented"


def _page(prefix: str, marker: dict[str, str]) -> Request:
    query = [("list-type", "2"), ("prefix", prefix), ("encoding-type", "url"), *marker.items()]
    return Request("GET", "", query=query)


def _versions_page(prefix: str, marker: dict[str, str]) -> Request:
    return Request("GET", "", query=[("versions", ""), ("prefix", prefix), ("encoding-type", "url"), *marker.items()])


def _next(root: ElementTree.Element, encoded: bool, versions: bool) -> dict[str, str] | None:
    if _text(root, "IsTruncated").lower() != "true":
        return None
    if not versions:
        return {"continuation-token": _text(root, "NextContinuationToken")}
    key = _text(root, "NextKeyMarker")
    return {
        "key-marker": unquote_plus(key) if encoded else key,
        "version-id-marker": _text(root, "NextVersionIdMarker"),
    }


def _object(item: ElementTree.Element, encoded: bool) -> Object:
    key, version = _text(item, "Key"), _text(item, "VersionId")
    return Object(
        key=unquote_plus(key) if encoded else key,
        size=int(_text(item, "Size") or 0),
        etag=_text(item, "ETag"),
        mtime_ns=_nanoseconds(_text(item, "LastModified")),
        version_id=version if version not in ("", "null") else None,
        cold=_text(item, "StorageClass") in _COLD,
    )


def _nanoseconds(text: str) -> int:
    """S3 tells whole seconds, some servers milliseconds; 0 where it says nothing that can be read."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000


def _xml(response: Response) -> ElementTree.Element:
    try:
        # S3's own answers over an authenticated connection; expat resolves no external entities.
        return ElementTree.fromstring(response.body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise EngineError(f"S3's listing is not the XML that it should be ({error})") from error


def _text(root: ElementTree.Element, name: str) -> str:
    for item in root:
        if _tag(item) == name:
            return item.text or ""
    return ""


def _tag(item: ElementTree.Element) -> str:
    return item.tag.rpartition("}")[2]
