"""Signature Version 4, checked: the claim that a request makes, and whether the key it names has signed it.

The signature is computed with botocore's own code; what is given to it is what came over the wire.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from http.client import HTTPMessage
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

from aws_run.frozen import frozen
from aws_run.local.http.protocol import Call, Environ, Refusal

ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"
_SKEW = timedelta(minutes=15)
_LONGEST_S = 7 * 24 * 3600
_WORD = re.compile(r"[A-Za-z0-9-]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNSIGNED = "UNSIGNED-PAYLOAD"


@frozen
class Claim:
    """What a request says of its signature. `expires_s`: of a presigned URL, else None."""

    access_key: str
    date: str
    region: str
    service: str  # signing name
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str
    expires_s: int | None = None

    @property
    def authorization(self) -> str:
        """The header that says the same, in one form whatever the request's was: moto reads it in its own way."""
        scope = f"{self.access_key}/{self.date}/{self.region}/{self.service}/aws4_request"
        headers = ";".join(self.signed_headers)
        return f"{ALGORITHM} Credential={scope}, SignedHeaders={headers}, Signature={self.signature}"


def claim_of(environ: Environ) -> Claim | None:
    """The claim of a signed request, by header or by query; None where there is none, or more than one."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    query = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    presigned = [(name, value) for name, value in query if name.lower().startswith("x-amz-")]
    names = [name for name, _ in presigned]
    in_query = "X-Amz-Signature" in names or "X-Amz-Credential" in names
    if bool(header) == in_query or len(set(names)) != len(names):
        return None
    if in_query:
        return _of_query(dict(presigned))
    return _of_header(header, str(environ.get("HTTP_X_AMZ_DATE", "")))


def _of_header(header: str, stamp: str) -> Claim | None:
    kind, _, rest = header.partition(" ")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    given = {name: value for name, _, value in pairs}
    if kind != ALGORITHM or len(pairs) != 3 or set(given) != {"Credential", "SignedHeaders", "Signature"}:
        return None
    return _claim(given["Credential"], given["SignedHeaders"], given["Signature"], stamp, None)


def _of_query(given: Mapping[str, str]) -> Claim | None:
    expires = given.get("X-Amz-Expires", "")
    if given.get("X-Amz-Algorithm") != ALGORITHM or not re.fullmatch(r"[0-9]{1,6}", expires):
        return None
    if not 0 < int(expires) <= _LONGEST_S:
        return None
    return _claim(
        given.get("X-Amz-Credential", ""),
        given.get("X-Amz-SignedHeaders", ""),
        given.get("X-Amz-Signature", ""),
        given.get("X-Amz-Date", ""),
        int(expires),
    )


def _claim(credential: str, signed_headers: str, signature: str, stamp: str, expires_s: int | None) -> Claim | None:
    pieces = credential.split("/")
    headers = tuple(signed_headers.split(";"))
    if len(pieces) != 5 or pieces[4] != "aws4_request" or not all(_WORD.fullmatch(piece) for piece in pieces[:4]):
        return None
    if "host" not in headers or not _DIGEST.fullmatch(signature) or _moment(stamp) is None:
        return None
    return Claim(
        access_key=pieces[0],
        date=pieces[1],
        region=pieces[2],
        service=pieces[3],
        signed_headers=headers,
        signature=signature,
        stamp=stamp,
        expires_s=expires_s,
    )


def refused(call: Call, claim: Claim, secret: str | None, clocks: tuple[datetime, ...]) -> Refusal | None:
    """AWS's words for a request that `secret` has not signed, or signed at another time; None where all is well.

    `clocks`: what time it is, by each clock that a client may go by; the one nearest to the request's counts.
    """
    if secret is None:
        return _unknown_key(call)
    body = _payload(call, claim)
    if _unsigned_headers(call, claim) or not hmac.compare_digest(
        _signature(call, claim, secret, body), claim.signature
    ):
        return _wrong(call)
    return _untimely(call, claim, clocks) or _other_body(call, body)


def _signature(call: Call, claim: Claim, secret: str, body: str) -> str:
    from botocore.awsrequest import AWSRequest

    raw_path, raw_query = _target(call.environ)
    path = quote(unquote_to_bytes(raw_path), safe="/-_.~") if claim.service == "s3" else raw_path
    pairs = [part.partition("=") for part in raw_query.split("&") if part]
    query = "&".join(f"{_again(name)}={_again(value)}" for name, _, value in pairs if not _is_signature(claim, name))
    request: Any = AWSRequest(method=call.method, url=f"http://host{path}?{query}")
    request.context["timestamp"] = claim.stamp
    checker = _checker()(claim, secret, call.environ, body)
    canonical = checker.canonical_request(request)
    return str(checker.signature(checker.string_to_sign(request, canonical), request))


@lru_cache(maxsize=1)
def _checker() -> Any:
    """botocore's signer, told what was signed instead of choosing it. Made at the first request: botocore is heavy."""
    from botocore.auth import SigV4Auth
    from botocore.credentials import Credentials

    class Checker(SigV4Auth):
        def __init__(self, claim: Claim, secret: str, environ: Environ, body: str) -> None:
            super().__init__(Credentials(claim.access_key, secret), claim.service, claim.region)
            self._claim = claim
            self._environ = environ
            self._body = body

        def headers_to_sign(self, request: Any) -> Any:
            headers = HTTPMessage()
            for name in self._claim.signed_headers:
                headers[name] = _header(self._environ, name)
            return headers

        def payload(self, request: Any) -> str:
            return self._body

        def _normalize_url_path(self, path: str) -> str:
            # S3 alone takes the path as it is: encoded once, `..` and `//` in it.
            if self._claim.service == "s3":
                return path
            return str(SigV4Auth._normalize_url_path(self, path))  # type: ignore[attr-defined]

    return Checker


