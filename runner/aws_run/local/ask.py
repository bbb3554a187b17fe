"""The way to the pages of a running embedded AWS, with its token."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from aws_run.errors import AwsRunError
from aws_run.local.options import LocalAws


def direct() -> urllib.request.OpenerDirector:
    """Past every proxy: what goes to this machine, its secrets among it, is no proxy's to see."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(
    local: LocalAws,
    page: str,
    body: dict[str, Any] | None = None,
    *,
    method: str | None = None,
    timeout_s: float = 30.0,
) -> dict[str, Any]:
    """The JSON object on one of its own pages, /_aws-run/<page>; POST with a body. AwsRunError where none comes."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{local.endpoint_url}/_aws-run/{page}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {local.token}"},
        method=method,
    )
    try:
        with direct().open(request, timeout=timeout_s) as answer:
            document = json.load(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise _no_answer(local, _reason(error)) from error
    if not isinstance(document, dict):
        raise _no_answer(local, "the answer is not its own")
    return document


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return f"{reason}" or type(error).__name__


def _no_answer(local: LocalAws, reason: str) -> AwsRunError:
    return AwsRunError(
        f"The embedded AWS at {local.endpoint_url} does not answer ({reason})",
        hint="`aws-run local stop` ends it, and `aws-run local start` starts another one",
    )
