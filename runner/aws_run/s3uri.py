"""Parses `s3://bucket/key`. Pure."""

from __future__ import annotations

import re

from aws_run.frozen import frozen

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_KEY_BYTES = 1024


@frozen
class S3Uri:
    """`key` as written, without its leading slash; "" is the whole bucket. S3 takes keys literally: no %-escapes."""

    bucket: str
    key: str

    @property
    def folder(self) -> str:
        """The prefix of everything below: `data` does not mean `data2/…`."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"


def is_s3(text: str) -> bool:
    return text.lower().startswith(SCHEME)


def parse_s3(text: str) -> S3Uri:
    """ValueError with a sentence if `text` is not an S3 address."""
    bucket, _, key = text[len(SCHEME) :].partition("/")
    if bucket.startswith("arn:"):
        raise ValueError("an access point is written by its alias, s3://ALIAS/prefix")
    if _BUCKET.fullmatch(bucket) is None:
        raise ValueError(f'"{bucket}" is not a bucket name; write s3://bucket/prefix')
    if "\0" in key or len(key.encode("utf-8", "surrogatepass")) > _MAX_KEY_BYTES:
        raise ValueError(f"a key in S3 has at most {_MAX_KEY_BYTES} bytes and no NUL")
    return S3Uri(bucket=bucket, key=key)
