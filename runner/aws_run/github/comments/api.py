"""GitHub's REST API, as far as comments need it: JSON in, JSON out, on the standard library.

Sources: docs.github.com, "Best practices for using the REST API" (rate limits, retries) and "Using pagination".
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from aws_run.errors import AwsRunError

_TIMEOUT_S = 20.0
_TRIES = 4
_LONGEST_WAIT_S = 60.0
_MOST_BYTES = 4 << 20
_MOST_PAGES = 30
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class GitHubError(AwsRunError):
    """GitHub did not do what it was asked for. `status` None: it did not answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class GitHubApi:
    """One repository's API. `sleep` waits between tries, in seconds."""

    def __init__(self, *, url: str, token: str, repository: str, sleep: Callable[[float], None]) -> None:
        place = urlsplit(url)
        if place.scheme != "https" and place.hostname not in _LOOPBACK:
            raise AwsRunError(f"{url}: GitHub's API is called over https only")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", repository):
            raise AwsRunError(f"{repository!r} is not a repository")
        self._url = url.rstrip("/")
        self._token = token
        self._repository = repository
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_NoRedirect)

    def get(self, path: str) -> Any:
        return self.call("GET", path)[0]

    def pages(self, path: str) -> Iterator[Any]:
        """The items of a listing, of all its pages."""
        following: str | None = f"{path}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(_MOST_PAGES):
            if following is None:
                return
            items, headers = self.call("GET", following)
            yield from items
            link = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("link", ""))
            # Only the same place is followed.
            following = link[1].removeprefix(self._url) if link and link[1].startswith(self._url) else None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[Any, Mapping[str, str]]:
        """`path`: `/user`, or below the repository where it begins with `:`. GitHubError where GitHub refuses.

        What creates something is sent once: a lost answer must not become a second comment.
        """
        full = f"/repos/{self._repository}{path[1:]}" if path.startswith(":") else path
        tries = 1 if method == "POST" else _TRIES
        for left in reversed(range(tries)):
            status, headers, payload = self._send(method, full, body)
            if status is not None and 200 <= status < 300:
                return _parsed(payload), headers
            wait_s = _wait_s(status, headers, tries - left)
            if not left or wait_s is None:
                break
            self._sleep(wait_s)
        what = f"GitHub answered {status}" if status is not None else "GitHub did not answer"
        raise GitHubError(f"{what} to {method} {full.partition('?')[0]}", status=status)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int | None, Mapping[str, str], bytes]:
        request = urllib.request.Request(  # noqa: S310 - https, or this machine, as checked above
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "aws-run",
                **({} if body is None else {"Content-Type": "application/json"}),
            },
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return answer.status, _lower(answer.headers), answer.read(_MOST_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lower(error.headers), b""
        except (OSError, http.client.HTTPException):
            return None, {}, b""


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload) if payload else None
    except ValueError:
        raise GitHubError("GitHub's answer could not be read") from None


def _wait_s(status: int | None, headers: Mapping[str, str], tried: int) -> float | None:
    """How long to wait before the next try; None: another one would not help."""
    if status in (403, 429):
        wait = headers.get("retry-after", "")
        if not wait.isdigit():
            return None if status == 403 else 2.0**tried
        return float(wait) if float(wait) <= _LONGEST_WAIT_S else None
    return 2.0**tried if status is None or status >= 500 else None
