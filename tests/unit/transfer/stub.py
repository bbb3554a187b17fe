"""A small S3 that keeps versions, checks sums and conditions, and misbehaves on request."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from aws_run_entrypoint.transfer import Bucket, Credentials, StaticSource
from aws_run_entrypoint.transfer.crc import from_header, to_header

OWNER = "123456789012"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it came in. `number` counts from 1."""

    number: int
    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`after`: the operation is done first, as when an answer is lost. `how`: status, reset, truncate, corrupt, close,
    chunked, interim, halve (as a middlebox does it: the length fits, half is missing), error-in-200, portal (somebody else's page in S3's place, with `status`)."""

    how: str
    status: int = 500
    code: str = "InternalError"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class Version:
    version_id: str
    body: bytes
    etag: str
    modified: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict)


Script = Callable[[Seen], Fault | None]


class StubS3:
    """`script` is asked about every request; `seen` holds them all. `tls`: it speaks HTTPS."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        versioned: bool = True,
        sums: bool = False,
        kms: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`sums`: a whole object's CRC32 is told to who asks, as S3 does of what came with one. `kms`: what came in
        parts is encrypted so that its ETag is not the one of its parts' sums."""
        self.script: Script = script or (lambda seen: None)
        self.versioned = versioned
        self.sums = sums
        self.kms = kms
        self.ahead_s = 0.0  # how much later it is here than on this machine
        self.tls = tls
        self.page = 1000
        self.seen: list[Seen] = []
        self.objects: dict[str, list[Version | None]] = {}  # None is a delete marker
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.lock = threading.RLock()
        self.numbers = itertools.count(1)
        self.server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        if tls is not None:  # each shakes hands in its own thread, when it first reads
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> StubS3:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"

    def bucket(self, **changes: Any) -> Bucket:
        said: dict[str, Any] = {
            "name": "bucket",
            "region": "us-east-1",
            "credentials": StaticSource(Credentials("key", "secret")),
            "endpoint_url": self.url,
            "owner": OWNER,
        }
        return Bucket(**{**said, **changes})

    def current(self) -> dict[str, bytes]:
        """Key to body of what a listing shows."""
        with self.lock:
            return {key: held[-1].body for key, held in sorted(self.objects.items()) if held and held[-1]}

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.seen:
            found[one.method] = found.get(one.method, 0) + 1
        return found

    def now(self) -> float:
        return time.time() + self.ahead_s

    def store(self, key: str, body: bytes, etag: str | None = None, metadata: dict[str, str] | None = None) -> Version:
        with self.lock:
            etag = etag or f'"{hashlib.md5(body).hexdigest()}"'
            version = Version(f"v{next(self.numbers)}", body, etag, self.now(), metadata or {})
            held = self.objects.setdefault(key, [])
            if not self.versioned:
                held.clear()
            held.append(version)
            return version


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # 64 connections knock at once


