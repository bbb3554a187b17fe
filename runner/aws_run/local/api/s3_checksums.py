"""BadDigest for a body that is not what its checksum says: in a header, in a trailer, or of a whole upload in parts."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20
# Python itself has neither CRC-32C nor CRC-64/NVME, and a second is long enough for one body.
_SLOW_MOST = 1 << 20


class _Sum(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _SlowCrc:
    """A CRC by its reflected polynomial; `digest` is empty for what is too long."""

    def __init__(self, polynomial: int, size: int) -> None:
        self._size = size
        self._ones = self._value = (1 << 8 * size) - 1
        self._length = 0
        self._table = []
        for byte in range(256):
            for _ in range(8):
                byte = (byte >> 1) ^ (polynomial if byte & 1 else 0)
            self._table.append(byte)

    def update(self, data: bytes, /) -> None:
        self._length += len(data)
        if self._length > _SLOW_MOST:
            return
        value, table = self._value, self._table
        for byte in data:
            value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
        self._value = value

    def digest(self) -> bytes:
        return b"" if self._length > _SLOW_MOST else (self._value ^ self._ones).to_bytes(self._size, "big")


_MD5 = "content-md5"
_SUMS: dict[str, Callable[[], _Sum]] = {
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-crc32c": lambda: _SlowCrc(0x82F63B78, 4),
    "x-amz-checksum-crc64nvme": lambda: _SlowCrc(0x9A6C9329AC4BC9B5, 8),
    "x-amz-checksum-sha1": hashlib.sha1,
    "x-amz-checksum-sha256": hashlib.sha256,
    _MD5: hashlib.md5,
}


def wrong_checksum(world: AccountState, call: Call) -> Refusal | None:
    if "/" not in call.path.strip("/"):
        return None
    if call.method == "POST" and "uploadId" in call.query:
        return _wrong_whole(world, call)
    return _wrong_body(call) if call.method == "PUT" else None


def _wrong_body(call: Call) -> Refusal | None:
    """The body is put back for who carries the request out."""
    wanted = {name: text for name in _SUMS if (text := _header(call, name))}
    trailers = [name.strip().lower() for name in _header(call, "x-amz-trailer").split(",") if name.strip()]
    length = call.environ.get("CONTENT_LENGTH")
    if not (wanted or set(trailers) & set(_SUMS)) or not (length or call.environ.get("wsgi.input_terminated")):
        return None
    kept = _kept(call, None if length is None else int(length))
    sums = {name: _SUMS[name]() for name in _SUMS if name in wanted or name in trailers}
    if "aws-chunked" in _header(call, "content-encoding"):
        wanted |= _read_chunks(kept, list(sums.values()))
    else:
        for chunk in iter(lambda: kept.read(_CHUNK), b""):
            for each in sums.values():
                each.update(chunk)
    kept.seek(0)
    call.environ["wsgi.input"] = kept
    return next((_bad(name) for name, each in sums.items() if name in wanted and _differs(each, wanted[name])), None)


def _wrong_whole(world: AccountState, call: Call) -> Refusal | None:
    """CompleteMultipartUpload with the CRC-32 of the whole object; moto takes any."""
    name = "x-amz-checksum-crc32"
    wanted = _header(call, name)
    if not wanted or _header(call, "x-amz-checksum-type") != "FULL_OBJECT":
        return None
    bucket = world.moto("s3", world.partition).buckets.get(call.path.strip("/").partition("/")[0])
    upload = bucket.multiparts.get(call.query["uploadId"]) if bucket else None
    if upload is None:
        return None
    whole = _Crc32()
    for _, part in sorted(upload.parts.items()):
        whole.update(part.value)
    return _bad(name) if _differs(whole, wanted) else None


def _differs(computed: _Sum, wanted: str) -> bool:
    digest = computed.digest()
    return bool(digest) and base64.b64encode(digest).decode() != wanted


def _bad(name: str) -> Refusal:
    if name == _MD5:
        return Refusal("BadDigest", "The Content-MD5 you specified did not match what we received.")
    kind = name.rpartition("-")[2].upper()
    return Refusal("BadDigest", f"The {kind} you specified did not match the calculated checksum.")


def _header(call: Call, name: str) -> str:
    return str(call.environ.get(f"HTTP_{name.upper().replace('-', '_')}") or "")


def _kept(call: Call, length: int | None) -> IO[bytes]:
    """All of the body, from its beginning."""
    large = length is None or length > _IN_MEMORY
    kept: IO[bytes] = call.keep_open(tempfile.TemporaryFile()) if large else io.BytesIO()  # noqa: SIM115 - the call closes it
    source: Any = call.environ["wsgi.input"]
    left = length
    while left is None or left > 0:
        chunk = source.read(_CHUNK if left is None else min(left, _CHUNK))
        if not chunk:
            break
        kept.write(chunk)
        left = None if left is None else left - len(chunk)
    kept.seek(0)
    return kept


def _read_chunks(body: IO[bytes], sums: list[_Sum]) -> dict[str, str]:
    """The trailer of a body in S3's own chunks (`aws-chunked`), whose content goes to `sums`."""
    for size in iter(lambda: _chunk_size(body.readline()), 0):
        left = size
        while left > 0 and (chunk := body.read(min(left, _CHUNK))):
            left -= len(chunk)
            for each in sums:
                each.update(chunk)
        body.readline()
    return dict(_trailers(body))


def _chunk_size(line: bytes) -> int:
    """0 for the last one, and for what is none."""
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        return 0


def _trailers(body: IO[bytes]) -> Iterator[tuple[str, str]]:
    for line in iter(lambda: body.readline().strip(), b""):
        name, _, value = line.decode("latin-1").partition(":")
        yield name.strip().lower(), value.strip()
