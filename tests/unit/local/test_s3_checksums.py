"""Checksums of what is sent to the embedded S3."""

from __future__ import annotations

import base64
import io
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aws_run.local.api.s3_checksums import wrong_checksum
from aws_run.local.http.protocol import Call

BODY = b"one and the same" * 1000
RIGHT = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


def call(body: bytes, *, method: str = "PUT", query: dict[str, str] | None = None, **headers: str) -> Call:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": "/bucket/key", "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)), **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }  # fmt: skip
    return Call(
        service="s3", operation="", region="us-east-1", access_key="", environ=environ, body=b"",
        proceed=lambda: cast(Any, None), query=query or {},
    )  # fmt: skip


def chunked(checksum: str, *sizes: int) -> bytes:
    """`BODY` in S3's own chunks, with the checksum after it."""
    parts, at = b"", 0
    for size in sizes:
        parts += b"%x;chunk-signature=0\r\n%s\r\n" % (size, BODY[at : at + size])
        at += size
    return parts + b"0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % checksum.encode()


@pytest.mark.parametrize(("checksum", "code"), [(RIGHT, None), ("AAAAAA==", "BadDigest")])
@pytest.mark.parametrize("chunks", [(len(BODY),), (1, 8192, len(BODY) - 8193)])
def test_a_checksum_in_a_trailer_counts_as_one_in_a_header(
    checksum: str, code: str | None, chunks: tuple[int, ...]
) -> None:
    sent = chunked(checksum, *chunks)
    asked = call(sent, x_amz_trailer="x-amz-checksum-crc32", content_encoding="aws-chunked")
    refusal = wrong_checksum(cast(Any, None), asked)
    assert (refusal.code if refusal else None) == code
    assert asked.environ["wsgi.input"].read() == sent, "who carries it out reads all of it"


@pytest.mark.parametrize(("checksum", "code"), [(RIGHT, None), ("AAAAAA==", "BadDigest")])
def test_the_checksum_of_a_whole_upload_is_that_of_its_parts_together(checksum: str, code: str | None) -> None:
    parts = {number: SimpleNamespace(value=BODY[at : at + 6000]) for number, at in enumerate(range(0, len(BODY), 6000))}
    bucket = SimpleNamespace(multiparts={"u": SimpleNamespace(parts=parts)})
    backend = SimpleNamespace(buckets={"bucket": bucket})
    world = cast(Any, SimpleNamespace(moto=lambda service, region: backend, partition="aws"))
    asked = call(
        b"", method="POST", query={"uploadId": "u"}, x_amz_checksum_crc32=checksum, x_amz_checksum_type="FULL_OBJECT"
    )
    refusal = wrong_checksum(world, asked)
    assert (refusal.code if refusal else None) == code