def _payload(call: Call, claim: Claim) -> str:
    """The body as the signature has it: a digest, or a word for none."""
    given = str(call.environ.get("HTTP_X_AMZ_CONTENT_SHA256", ""))
    if given and (claim.expires_s is None or "x-amz-content-sha256" in claim.signed_headers):
        return given
    if claim.service == "s3":
        return _UNSIGNED
    return hashlib.sha256(call.body).hexdigest()


def _other_body(call: Call, body: str) -> Refusal | None:
    """Whether another body came than was signed. Chunks that are signed one by one are not looked at: the signature
    of the whole covers how long they are together, and who could sign that could sign them."""
    if not _DIGEST.fullmatch(body):
        return None if call.service == "s3" else _wrong(call)
    if hashlib.sha256(call.whole_body()).hexdigest() == body:
        return None
    if call.service != "s3":
        return _wrong(call)
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    return Refusal("XAmzContentSHA256Mismatch", text)


def _unsigned_headers(call: Call, claim: Claim) -> bool:
    """S3 takes no `x-amz-…` header that the signature leaves out; a URL that was signed before it was used has none."""
    if call.service != "s3" or claim.expires_s is not None:
        return False
    signed = {_variable(name) for name in claim.signed_headers}
    return any(name.startswith("HTTP_X_AMZ_") and name not in signed for name in call.environ)


def _untimely(call: Call, claim: Claim, clocks: tuple[datetime, ...]) -> Refusal | None:
    signed_at = _moment(claim.stamp)
    if signed_at is None:
        return _wrong(call)
    ages = [now - signed_at for now in clocks]
    age = min(ages, key=abs)
    if claim.expires_s is not None:
        if -_SKEW <= age <= timedelta(seconds=claim.expires_s):
            return None
        return Refusal("AccessDenied", "Request has expired", status=403)
    if abs(age) <= _SKEW:
        return None
    if call.service == "s3":
        text = "The difference between the request time and the current time is too large."
        return Refusal("RequestTimeTooSkewed", text, status=403)
    if call.service == "ec2":
        return Refusal("RequestExpired", "Request has expired.")
    return _wrong(call, f"Signature expired: {claim.stamp} is not within 15 minutes of {clocks[0].strftime(_STAMP)}")


def _unknown_key(call: Call) -> Refusal:
    if call.service == "s3":
        text = "The AWS Access Key Id you provided does not exist in our records."
        return Refusal("InvalidAccessKeyId", text, status=403)
    if call.service == "ec2":
        return Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", status=401)
    text = "The security token included in the request is invalid."
    if call.service in QUERY_SERVICES:
        return Refusal("InvalidClientTokenId", text, status=403)
    return Refusal("UnrecognizedClientException", text)


def _wrong(call: Call, text: str = "") -> Refusal:
    message = text or (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )
    if call.service == "ec2":
        return Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", status=401)
    if call.service == "s3" or call.service in QUERY_SERVICES:
        return Refusal("SignatureDoesNotMatch", message, status=403)
    return Refusal("InvalidSignatureException", message)


QUERY_SERVICES = frozenset({"autoscaling", "iam", "sts"})  # and EC2, in its own way


def _target(environ: Environ) -> tuple[str, str]:
    """Path and query as they were sent."""
    raw = str(environ.get("REQUEST_URI", "/"))
    if not raw.startswith("/"):
        parts = urlsplit(raw)
        raw = f"{parts.path or '/'}?{parts.query}"
    path, _, query = raw.partition("?")
    return path, query


def _again(text: str) -> str:
    """Encoded as AWS does before it compares, whatever the client left as it was."""
    return quote(unquote_to_bytes(text), safe="-_.~")


def _is_signature(claim: Claim, name: str) -> bool:
    return claim.expires_s is not None and name == "X-Amz-Signature"


def _header(environ: Environ, name: str) -> str:
    if name in ("content-type", "content-length"):
        return str(environ.get(name.upper().replace("-", "_"), ""))
    return str(environ.get(_variable(name), ""))


def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
