"""Where credentials come from inside a container: the environment, or the endpoint that ECS gives to each task."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Callable, Mapping, Optional

from .errors import NoCredentialsError
from .values import Credentials, CredentialSource

RELATIVE_HOST = "169.254.170.2"
# AWS hands out new credentials well before the old ones end; ECS's own agents refresh some five minutes ahead.
REFRESH_AHEAD_S = 300.0
_ATTEMPTS = 6


class StaticSource(CredentialSource):
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def get(self) -> Credentials:
        return self._credentials


class RefreshingSource(CredentialSource):
    """Fetches when first asked, again ahead of the expiry, and again when S3 says they have expired."""

    def __init__(self, fetch: Callable[[], Credentials], *, now: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._held: Optional[Credentials] = None

    def get(self) -> Credentials:
        held = self._held
        if held is not None and not self._due(held):
            return held
        with self._lock:
            held = self._held
            if held is None or self._due(held):
                try:
                    held = self._held = self._fetch()
                except NoCredentialsError:
                    # An endpoint that is down for a moment is no reason to stop while the old ones still work.
                    if held is None or held.expires_at is None or held.expires_at <= self._now():
                        raise
            return held

    def invalidate(self) -> None:
        with self._lock:
            self._held = None

    def _due(self, held: Credentials) -> bool:
        return held.expires_at is not None and held.expires_at - self._now() < REFRESH_AHEAD_S


def from_environment(env: Mapping[str, str], *, now: Callable[[], float] = time.time) -> CredentialSource:
    """Keys in the environment first, then the container's endpoint: the order of every AWS SDK."""
    access, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return StaticSource(Credentials(access, secret, env.get("AWS_SESSION_TOKEN") or None))
    relative, full = env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if relative:
        url = f"http://{RELATIVE_HOST}{relative}"
    elif full:
        url = full
    else:
        raise NoCredentialsError(
            "no AWS credentials: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_ACCESS_KEY_ID is set"
        )
    return RefreshingSource(lambda: fetch_container(url, env), now=now)


def fetch_container(url: str, env: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep) -> Credentials:
    """One answer of the container credentials endpoint; short outages are waited out."""
    # A tenth of the start-up, and who has keys in the environment does without.
    import http.client
    import random

    failure = ""
    for attempt in range(_ATTEMPTS):
        try:
            return _ask(url, env)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            failure = f"{type(error).__name__}: {error}"
            if attempt + 1 < _ATTEMPTS:
                sleep(random.random() * min(4.0, 0.2 * 2**attempt))  # noqa: S311 - spreads retries
    raise NoCredentialsError(f"the container's credentials endpoint gives no credentials ({failure})")


def _ask(url: str, env: Mapping[str, str]) -> Credentials:
    import http.client
    import urllib.parse

    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=5)
    try:
        token = _token(env)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target or "/", headers={"Authorization": token} if token else {})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status}")
    finally:
        connection.close()
    document = json.loads(body)
    return Credentials(
        document["AccessKeyId"], document["SecretAccessKey"], document.get("Token"), _epoch(document.get("Expiration"))
    )


def _token(env: Mapping[str, str]) -> Optional[str]:
    """The file is read each time: its content rotates."""
    path = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if path:
        with open(os.fspath(path), encoding="utf-8") as file:
            return file.read().strip()
    return env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")


def _epoch(text: Optional[str]) -> Optional[float]:
    """`2026-11-20T10:11:12Z`, with or without fractions, as epoch seconds. AWS gives UTC."""
    if not text:
        return None
    import calendar

    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
