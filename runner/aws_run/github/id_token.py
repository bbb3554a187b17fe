"""ID tokens of GitHub's OIDC provider. One is fetched for each exchange and kept in memory for that long."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import field

from aws_run.clock import Clock, SystemClock
from aws_run.errors import AwsCallError, CredentialsError
from aws_run.frozen import frozen

AUDIENCE = "sts.amazonaws.com"
_MOST_BYTES = 64 * 1024
_WAITS_S = (1.0, 2.0, 4.0, 8.0)
_NO_PERMISSION = "give the job `permissions: {id-token: write, contents: read}`"


@frozen
class IdTokenSource:
    """`url` and `request_token`: what the runner gives a job that may have ID tokens."""

    url: str
    request_token: str = field(repr=False)
    clock: Clock = field(default_factory=SystemClock)

    def fetch(self) -> str:
        """A new token. CredentialsError if the provider refuses; AwsCallError, transient, if it does not answer."""
        query = urllib.parse.urlencode({"audience": AUDIENCE})
        request = urllib.request.Request(  # noqa: S310 - the runner's own address
            f"{self.url}{'&' if '?' in self.url else '?'}{query}",
            headers={"Authorization": f"Bearer {self.request_token}", "Accept": "application/json"},
        )
        for wait_s in (*_WAITS_S, None):
            try:
                return _token(_read(request))
            except AwsCallError:
                if wait_s is None:
                    raise
                self.clock.sleep(wait_s)
        raise AssertionError


def id_token_source(environ: Mapping[str, str]) -> IdTokenSource:
    """CredentialsError where the job may not have ID tokens."""
    url, token = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not token:
        raise CredentialsError("role-to-assume needs an ID token, and this job may not have one", hint=_NO_PERMISSION)
    return IdTokenSource(url=url, request_token=token)


def subject_of(token: str) -> str:
    """The token's `sub`, which is no secret, for a message; empty where it can't be read. Nothing is decided by it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("sub", ""))
    except (IndexError, ValueError, binascii.Error, AttributeError):
        return ""


def _read(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the address is the runner's own
            return bytes(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            if error.code < 500 and error.code not in (408, 429):
                raise CredentialsError(
                    f"GitHub gave no ID token (HTTP status {error.code})", hint=_NO_PERMISSION
                ) from None
        raise _no_answer(f"HTTP status {error.code}") from None
    except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and what is no HTTP among them
        raise _no_answer(str(getattr(error, "reason", error))) from None


def _token(raw: bytes) -> str:
    try:
        value = json.loads(raw)["value"]
    except (ValueError, KeyError, TypeError):
        raise _no_answer("its answer holds no token") from None
    if not isinstance(value, str) or not value:
        raise _no_answer("its answer holds no token")
    return value


def _no_answer(why: str) -> AwsCallError:
    text = f"GitHub's provider of ID tokens did not answer ({why})"
    return AwsCallError(text, code="ConnectionError", operation="id-token", hint="try again in a minute")
