"""The ID tokens that a workflow's job gets: what stands at ACTIONS_ID_TOKEN_REQUEST_URL."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "repo:example/project:environment:aws"


def jwt(**claims: Any) -> str:
    """A token of GitHub's form. Its signature is none: nobody here could check one."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "c2ln"]
    )


class IdTokens:
    """`given`: every token that was handed out. `failures`: statuses that are answered before the next token."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.failures: list[int] = []
        self.subject = SUBJECT
        self.request_token = uuid.uuid4().hex
        self.url = ""

    def environment(self) -> dict[str, str]:
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": self.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token}

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization.lower() != f"bearer {self.request_token}":
            return 401, {"message": "no"}
        if self.failures:
            return self.failures.pop(0), {"message": "later"}
        audience = parse_qs(urlsplit(path).query).get("audience", [""])[0]
        token = jwt(
            iss=ISSUER, aud=audience, sub=self.subject, exp=int(time.time()) + 300, jti=uuid.uuid4().hex,
            repository="example/project", job_workflow_ref="example/project/.github/workflows/run.yml@refs/heads/main",
        )  # fmt: skip
        self.given.append(token)
        return 200, {"value": token}


@contextmanager
def id_tokens() -> Iterator[IdTokens]:
    source = IdTokens()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = source.answer(self.path, self.headers.get("Authorization", ""))
            raw = json.dumps(body).encode()
            if status == 0:  # no HTTP at all
                self.wfile.write(b"HTTP/1.1 2\r\n\r\n")
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    source.url = f"http://127.0.0.1:{server.server_address[1]}/token?api-version=2.0"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield source
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
