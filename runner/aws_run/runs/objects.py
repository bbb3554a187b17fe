"""Objects in the tool's bucket. Every request names the bucket's owner, so that nobody else's bucket is ever used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from aws_run.aws.absence import call_unless_gone
from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen

ABSENT = {"NoSuchKey", "404", "NotFound", "NoSuchBucket"}
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_NO_SUCH_RANGE = {"InvalidRange", "416"}  # of an empty object
_PIECE_BYTES = 2 * 1024 * 1024


@frozen
class ObjectHead:
    """What S3 says of an object without its bytes."""

    bytes: int
    etag: str
    modified_at: datetime
    metadata: Mapping[str, str]


class BucketObjects:
    """One bucket. An object that is absent is a value (None, no bytes); every other refusal is raised."""

    def __init__(self, aws: Aws, bucket: str, owner: str) -> None:
        self._aws = aws
        self._on: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": owner}

    def exists(self) -> bool:
        """Whether the bucket is there at all."""
        return call_unless_gone(self._aws, ABSENT, "s3", "head_bucket", **self._on) is not None

    def get(self, key: str, *, most_bytes: int | None = None) -> bytes | None:
        """None where there is none. Of an object larger than `most_bytes`, one byte more than those."""
        try:
            return self.read_with_etag(key, most_bytes=most_bytes)[0]
        except AwsCallError as error:
            if error.code in ABSENT:
                return None
            raise

    def read_with_etag(self, key: str, *, most_bytes: int | None = None) -> tuple[bytes, str]:
        """As `get`, with the ETag; an absent object is an AwsCallError with one of the codes in `ABSENT`."""
        return self._aws.read_object(Key=key, most_bytes=most_bytes, **self._on)

    def read_dated(self, key: str, *, most_bytes: int) -> tuple[bytes, str, str]:
        """As `read_with_etag`, with the `Date` of the answer: the bucket's own time; "" where it has none."""
        dates: list[str] = []
        body, etag = self._aws.read_object(Key=key, most_bytes=most_bytes, on_date=dates.append, **self._on)
        return body, etag, dates[-1] if dates else ""

    def head(self, key: str) -> ObjectHead | None:
        answer = call_unless_gone(self._aws, ABSENT, "s3", "head_object", Key=key, **self._on)
        if answer is None:
            return None
        return ObjectHead(
            bytes=int(answer["ContentLength"]),
            etag=str(answer["ETag"]),
            modified_at=answer["LastModified"],
            metadata=answer.get("Metadata") or {},
        )

    def list(self, key: str, **parameters: Any) -> list[dict[str, Any]]:
        """The entries of the answer's `key` on all pages of ListObjectsV2; none where there is no bucket."""
        try:
            return list(self._aws.pages("s3", "list_objects_v2", key, **parameters, **self._on))
        except AwsCallError as error:
            if error.code in ABSENT:
                return []
            raise

    def pieces(self, key: str) -> Iterator[bytes] | None:
        """An object of any size, piece by piece; None when there is none."""
        head = self.head(key)
        return None if head is None else self._pieces(key, head.bytes, head.etag)

    def _pieces(self, key: str, size: int, etag: str) -> Iterator[bytes]:
        for begin in range(0, size, _PIECE_BYTES):
            where = f"bytes={begin}-{min(begin + _PIECE_BYTES, size) - 1}"
            yield self._aws.read_object(Key=key, Range=where, IfMatch=etag, **self._on)[0]

    def last_bytes(self, key: str, count: int) -> bytes:
        """The end of an object; no bytes of one that is absent or empty."""
        try:
            return self._aws.read_object(Key=key, Range=f"bytes=-{count}", **self._on)[0]
        except AwsCallError as error:
            if error.code in ABSENT | _NO_SUCH_RANGE:
                return b""
            raise

    def put(self, key: str, body: bytes | BinaryIO, **parameters: Any) -> dict[str, Any]:
        return self._aws.call("s3", "put_object", Key=key, Body=body, **parameters, **self._on)

    def put_text(self, key: str, text: BinaryIO) -> None:
        """The text is read while it is sent, so its length does not matter."""
        self.put(key, text, ContentType="text/plain; charset=utf-8")

    def delete(self, key: str, **condition: str) -> None:
        self._aws.call("s3", "delete_object", Key=key, **condition, **self._on)
