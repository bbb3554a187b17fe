"""An HTTP proxy that breaks every request the first time that it sees it, and lets it through when it comes again."""

from __future__ import annotations

import http.client
import http.server
import itertools
import socket
import threading
from collections import Counter
from typing import Literal, get_args
from urllib.parse import parse_qs, urlsplit

Break = Literal["hang up before", "hang up after", "cut the answer", "bad gateway"]
BREAKS: tuple[Break, ...] = get_args(Break)


class BreakingProxy:
    """`broken` counts the requests by the way in which they were broken. A request is one of its method, host, path and
    operation; the ways take turns, beginning with the one of index `first`."""

    def __init__(self, first: int = 0) -> None:
        self.broken: Counter[Break] = Counter()
        self.passed = 0
        self._seen: set[tuple[str, ...]] = set()
        self._ways = itertools.cycle([*BREAKS[first:], *BREAKS[:first]])
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            def the_proxy(self) -> BreakingProxy:
                return proxy

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="breaking-proxy")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> BreakingProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def way(self, request: tuple[str, ...]) -> Break | None:
        """How this request is to be broken; None from the second time on."""
        with self._lock:
            if request in self._seen:
                self.passed += 1
                return None
            self._seen.add(request)
            way = next(self._ways)
            self.broken[way] += 1
            return way


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def the_proxy(self) -> BreakingProxy:
        raise NotImplementedError

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, http.client.HTTPException):
            self.close_connection = True

    def _serve(self) -> None:
        body = self._body()
        form = parse_qs(body.decode("latin-1")) if b"Action=" in body[:4096] else {}
        operation = self.headers.get("X-Amz-Target") or "".join(form.get("Action", ()))
        way = self.the_proxy().way((self.command, self.path, operation))
        if way == "hang up before":
            return self._hang_up()
        if way == "bad gateway":
            return self._send(502, [("Content-Type", "text/html")], b"<h1>502 Bad Gateway</h1>")
        status, headers, answer = self._forward(body)
        if way == "hang up after":
            return self._hang_up()
        if way == "cut the answer" and self.command != "HEAD":
            self._send(status, headers, answer, most=len(answer) // 2)
            return self._hang_up()
        return self._send(status, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """The request as it came, but for what is about this connection only."""
        there = urlsplit(self.path)
        connection = http.client.HTTPConnection(there.hostname or "", there.port or 80)
        path = f"{there.path}?{there.query}" if there.query else there.path
        connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "proxy-connection", "transfer-encoding", "content-length", "expect"):
                connection.putheader(name, value)
        if body or self.command in ("PUT", "POST", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        reply = connection.getresponse()
        answer = reply.read()
        connection.close()
        return reply.status, reply.getheaders(), answer

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, *, most: int | None = None) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        whole = length if length is not None and self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", whole)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:most])
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for the tests."""
