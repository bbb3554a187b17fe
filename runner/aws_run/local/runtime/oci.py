"""A small OCI registry (distribution API v2) for machines without one: push and pull of blobs and manifests, in files.

Served on 127.0.0.1 alone, which Docker engines accept without TLS. It asks for a password, where it was given one, and
answers no web page: who may push here may have this machine run a program. No cross-repository rights.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_NAME = r"(?P<name>[a-z0-9]+(?:[._/-][a-z0-9]+)*)"
_BLOB = re.compile(rf"^/v2/{_NAME}/blobs/(?P<digest>sha256:[0-9a-f]{{64}})$")
_UPLOADS = re.compile(rf"^/v2/{_NAME}/blobs/uploads/$")
_UPLOAD = re.compile(rf"^/v2/{_NAME}/blobs/uploads/(?P<id>[0-9a-f-]{{36}})$")
_MANIFEST = re.compile(rf"^/v2/{_NAME}/manifests/(?P<reference>[A-Za-z0-9_.:-]+)$")
_TAGS = re.compile(rf"^/v2/{_NAME}/tags/list$")
_CHUNK = 1 << 20
# ECR's words, by which a client knows that another one was first (ECR's API reference, ImageTagAlreadyExistsException).
_TAKEN = (
    "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the "
    "repository is immutable."
)


class OciServer:
    """`address` is host:port once made; serves until `stop`. `password`: of the user AWS, as ECR has it."""

    def __init__(self, root: Path, password: str | None = None) -> None:
        login = None if password is None else basic(password)
        self.immutable: set[str] = set()  # repositories whose tags stay what they are
        own = {"root": root, "lock": threading.Lock(), "login": login, "immutable": self.immutable}
        handler = type("Handler", (_Handler,), own)
        for folder in ("blobs", "uploads", "manifests"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="oci-registry", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def basic(password: str) -> str:
    """The header's value for the user AWS."""
    return "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path
    lock: threading.Lock
    login: str | None
    immutable: set[str]

    def parse_request(self) -> bool:
        """Before any method is chosen: who is not let in gets an answer, and its body is never read."""
        return super().parse_request() and self._lets_in()

    def _lets_in(self) -> bool:
        port = self.connection.getsockname()[1]
        names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        page = any(name.lower() == "origin" or name.lower().startswith("sec-fetch-") for name in self.headers)
        if page or self.headers.get("Host") not in names or not self.path.startswith("/"):
            self._refuse(403, "DENIED")
            return False
        given = str(self.headers.get("Authorization") or "")
        if self.login is not None and not hmac.compare_digest(given.encode(), self.login.encode()):
            self._refuse(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="aws-run"'})
            return False
        return True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/v2/":
            self._reply(200, b"{}", {"Docker-Distribution-API-Version": "registry/2.0"})
        elif match := _BLOB.match(url.path):
            self._blob(match["digest"])
        elif match := _MANIFEST.match(url.path):
            self._manifest(match["name"], match["reference"])
        elif match := _TAGS.match(url.path):
            tags = self._folder(match["name"]) / "tags"
            names = sorted(p.name for p in tags.iterdir()) if tags.is_dir() else []
            self._reply(200, json.dumps({"name": match["name"], "tags": names}).encode())
        else:
            self._refuse(404, "UNSUPPORTED")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        match = _UPLOADS.match(url.path)
        if match is None:
            self._refuse(404, "UNSUPPORTED")
            return
        query = parse_qs(url.query)
        mounted = query.get("mount", [""])[0]
        if mounted and self._blob_path(mounted).is_file():
            self._created(match["name"], mounted)
            return
        upload = str(uuid.uuid4())
        path = self.root / "uploads" / upload
        path.touch()
        if "digest" in query:
            self._append(path)
            self._finish(match["name"], path, query["digest"][0])
            return
        self._drain()
        self._reply(202, b"", self._where(match["name"], upload, 0))

    def do_PATCH(self) -> None:
        match = _UPLOAD.match(urlsplit(self.path).path)
        path = self.root / "uploads" / match["id"] if match else self.root / "none"
        if match is None or not path.is_file():
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._append(path)
        self._reply(202, b"", self._where(match["name"], match["id"], path.stat().st_size))

    def do_PUT(self) -> None:
        url = urlsplit(self.path)
        if match := _UPLOAD.match(url.path):
            path = self.root / "uploads" / match["id"]
            if not path.is_file():
                self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
                return
            self._append(path)
            self._finish(match["name"], path, parse_qs(url.query).get("digest", [""])[0])
        elif match := _MANIFEST.match(url.path):
            self._put_manifest(match["name"], match["reference"])
        else:
            self._refuse(404, "UNSUPPORTED")

    def do_DELETE(self) -> None:
        match = _MANIFEST.match(urlsplit(self.path).path)
        folder = self._folder(match["name"]) if match else self.root
        if match is None or not (folder / "digests" / match["reference"]).is_file():
            self._refuse(404, "MANIFEST_UNKNOWN")
            return
        with self.lock:
            (folder / "digests" / match["reference"]).unlink(missing_ok=True)
            for tag in list((folder / "tags").iterdir()):
                if tag.read_text() == match["reference"]:
                    tag.unlink()
        self._reply(202, b"")

    def log_message(self, format: str, *args: object) -> None:
        """stderr belongs to the tool."""

    def _blob(self, digest: str) -> None:
        path = self._blob_path(digest)
        if not path.is_file():
            self._refuse(404, "BLOB_UNKNOWN")
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command != "HEAD":
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, self.wfile, _CHUNK)

    def _manifest(self, name: str, reference: str) -> None:
        folder = self._folder(name)
        tag = folder / "tags" / reference
        digest = tag.read_text() if tag.is_file() else reference
        path = folder / "digests" / digest
        if not path.is_file():
            self._refuse(404, "MANIFEST_UNKNOWN")
            return
        kind, _, body = path.read_bytes().partition(b"\n")
        self._reply(200, body, {"Content-Type": kind.decode(), "Docker-Content-Digest": digest})

    def _put_manifest(self, name: str, reference: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if reference.startswith("sha256:") and reference != digest:
            self._refuse(400, "DIGEST_INVALID")
            return
        kind = self.headers.get("Content-Type") or "application/vnd.oci.image.manifest.v1+json"
        folder = self._folder(name)
        tag = folder / "tags" / reference
        with self.lock:
            if name in self.immutable and tag.is_file() and tag.read_text() != digest:
                self._refuse(400, "TAG_INVALID", message=_TAKEN.format(tag=reference, repository=name))
                return
            for part in ("tags", "digests"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / "digests" / digest).write_bytes(kind.encode() + b"\n" + body)
            if not reference.startswith("sha256:"):
                tag.write_text(digest)
        self._reply(201, b"", {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest})

    def _append(self, path: Path) -> None:
        with path.open("ab") as stream:
            if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    stream.write(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return
            left = int(self.headers.get("Content-Length") or 0)
            while left > 0:
                chunk = self.rfile.read(min(left, _CHUNK))
                if not chunk:
                    break
                stream.write(chunk)
                left -= len(chunk)

    def _drain(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _finish(self, name: str, path: Path, digest: str) -> None:
        with path.open("rb") as stream:
            actual = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                actual.update(chunk)
        if digest != f"sha256:{actual.hexdigest()}":
            path.unlink()
            self._refuse(400, "DIGEST_INVALID")
            return
        path.replace(self._blob_path(digest))
        self._created(name, digest)

    def _created(self, name: str, digest: str) -> None:
        self._reply(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _blob_path(self, digest: str) -> Path:
        return self.root / "blobs" / digest.removeprefix("sha256:").replace("/", "_")

    def _folder(self, name: str) -> Path:
        return self.root / "manifests" / name.replace("/", "%")

    def _where(self, name: str, upload: str, size: int) -> dict[str, str]:
        return {
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Docker-Upload-UUID": upload,
            "Range": f"0-{max(size - 1, 0)}",
        }

    def _refuse(self, status: int, code: str, headers: dict[str, str] | None = None, *, message: str = "") -> None:
        self.close_connection = True
        error = {"code": code, "message": message or code.lower()}
        self._reply(status, json.dumps({"errors": [error]}).encode(), headers)

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
