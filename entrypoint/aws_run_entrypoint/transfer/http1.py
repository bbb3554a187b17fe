"""HTTP/1.1 as values: requests, answers, and the incremental parser of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Tuple, Union

from .bodies import FileRange, FileSlice
from .errors import NetworkError, TooLargeError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAX_HEAD = 64 * 1024
MOST_IN_MEMORY = 64 * 1024 * 1024
Headers = List[Tuple[str, str]]
Body = Union[bytes, FileSlice, None]


class Request:
    """`key` "" is the bucket itself. `sink`: where a good answer's body goes; None keeps it in memory.

    `most_bytes` of an answer are kept in memory; a longer one is TooLargeError, before its bytes have come where the
    server says how many there are. `checked_body`: S3 may say 200 and put an error into the body
    (CompleteMultipartUpload, DeleteObjects). `roots`: the answer is an XML document whose top element has one of these
    names; anything else is no answer of S3's.
    """

    __slots__ = ("body", "checked_body", "headers", "key", "method", "most_bytes", "query", "roots", "sink")

    def __init__(
        self,
        method: str,
        key: str,
        *,
        query: Optional[List[Tuple[str, str]]] = None,
        headers: Optional[Headers] = None,
        body: Body = None,
        sink: Optional[FileRange] = None,
        checked_body: bool = False,
        roots: Tuple[str, ...] = (),
        most_bytes: int = MOST_IN_MEMORY,
    ) -> None:
        self.method = method
        self.key = key
        self.query = query or []
        self.headers = headers or []
        self.body = body
        self.sink = sink
        self.checked_body = checked_body
        self.roots = roots
        self.most_bytes = most_bytes

    @property
    def weight(self) -> int:
        """Bytes that this keeps on the wire, one way or the other; small ones don't count."""
        return self.body_length + (self.sink.length if self.sink is not None else 0)

    @property
    def body_length(self) -> int:
        if self.body is None:
            return 0
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


class Response:
    """`xml`: the top element of the body, of an answer that has to be a document."""

    __slots__ = ("body", "headers", "status", "xml")

    def __init__(self, status: int, headers: Dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.xml: Optional[Element] = None


_HEAD, _LENGTH, _UNTIL_CLOSE, _CHUNK_SIZE, _CHUNK, _CHUNK_END, _TRAILER, _DONE = range(8)


class AnswerParser:
    """Fed with bytes as they come; `done` when the answer is whole. Bytes after its end are an error of the server.

    `from_s3`: an answer without any header of S3's own comes from a proxy or a login page, and is an error.
    """

    def __init__(
        self, method: str, sink: Optional[FileRange], most_bytes: int = MOST_IN_MEMORY, from_s3: bool = False
    ) -> None:
        self.method = method
        self.most_bytes = most_bytes
        self.status = 0
        self.headers: Dict[str, str] = {}
        self.keep = True
        self.started = False
        self._sink = sink
        self._from_s3 = from_s3
        self._use_sink = False
        self._state = _HEAD
        self._buffer = bytearray()
        self._parts: List[bytes] = []
        self._held = 0
        self._left = 0

    @property
    def done(self) -> bool:
        return self._state == _DONE

    @property
    def left(self) -> int:
        """Bytes of the body that are still to come; 0 where that is not known."""
        return self._left if self._state == _LENGTH else 0

    def response(self) -> Response:
        if self._use_sink and self._sink is not None:
            self._sink.finish()
        return Response(self.status, self.headers, self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def end_of_stream(self) -> None:
        """The server closed: the end of an answer without a length, else a break-off."""
        if self._state == _UNTIL_CLOSE:
            self._state = _DONE
        elif self._state != _DONE:
            raise NetworkError("the server closed the connection in the middle of an answer")

    def feed(self, data: memoryview) -> None:
        self.started = True
        while data and self._state != _DONE:
            if self._state == _HEAD:
                data = self._head(data)
            elif self._state in (_LENGTH, _CHUNK):
                take = data[: self._left]
                self._write(take)
                self._left -= len(take)
                data = data[len(take) :]
                if not self._left:
                    self._state = _DONE if self._state == _LENGTH else _CHUNK_END
            elif self._state == _UNTIL_CLOSE:
                self._write(data)
                return
            else:
                data = self._chunk_line(data)
        if data:
            raise NetworkError("the server sent more than one answer")

    def _write(self, data: memoryview) -> None:
        if self._use_sink and self._sink is not None:
            self._sink.write(data)
        else:
            self._held += len(data)
            self._check_size(self._held)
            self._parts.append(bytes(data))

    def _check_size(self, size: int) -> None:
        if not self._use_sink and size > max(self.most_bytes, _MAX_HEAD):  # an error's own text always has room
            raise TooLargeError(f"the answer is longer than the {self.most_bytes} bytes that it may have")

    def _head(self, data: memoryview) -> memoryview:
        buffer = self._buffer
        before = len(buffer)
        buffer += data
        end = buffer.find(b"\r\n\r\n", max(0, before - 3))
        if end < 0:
            if len(buffer) > _MAX_HEAD:
                raise NetworkError("the server's answer has no end to its headers")
            return data[len(data) :]
        rest = data[end + 4 - before :]
        text = buffer[:end].decode("latin-1")
        self._buffer = bytearray()
        lines = text.split("\r\n")
        try:
            version, status, *_ = lines[0].split(" ", 2)
            self.status = int(status)
        except ValueError:
            raise NetworkError(f"the server's answer is not HTTP: {lines[0][:60]!r}") from None
        if 100 <= self.status < 200:
            return rest  # an interim answer; the real one follows
        headers: Dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.headers = headers
        # Load balancers give a 5xx without a word of S3; S3 names the request in everything else (x-amz-request-id).
        if self._from_s3 and self.status < 500 and not any(name.startswith("x-amz") for name in headers):
            raise NetworkError(f"a proxy or a login page answered in S3's place, with status {self.status}")
        connection = headers.get("connection", "").lower()
        self.keep = "close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection)
        self._use_sink = self._sink is not None and 200 <= self.status < 300
        if self.method == "HEAD" or self.status in (204, 304):
            self._state = _DONE
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            self._state = _CHUNK_SIZE
        elif "content-length" in headers:
            try:
                self._left = int(headers["content-length"])
            except ValueError:
                raise NetworkError("the server's answer has a bad length") from None
            self._check_size(self._left)
            self._state = _LENGTH if self._left else _DONE
        else:
            self._state = _UNTIL_CLOSE
            self.keep = False
        return rest

    def _chunk_line(self, data: memoryview) -> memoryview:
        """Collects one line of the chunked coding's own and acts on it."""
        before = len(self._buffer)
        self._buffer += data
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise NetworkError("the server's chunked answer is broken")
            return data[len(data) :]
        line = bytes(self._buffer[:end])
        self._buffer = bytearray()
        rest = data[end + 2 - before :]
        if self._state == _CHUNK_END:
            if line:
                raise NetworkError("the server's chunked answer is broken")
            self._state = _CHUNK_SIZE
        elif self._state == _CHUNK_SIZE:
            try:
                self._left = int(line.split(b";")[0], 16)
            except ValueError:
                raise NetworkError("the server's chunked answer is broken") from None
            self._state = _CHUNK if self._left else _TRAILER
        elif not line:
            self._state = _DONE
        return rest
