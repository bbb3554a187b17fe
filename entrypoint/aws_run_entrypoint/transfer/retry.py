"""Decides which refusals are worth another try, and how long to wait before it."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from .errors import S3Error
from .http1 import Request, Response

MAX_ATTEMPTS = 9
_BASE_S, _CAP_S = 0.1, 15.0
DAMAGED = "DamagedAnswer"  # S3 has no word for it
# 409 ConditionalRequestConflict is not here: a conditional put has to look at what the other one wrote first.
_CODES = {
    DAMAGED,
    "InternalError",
    "ServiceUnavailable",
    "SlowDown",
    "503 Slow Down",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequests",
    "OperationAborted",
    "BadDigest",
    "IncompleteBody",
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
}
_STATUSES = {408, 429, 500, 502, 503, 504, 509}
SLOW_DOWN = {
    "SlowDown",
    "503 Slow Down",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "RequestLimitExceeded",
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_CODE = re.compile(rb"<Code>\s*([^<]+?)\s*</Code>")
_MESSAGE = re.compile(rb"<Message>\s*([^<]*?)\s*</Message>")
_BARE = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed"}


def error_of(request: Request, response: Response) -> Optional[S3Error]:
    """None where the request succeeded; the document that it asked for is then in the response."""
    failed = response.status >= 300
    if not failed and not (request.checked_body and b"<Error>" in response.body[:2048]):
        return _damage(request, response) if request.roots else None
    code, message = _parse(response.body)
    if not code:
        code = _BARE.get(response.status, f"Status{response.status}")
    status = response.status if failed else 500
    return S3Error(status=status, code=code, message=message, method=request.method, key=request.key)


def _damage(request: Request, response: Response) -> Optional[S3Error]:
    """What is wrong with an answer that was cut or changed on its way, with a status and a length that fit. None: it is
    the document that was asked for, and is put into the response."""
    from xml.etree import ElementTree  # most transfers never read an XML answer

    try:
        # S3's own answers over an authenticated connection; expat resolves no external entities.
        root = ElementTree.fromstring(response.body)  # noqa: S314 - as said above
    except ElementTree.ParseError as error:
        why = f"it is not the XML that it should be ({error})"
    else:
        name = root.tag.rpartition("}")[2]
        if name in request.roots:
            response.xml = root
            return None
        why = f"it is {name}, not {' or '.join(request.roots)}"
    return S3Error(status=response.status, code=DAMAGED, message=why, method=request.method, key=request.key)


def worth_retrying(error: S3Error) -> bool:
    return error.code in _CODES or error.status in _STATUSES


def delay_s(attempt: int, chance: float) -> float:
    """Full jitter: anything between nothing and the doubled bound, so that many clients spread out."""
    return chance * float(min(_CAP_S, _BASE_S * 2 ** min(attempt, 20)))


def _parse(body: bytes) -> Tuple[str, str]:
    code, message = _CODE.search(body[:8192]), _MESSAGE.search(body[:8192])
    return (
        code.group(1).decode("utf-8", "replace") if code else "",
        message.group(1).decode("utf-8", "replace") if message else "",
    )
