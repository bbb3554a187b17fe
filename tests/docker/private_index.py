"""A package index with a password, on this machine, for builds in containers."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import socket
import threading
import zipfile

from tests.docker.image_support import Bench


def host_address(context: Bench) -> str:
    """Where a container finds this machine: its default route."""
    table = context.engine.containers.run(context.base_image, ["cat", "/proc/net/route"], remove=True).decode()
    rows = [line.split() for line in table.splitlines()[1:]]
    gateway = next(row[2] for row in rows if row[1] == "00000000")
    return socket.inet_ntoa(bytes.fromhex(gateway)[::-1])


class private_index:
    """A package index with one package, which asks for a name and a password."""

    def __init__(self, package: str, user: str, password: str) -> None:
        wheel = _wheel(package)
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._handler = functools.partial(_IndexHandler, package, wheel, f"Basic {token}")

    def __enter__(self) -> int:
        self._server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return int(self._server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _IndexHandler(http.server.BaseHTTPRequestHandler):
    def __init__(self, package: str, wheel: bytes, authorization: str, *args: object) -> None:
        self._package, self._wheel, self._authorization = package, wheel, authorization
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = f"{self._package.replace('-', '_')}-1.0-py3-none-any.whl"
        if self.headers.get("Authorization") != self._authorization:
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="tests"'})
        elif self.path == f"/simple/{self._package}/":
            self._answer(200, f'<a href="/files/{name}">{name}</a>'.encode(), {"Content-Type": "text/html"})
        elif self.path == f"/files/{name}":
            self._answer(200, self._wheel, {"Content-Type": "application/octet-stream"})
        else:
            self._answer(404, b"", {})

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for the tests."""


def _wheel(package: str) -> bytes:
    module = package.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "X = 'private'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()
