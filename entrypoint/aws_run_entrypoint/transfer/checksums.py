"""The checksums that S3 has of an object which somebody else may have sent."""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Mapping, NamedTuple, Optional

from . import crc


class Checksums(NamedTuple):
    """The CRC32 is compared where it is known, else the MD5. Both None: only the size can be compared."""

    crc32: Optional[int]
    md5: Optional[str]

    @property
    def unknown(self) -> bool:
        return self.crc32 is None and self.md5 is None

    def match(self, body: bytes) -> bool:
        if self.crc32 is not None:
            return zlib.crc32(body) == self.crc32
        return self.md5 is None or hashlib.md5(body, usedforsecurity=False).hexdigest() == self.md5


def checksums_of(headers: Mapping[str, str]) -> Checksums:
    """From the answer to a GET or HEAD of a whole object.

    A CRC32 of type COMPOSITE is one of the parts' sums, and an ETag is the content's MD5 only of what came in one
    piece and is not encrypted with a key of KMS's or the customer's (S3's API reference, "Object").
    """
    text = headers.get("x-amz-checksum-crc32", "")
    whole = headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT"  # else, or before there were types: …-2
    sum_ = crc.from_header(text) if whole and re.fullmatch("[A-Za-z0-9+/]{6}==", text) else None
    etag = headers.get("etag", "").strip('"')
    plain = headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
    mine = "x-amz-server-side-encryption-customer-algorithm" in headers
    return Checksums(sum_, etag if plain and not mine and re.fullmatch("[0-9a-f]{32}", etag) else None)