class _Handler(BaseHTTPRequestHandler):
    stub: StubS3
    protocol_version = "HTTP/1.1"
    server_version = "stub"

    def log_message(self, format: str, *args: object) -> None:
        return

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            return

    def do_GET(self) -> None:
        self.serve()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def serve(self) -> None:
        stub = self.stub
        parts = urlsplit(self.path)
        key = unquote(parts.path).partition("/bucket")[2][1:]
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with stub.lock:
            headers = {n.lower(): v for n, v in self.headers.items()}
            seen = Seen(number=len(stub.seen) + 1, method=self.command, key=key, query=query, headers=headers)
            stub.seen.append(seen)
        fault = stub.script(seen)
        if fault is not None and not fault.after:
            self.misbehave(fault, seen)
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with stub.lock:
            status, said, answer = self.operate(seen, body)
        if fault is not None and fault.after:
            self.misbehave(fault, seen)
            return
        self.answer(status, said, answer)

    def misbehave(self, fault: Fault, seen: Seen) -> None:
        error = f"<Error><Code>{fault.code}</Code><Message>told to</Message></Error>".encode()
        if fault.how == "portal":
            page = b"<html><body>Sign in to use this network.</body></html>"
            head = f"HTTP/1.1 {fault.status} X\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
            self.wfile.write(head.encode() + (b"" if self.command == "HEAD" else page))
            self.close_connection = not fault.after
        elif fault.how == "status":
            self.answer(fault.status, fault.headers, error)
            self.close_connection = not fault.after
        elif fault.how == "error-in-200":
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(200, {}, b'<?xml version="1.0" encoding="UTF-8"?>\n' + error)
        elif fault.how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            self.connection.close()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with self.stub.lock:
                status, said, answer = self.operate(seen, body)
            if fault.how == "corrupt" and answer:
                middle = len(answer) // 2
                answer = answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]
            if fault.how == "halve":
                answer = answer[: len(answer) // 2]
            if fault.how == "truncate":
                self.answer(status, said, answer[: len(answer) // 2], claimed=len(answer))
                self.close_connection = True
            elif fault.how == "close":
                self.answer(status, {**said, "Connection": "close"}, answer)
                self.close_connection = True
            elif fault.how == "interim":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.answer(status, said, answer)
            elif fault.how == "chunked":
                self.answer(status, {**said, "Transfer-Encoding": "chunked"}, _chunked(answer), claimed=None)
            else:
                self.answer(status, said, answer)

    def answer(self, status: int, said: dict[str, str], body: bytes, claimed: int | None = -1) -> None:
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.stub.now(), usegmt=True))
        self.send_header("x-amz-request-id", "4442587FB7D0A2F9")
        for name, value in said.items():
            self.send_header(name, value)
        if claimed is not None:
            self.send_header("Content-Length", str(len(body) if claimed < 0 else claimed))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # The operations

    def operate(self, seen: Seen, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if seen.headers.get("x-amz-expected-bucket-owner", OWNER) != OWNER:
            return _error(403, "AccessDenied")
        sum_ = seen.headers.get("x-amz-checksum-crc32")
        if sum_ and "uploadId" not in seen.query and zlib.crc32(body) != from_header(sum_):
            return _error(400, "BadDigest")
        if sum_ and "partNumber" in seen.query and zlib.crc32(body) != from_header(sum_):
            return _error(400, "BadDigest")
        match seen.method, sorted(seen.query):
            case "PUT", []:
                return self.put(seen, body)
            case "PUT", ["partNumber", "uploadId"]:
                self.stub.uploads[seen.query["uploadId"]][1][int(seen.query["partNumber"])] = body
                return 200, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, b""
            case "POST", ["uploads"]:
                name = f"u{next(self.stub.numbers)}"
                self.stub.uploads[name] = (seen.key, {})
                return (
                    200,
                    {},
                    f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>".encode(),
                )
            case "POST", ["uploadId"]:
                return self.complete(seen, body)
            case "POST", ["delete"]:
                for key in re.findall(rb"<Key>(.*?)</Key>", body):
                    self.delete(key.decode().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
                return 200, {}, b"<DeleteResult/>"
            case "DELETE", ["uploadId"]:
                self.stub.uploads.pop(seen.query["uploadId"], None)
                return 204, {}, b""
            case "DELETE", _:
                self.delete(seen.key)
                return 204, {}, b""
            case "GET", names if "list-type" in names:
                return self.list(seen)
            case "GET", names if "versions" in names:
                return self.versions(seen)
            case "HEAD", _ if not seen.key:
                return 200, {"x-amz-bucket-region": "us-east-1"}, b""
            case "GET" | "HEAD", _:
                return self.get(seen)
        return _error(405, "MethodNotAllowed")

    def put(self, seen: Seen, body: bytes) -> tuple[int, dict[str, str], bytes]:
        held = (self.stub.objects.get(seen.key) or [None])[-1]
        if seen.headers.get("if-none-match") == "*" and held:
            return _error(412, "PreconditionFailed")
        if "if-match" in seen.headers and (not held or held.etag != seen.headers["if-match"]):
            return _error(412 if held else 404, "PreconditionFailed" if held else "NoSuchKey")
        metadata = {name: value for name, value in seen.headers.items() if name.startswith("x-amz-meta-")}
        return 200, self.named(self.stub.store(seen.key, body, metadata=metadata)), b""

    def named(self, version: Version) -> dict[str, str]:
        said = {"ETag": version.etag}
        if self.stub.versioned:
            said["x-amz-version-id"] = version.version_id
        return said

    def complete(self, seen: Seen, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if seen.query["uploadId"] not in self.stub.uploads:
            return _error(404, "NoSuchUpload")
        key, parts = self.stub.uploads.pop(seen.query["uploadId"])
        wanted = [int(n) for n in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        whole = b"".join(parts[n] for n in wanted)
        if seen.headers["x-amz-checksum-crc32"] != to_header(zlib.crc32(whole)):
            return _error(400, "BadDigest")
        sums = b"".join(hashlib.md5(parts[n]).digest() for n in wanted)
        sum_ = hashlib.md5(sums + b"sealed" * self.stub.kms).hexdigest()
        version = self.stub.store(key, whole, f'"{sum_}-{len(wanted)}"')
        return 200, self.named(version), b"<CompleteMultipartUploadResult/>"

    def delete(self, key: str) -> None:
        if self.stub.versioned and self.stub.objects.get(key):
            self.stub.objects[key].append(None)
        else:
            self.stub.objects.pop(key, None)

    def get(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        held = self.stub.objects.get(seen.key) or [None]
        wanted = seen.query.get("versionId")
        version = next((v for v in held if v and v.version_id == wanted), None) if wanted else held[-1]
        if version is None:
            return _error(404, "NoSuchVersion" if wanted else "NoSuchKey")
        if seen.headers.get("if-match", version.etag) != version.etag:
            return _error(412, "PreconditionFailed")
        body = version.body
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if found:
            first, last = int(found[1]), int(found[2])
            return 206, self.named(version), body[first : last + 1]
        said = {**self.named(version), **version.metadata, "Last-Modified": formatdate(version.modified, usegmt=True)}
        if self.stub.sums and seen.headers.get("x-amz-checksum-mode") == "ENABLED":
            said |= {"x-amz-checksum-crc32": to_header(zlib.crc32(body)), "x-amz-checksum-type": "FULL_OBJECT"}
        return 200, said, body

    def versions(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        """Newest first for each key, delete markers among them, in pages that may end between two of one key."""
        after = (seen.query.get("key-marker", ""), seen.query.get("version-id-marker", ""))
        rows = [
            (key, version, version is held[-1])
            for key, held in sorted(self.stub.objects.items())
            if key.startswith(seen.query["prefix"])
            for version in reversed(held)
        ]
        names = [(key, version.version_id if version else f"gone-{n}") for n, (key, version, _) in enumerate(rows)]
        begin = names.index(after) + 1 if after[0] else 0
        end = begin + self.stub.page
        items = ""
        for (key, version, latest), (_, name) in list(zip(rows, names, strict=True))[begin:end]:
            shown = name if self.stub.versioned else "null"
            common = f"<Key>{quote(key)}</Key><VersionId>{shown}</VersionId><IsLatest>{str(latest).lower()}</IsLatest>"
            if version is None:
                items += f"<DeleteMarker>{common}</DeleteMarker>"
            else:
                items += f"<Version>{common}{_shape(version)}</Version>"
        more = end < len(rows)
        marks = f"<NextKeyMarker>{quote(names[end - 1][0])}</NextKeyMarker>" if more else ""
        marks += f"<NextVersionIdMarker>{names[end - 1][1]}</NextVersionIdMarker>" if more else ""
        truncated = f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
        return 200, {}, f"<ListVersionsResult>{truncated}{marks}{items}</ListVersionsResult>".encode()

    def list(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        after = seen.query.get("continuation-token", "")
        keys = [k for k in self.stub.current() if k.startswith(seen.query["prefix"]) and k > after]
        page, more = keys[: self.stub.page], len(keys) > self.stub.page
        held = {key: version for key in page for version in self.stub.objects[key][-1:] if version}
        items = "".join(f"<Contents><Key>{quote(k)}</Key>{_shape(v)}</Contents>" for k, v in held.items())
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        text = f"<ListBucketResult><EncodingType>url</EncodingType>{truncated}{token}{items}</ListBucketResult>"
        return 200, {}, text.encode()


def _shape(version: Version) -> str:
    etag = version.etag.replace('"', "&quot;")
    when = "<LastModified>2026-01-02T03:04:05.000Z</LastModified>"
    return f"<Size>{len(version.body)}</Size><ETag>{etag}</ETag>{when}<StorageClass>STANDARD</StorageClass>"


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()


def _chunked(body: bytes) -> bytes:
    out = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 700]), body[at : at + 700]) for at in range(0, len(body), 700))
    return out + b"0\r\n\r\n"


def once_each(fault: Fault) -> Script:
    """Every object meets the fault once, and works when asked again."""
    met: set[tuple[str, str, str]] = set()
    lock = threading.Lock()

    def script(seen: Seen) -> Fault | None:
        with lock:
            what = (seen.method, seen.key, str(sorted(seen.query.items())) + seen.headers.get("range", ""))
            if what in met:
                return None
            met.add(what)
            return fault

    return script
