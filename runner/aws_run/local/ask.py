"""The way to the pages of a running embedded AWS, with its token."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

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
) -> Any:
    """One of its own pages, /_aws-run/<page>; POST with a body."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{local.endpoint_url}/_aws-run/{page}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {local.token}"},
        method=method,
    )
    with direct().open(request, timeout=timeout_s) as answer:
        return json.load(answer)
