"""S3's operations as requests, and reading what answers say in a word or two. Nothing here touches the network."""

from __future__ import annotations

import base64
import hashlib
import time
import zlib
from typing import Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import crc
from .bodies import FileRange, FileSlice
from .errors import EngineError
from .http1 import MOST_IN_MEMORY, Headers, Request, Response

# S3's name for the version of an object that was put while its bucket kept none.
NULL_VERSION = "null"


def get(
    key: str,
    *,
    version_id: Optional[str] = None,
    if_match: Optional[str] = None,
    most_bytes: int = MOST_IN_MEMORY,
) -> Request:
    headers: Headers = [("x-amz-checksum-mode", "ENABLED")]
    if if_match:
        headers.append(("if-match", if_match))
    return Request("GET", key, query=_version(version_id), headers=headers, most_bytes=most_bytes)


def get_range(
    key: str, sink: FileRange, *, version_id: Optional[str] = None, if_match: Optional[str] = None
) -> Request:
    headers: Headers = [("range", f"bytes={sink.offset}-{sink.offset + sink.length - 1}")]
    if if_match:
        headers.append(("if-match", if_match))
    return Request("GET", key, query=_version(version_id), headers=headers, sink=sink)


def head(key: str, *, version_id: Optional[str] = None, if_match: Optional[str] = None) -> Request:
    headers: Headers = [("x-amz-checksum-mode", "ENABLED")]
    if if_match:
        headers.append(("if-match", if_match))
    return Request("HEAD", key, query=_version(version_id), headers=headers)


def put(
    key: str,
    body: Union[bytes, FileSlice],
    checksum: int,
    *,
    if_match: Optional[str] = None,
    if_none_match: bool = False,
    content_type: Optional[str] = None,
    metadata: Optional[Headers] = None,
) -> Request:
    """`metadata`: names that begin with x-amz-meta-; they come back with every GET."""
    headers: Headers = [("x-amz-checksum-crc32", crc.to_header(checksum)), *(metadata or ())]
    if if_match:
        headers.append(("if-match", if_match))
    if if_none_match:
        headers.append(("if-none-match", "*"))
    if content_type:
        headers.append(("content-type", content_type))
    return Request("PUT", key, headers=headers, body=body)


def delete(key: str) -> Request:
    return Request("DELETE", key)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def can_be_in_xml(key: str) -> bool:
    """XML 1.0 has no way to write most control characters."""
    return all(c >= " " for c in key) and "\ufffe" not in key and "\uffff" not in key


def delete_many(keys: Iterable[str]) -> Request:
    """At most 1,000 keys, each `can_be_in_xml`."""
    objects = "".join([f"<Object><Key>{escape(key)}</Key></Object>" for key in keys])
    body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>{objects}</Delete>'.encode()
    headers: Headers = [
        # S3 wants one of the two; older servers know only the first.
        ("content-md5", base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()),
        ("x-amz-checksum-crc32", crc.to_header(zlib.crc32(body))),
    ]
    return Request("POST", "", query=[("delete", "")], headers=headers, body=body, checked_body=True)


def create_upload(key: str) -> Request:
    headers: Headers = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")]
    roots = ("InitiateMultipartUploadResult",)
    return Request("POST", key, query=[("uploads", "")], headers=headers, checked_body=True, roots=roots)


def upload_id(response: Response) -> str:
    for item in response.xml if response.xml is not None else ():
        if item.tag.rpartition("}")[2] == "UploadId" and item.text:
            return item.text
    raise EngineError("S3 began a multipart upload without naming it")


def put_part(key: str, upload: str, number: int, *, body: FileSlice, checksum: int) -> Request:
    query = [("partNumber", str(number)), ("uploadId", upload)]
    return Request("PUT", key, query=query, headers=[("x-amz-checksum-crc32", crc.to_header(checksum))], body=body)


class Part(NamedTuple):
    number: int
    etag: str
    crc32: int
    length: int


def complete_upload(key: str, upload: str, parts: List[Part], total_crc: int) -> Request:
    listed = "".join(
        [
            f"<Part><PartNumber>{p.number}</PartNumber><ETag>{escape(p.etag)}</ETag>"
            f"<ChecksumCRC32>{crc.to_header(p.crc32)}</ChecksumCRC32></Part>"
            for p in parts
        ]
    )
    body = (
        f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</CompleteMultipartUpload>'
    )
    headers: Headers = [("x-amz-checksum-crc32", crc.to_header(total_crc)), ("x-amz-checksum-type", "FULL_OBJECT")]
    return Request("POST", key, query=[("uploadId", upload)], headers=headers, body=body.encode(), checked_body=True)


def multipart_etag(parts: List[Part]) -> str:
    """What S3 calls the whole: the MD5 of its parts' MD5s. Under some encryption it is something else."""
    sums = b"".join([bytes.fromhex(p.etag.strip('"')) for p in parts])
    return f'"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"'


def abort_upload(key: str, upload: str) -> Request:
    return Request("DELETE", key, query=[("uploadId", upload)])


def list_page(prefix: str, *, versions: bool, marker: Mapping[str, str]) -> Request:
    """`marker`: the parameters that the last page ended with; empty for the first."""
    way = ("versions", "") if versions else ("list-type", "2")
    query = [
        way,
        ("prefix", prefix),
        ("encoding-type", "url"),
        *((name, text) for name, text in marker.items() if text),
    ]
    return Request("GET", "", query=query, roots=("ListVersionsResult" if versions else "ListBucketResult",))


def version_of(response: Response) -> Optional[str]:
    """None where the bucket keeps no versions."""
    version = response.headers.get("x-amz-version-id")
    return version if version and version != NULL_VERSION else None


def time_of(text: Optional[str]) -> Optional[float]:
    """A Date or Last-Modified as epoch seconds; None where it is none."""
    from calendar import timegm  # few have to know

    try:
        return float(timegm(time.strptime(text or "", "%a, %d %b %Y %H:%M:%S GMT")))
    except ValueError:
        return None


def _version(version_id: Optional[str]) -> List[Tuple[str, str]]:
    return [("versionId", version_id)] if version_id else []
