"""Single objects: small JSON documents, mostly."""

from __future__ import annotations

import zlib
from typing import NamedTuple, Optional

from . import s3_requests
from .checksums import checksums_of
from .errors import CorruptError
from .http1 import MOST_IN_MEMORY, Response
from .loop import Bucket, Loop
from .values import OnEvent, ignore

_TRIES = 4


class Stored(NamedTuple):
    """`version_id` None where the bucket keeps no versions."""

    body: bytes
    etag: Optional[str]
    version_id: Optional[str]


def get_object(
    bucket: Bucket,
    key: str,
    *,
    version_id: Optional[str] = None,
    most_bytes: int = MOST_IN_MEMORY,
    on_event: OnEvent = ignore,
) -> Stored:
    """S3Error with `absent` True where there is none, TooLargeError where it has more than `most_bytes`."""
    with Loop(bucket, on_event=on_event) as loop:
        answer = read_whole(loop, key, version_id, most_bytes)
        return Stored(answer.body, answer.headers.get("etag"), s3_requests.version_of(answer))


def read_whole(loop: Loop, key: str, version_id: Optional[str], most_bytes: int = MOST_IN_MEMORY) -> Response:
    """Checked by what S3 knows of it: the sum of everything that we put there."""
    for _ in range(_TRIES):
        answer = loop.call(s3_requests.get(key, version_id=version_id, most_bytes=most_bytes))
        if checksums_of(answer.headers).match(answer.body):
            return answer
        loop.retries += 1
    raise CorruptError(f"{key!r}: the bytes that arrived do not match S3's checksum")


def put_object(
    bucket: Bucket,
    key: str,
    body: bytes,
    *,
    if_match: Optional[str] = None,
    if_none_match: bool = False,
    content_type: Optional[str] = None,
    on_event: OnEvent = ignore,
) -> Stored:
    """S3Error with `conflict` True where the condition does not hold."""
    with Loop(bucket, on_event=on_event) as loop:
        answer = loop.call(
            s3_requests.put(
                key, body, zlib.crc32(body), if_match=if_match, if_none_match=if_none_match, content_type=content_type
            )
        )
        return Stored(b"", answer.headers.get("etag"), s3_requests.version_of(answer))
