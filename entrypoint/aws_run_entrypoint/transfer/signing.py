"""AWS Signature Version 4 for S3, with the signing key cached for its day.

S3's own rules: the path is encoded once and not normalised, and every header that is given here is signed
(S3 refuses `x-amz-*` headers that are not).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Dict, Iterable, List, Optional, Tuple

from .values import Credentials

UNSIGNED = "UNSIGNED-PAYLOAD"
_sha256 = hashlib.sha256
# RFC 3986's unreserved characters stand for themselves. A table, for a request is signed for each small file.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_QUOTED = [chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256)]
_IN_PATH = [*_QUOTED]
_IN_PATH[ord("/")] = "/"


def quote(text: str) -> str:
    return "".join([_QUOTED[byte] for byte in text.encode()])


def encode_path(path: str) -> str:
    return "".join([_IN_PATH[byte] for byte in path.encode()])


def encode_query(query: Iterable[Tuple[str, str]]) -> str:
    """Canonical and sent form alike: sorted by encoded name, then value."""
    return "&".join(f"{name}={value}" for name, value in sorted((quote(n), quote(v)) for n, v in query))


class Signer:
    """`offset_s` corrects this machine's clock by what S3 says the time is."""

    def __init__(self, region: str, service: str = "s3") -> None:
        self.region = region
        self.service = service
        self.offset_s = 0.0
        self._stamp_at = -1
        self._stamp = ""
        self._keys: Dict[Tuple[str, str, str], bytes] = {}

    def stamp(self, now: Optional[float] = None) -> str:
        """`now` (epoch seconds) as `yyyymmddThhmmssZ`, formatted once a second."""
        second = int((time.time() if now is None else now) + self.offset_s)
        if second != self._stamp_at:
            self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._stamp_at = second
        return self._stamp

    def headers(
        self,
        method: str,
        path: str,
        query: str,
        *,
        headers: List[Tuple[str, str]],
        credentials: Credentials,
        stamp: str,
        payload_hash: str = UNSIGNED,
    ) -> List[Tuple[str, str]]:
        """`headers` (lower-case names, `host` among them) plus the four that a signature adds, in signing order.

        `path` and `query` are already encoded.
        """
        signed = [*headers, ("x-amz-content-sha256", payload_hash), ("x-amz-date", stamp)]
        if credentials.token:
            signed.append(("x-amz-security-token", credentials.token))
        signed.sort()
        names = ";".join([name for name, _ in signed])
        lines = "".join([f"{name}:{_trim(value)}\n" for name, value in signed])
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload_hash}"
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode()).hexdigest()}"
        key = self._key(credentials.secret_key, stamp[:8])
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        who = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}"
        signed.append(("authorization", f"{who}, SignedHeaders={names}, Signature={signature}"))
        return signed

    def _key(self, secret: str, day: str) -> bytes:
        at = (secret, day, self.region)
        key = self._keys.get(at)
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys = {at: key}
        return key


def _trim(value: str) -> str:
    """Runs of blanks count as one in the canonical form."""
    return " ".join(value.split()) if "  " in value or value != value.strip() else value
