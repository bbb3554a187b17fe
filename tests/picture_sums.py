"""A picture that holds the sum of the text that it was drawn from (PNG's chunk tEXt, keyword Source)."""

from __future__ import annotations

import hashlib
import struct
import zlib

_BEGIN = b"\x89PNG\r\n\x1a\n"


def sum_of(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def with_sum(png: bytes, text: bytes) -> bytes:
    """The chunk goes right behind the header, which is 25 bytes long."""
    data = b"tEXtSource\0" + sum_of(text)
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return png[: len(_BEGIN) + 25] + chunk + png[len(_BEGIN) + 25 :]


def is_of(png: bytes, text: bytes) -> bool:
    return png.startswith(_BEGIN) and b"tEXtSource\0" + sum_of(text) in png[:200]
