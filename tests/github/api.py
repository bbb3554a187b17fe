"""GitHub's REST API as comments use it, on this machine: it keeps what is written, pages what is listed, refuses what it is told to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/models"
TOKEN = "ghs_" + "t" * 36
BOT = "github-actions[bot]"
SHA, OTHER_SHA = "a" * 40, "b" * 40
_PAGE = 30


@dataclass
class FakeGitHub:
    """One repository with one pull request, number 7. `refusals`: (method, pattern of the path) -> status, headers."""

    url: str = ""
    permissions: dict[str, str] = field(default_factory=lambda: {"ann": "write", "boss": "admin", "eve": "read"})
    permission: Callable[[str], Any] | None = None  # in their place: the whole answer
    pull: dict[str, Any] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[tuple[int, str]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str, int, dict[str, str]]] = field(default_factory=list)
    on_request: Callable[[str], None] = lambda line: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        repository = {"id": 1, "full_name": REPOSITORY}
        self.pull = {
            "number": 7, "state": "open", "user": {"login": "carl"},
            "head": {"sha": SHA, "ref": "feature", "repo": repository}, "base": {"ref": "main", "repo": repository},
        }  # fmt: skip

    def make_fork(self) -> None:
        self.pull["head"] |= {"repo": {"id": 2, "full_name": "stranger/models"}, "label": "stranger:feature"}

    def add_comment(self, body: str, login: str, kind: str = "User") -> int:
        with self._lock:
            number = 100 + len(self.comments)
            url = f"https://github.com/{REPOSITORY}/pull/7#issuecomment-{number}"
            made = {"id": number, "body": body, "user": {"login": login, "type": kind}, "html_url": url}
            self.comments.append(made)
            return number

    def event(self, body: str, login: str = "ann", **changes: Any) -> dict[str, Any]:
        """That of a comment which `login` has just written."""
        number = self.add_comment(body, login, "Bot" if login.endswith("[bot]") else "User")
        comment = next(one for one in self.comments if one["id"] == number)
        issue = {"number": 7, "state": "open", "pull_request": {"url": f"{self.url}/repos/{REPOSITORY}/pulls/7"}}
        return {"action": "created", "issue": issue, "comment": dict(comment), **changes}

    def pull_request(self) -> dict[str, Any]:
        """The event of a push to it."""
        return {"action": "synchronize", "pull_request": self.pull, "repository": {"default_branch": "main"}}

    def by_bot(self) -> list[str]:
        return [str(one["body"]) for one in self.comments if one["user"]["login"] == BOT]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        for wanted, pattern, status, headers in list(self.refusals):
            if wanted == method and re.search(pattern, path):
                return status, headers, {"message": "as a test wants it"}
        base = f"/repos/{REPOSITORY}"
        match (method, path.removeprefix(base)):
            case ("GET", "/user"):
                return 403, {}, {"message": "Resource not accessible by integration"}
            case ("GET", rest) if found := re.fullmatch(r"/collaborators/([^/]+)/permission", rest):
                if self.permission is not None:
                    return 200, {}, self.permission(found[1])
                level = self.permissions.get(found[1])
                return (200, {}, {"permission": level}) if level else (404, {}, {"message": "Not Found"})
            case ("GET", "/pulls/7"):
                return 200, {}, self.pull
            case ("GET", "/pulls/7/reviews"):
                return self._page(path, self.reviews, query)
            case ("GET", "/issues/7/comments"):
                return self._page(path, self.comments, query)
            case ("POST", "/issues/7/comments"):
                number = self.add_comment(body["body"], BOT, "Bot")
                return 201, {}, {"id": number}
            case ("PATCH", rest) if found := re.fullmatch(r"/issues/comments/(\d+)", rest):
                comment = next(one for one in self.comments if one["id"] == int(found[1]))
                comment["body"] = body["body"]
                return 200, {}, comment
            case ("POST", rest) if found := re.fullmatch(r"/issues/comments/(\d+)/reactions", rest):
                self.reactions.append((int(found[1]), body["content"]))
                return 201, {}, {"id": 1}
            case ("POST", rest) if found := re.fullmatch(r"/actions/runs/(\d+)/cancel", rest):
                self.cancelled.append(int(found[1]))
                return 202, {}, {}
        return 404, {}, {"message": f"the double has no {method} {path}"}

    def _page(self, path: str, items: list[Any], query: dict[str, list[str]]) -> tuple[int, dict[str, str], Any]:
        """Pages of 30, whatever is asked for, so that a listing has several."""
        page = int(query.get("page", ["1"])[0])
        begin, end = (page - 1) * _PAGE, page * _PAGE
        link = {"Link": f'<{self.url}{path}?page={page + 1}>; rel="next"'} if end < len(items) else {}
        return 200, link, items[begin:end]


@contextmanager
def github() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            place = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            line = f"{self.command} {place.path}"
            fake.requests.append(line)
            fake.on_request(line)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, value = 401, {"message": "Bad credentials"}
                headers: dict[str, str] = {}
            else:
                status, headers, value = fake.answer(self.command, place.path, parse_qs(place.query), body)
            sent = json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = _any

        def log_message(self, *args: object) -> None:
            """stderr belongs to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
