"""One kept connection, never blocking: connects, shakes hands, sends a request and feeds its answer to the parser."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any, Optional, Tuple, Union

from .bodies import FileSlice
from .errors import NetworkError
from .http1 import AnswerParser
from .values import KIB

READ, WRITE = 1, 2
_CONNECTING, _SHAKING, _IDLE, _BUSY, _DEAD = range(5)
# One turn of one connection moves at most this much, so that none starves the others.
_TURN_BYTES = 1024 * KIB
Address = Tuple[Any, ...]
_NETWORK_ERRNOS = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN, errno.ENOBUFS}


class Connection:
    """`wants`: the readiness it waits for. `tag` belongs to the loop."""

    def __init__(
        self,
        family: int,
        address: Address,
        host: str,
        context: Optional[ssl.SSLContext],
        now: float,
        buffer: memoryview,
    ) -> None:
        self.host = host
        self.last_active = now
        self.used = 0
        self.asked_at: Optional[float] = None  # when the request began to go out, the handshake being over
        self.tag: Any = None
        self.wants = WRITE
        self.parser: Optional[AnswerParser] = None
        self._context = context
        self._buffer = buffer
        self._state = _CONNECTING
        self._pending: Union[memoryview, None] = None
        self._slice: Optional[FileSlice] = None
        self._slice_sent = 0
        self.sock: Union[socket.socket, ssl.SSLSocket] = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        failed = self.sock.connect_ex(address)
        if failed not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 10035)):
            self.sock.close()
            raise NetworkError(f"can't connect to {host}: {errno.errorcode.get(failed, failed)}")
        self.fd = self.sock.fileno()

    @property
    def idle(self) -> bool:
        return self._state == _IDLE

    @property
    def dead(self) -> bool:
        return self._state == _DEAD

    @property
    def connecting(self) -> bool:
        return self._state in (_CONNECTING, _SHAKING)

    def start(self, head: bytes, body: Union[bytes, FileSlice, None], parser: AnswerParser) -> None:
        """Takes a request; it goes out when `drive` is called. Allowed before the connection stands."""
        self.parser = parser
        self.used += 1
        self.asked_at = None
        self._slice, self._slice_sent = None, 0
        if isinstance(body, bytes):
            head += body
        elif body is not None:
            self._slice = body
        self._pending = memoryview(head)
        if self._state == _IDLE:
            self._state = _BUSY

    def close(self) -> None:
        self._state = _DEAD
        self.sock.close()

    def drive(self, now: float) -> bool:
        """Goes on as far as it can without waiting. True when the answer is whole. NetworkError when it broke."""
        self.last_active = now
        try:
            if self._state == _CONNECTING and not self._connected():
                return False
            if self._state == _SHAKING and not self._shake():
                return False
            if self._state == _IDLE:
                raise NetworkError("the server closed an idle connection")
            if self._pending is not None or self._slice is not None:
                return self._send()
            return self._receive()
        except ssl.SSLCertVerificationError as error:
            raise NetworkError(f"the certificate of {self.host} is not trusted ({error.verify_message})") from error
        except (ssl.SSLError, ConnectionError, TimeoutError) as error:
            raise NetworkError(f"{type(error).__name__}: {error}") from error
        except OSError as error:
            if error.errno in _NETWORK_ERRNOS:
                raise NetworkError(f"{self.host}: {error.strerror}") from error
            raise  # the file's trouble, not the network's: a full disk, say

    def release(self) -> None:
        """The answer was taken; the connection waits for the next request."""
        self.parser = None
        self._state = _IDLE
        self.wants = READ

    def _connected(self) -> bool:
        failed = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise NetworkError(f"can't connect to {self.host}: {errno.errorcode.get(failed, failed)}")
        try:
            self.sock.getpeername()
        except OSError as error:
            if error.errno == errno.ENOTCONN:
                return False
            raise
        if self._context is None:
            self._established()
            return True
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self._state = _SHAKING
        return True

    def _shake(self) -> bool:
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.wants = READ
            return False
        except ssl.SSLWantWriteError:
            self.wants = WRITE
            return False
        self._established()
        return True

    def _established(self) -> None:
        self._state = _BUSY if self._pending is not None else _IDLE
        self.wants = READ

    def _send(self) -> bool:
        if self.asked_at is None:
            self.asked_at = self.last_active
        sent_now = 0
        try:
            while True:
                pending = self._pending
                if pending is None:
                    if self._slice is None:
                        break
                    chunk = self._slice.read(self._slice_sent)
                    if not chunk:
                        self._slice = None
                        break
                    self._slice_sent += len(chunk)
                    pending = memoryview(chunk)
                while pending:
                    self._pending = pending
                    sent = self.sock.send(pending)
                    sent_now += sent
                    pending = pending[sent:]
                self._pending = None
                if sent_now >= _TURN_BYTES and self._slice is not None:
                    self.wants = READ | WRITE
                    return False
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self.wants = READ | WRITE
            # The server may refuse before it has read everything (SlowDown, AccessDenied): look for its answer.
            return self._receive() and self._answered_early()
        except (BrokenPipeError, ConnectionResetError):
            if self._receive():
                return self._answered_early()
            raise
        self.wants = READ
        return False  # the answer takes a round trip; asking for it now would be a system call for nothing

    def _answered_early(self) -> bool:
        if self.parser is not None:
            self.parser.keep = False
        return True

    def _receive(self) -> bool:
        parser = self.parser
        if parser is None:
            raise NetworkError("the server spoke out of turn")
        got_now = 0
        while True:
            # A known length is read as far as there is something, so that files are written in big strokes.
            got, more = self._fill(parser.left)
            if got:
                got_now += got
                parser.feed(self._buffer[:got])
                if parser.done:
                    return True
            if more is None:
                parser.end_of_stream()
                return True
            if not more or (got_now >= _TURN_BYTES and not self._held()):
                return False

    def _fill(self, known: int) -> Tuple[int, Optional[bool]]:
        """Bytes put into the buffer, and whether there may be more now; None at the end of the stream.

        `known`: how many the answer still has, 0 where that has not been read yet.
        """
        sock, buffer, tls = self.sock, self._buffer, self._context is not None
        room = min(known, len(buffer)) or len(buffer)
        filled = 0
        try:
            while filled < room:
                got = sock.recv_into(buffer[filled:room])
                if not got:
                    return filled, None
                filled += got
                # TLS hands over a record at a time, a plain socket all it has. A head is looked at before more is read.
                if not tls or not known:
                    return filled, tls or filled == room
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return filled, False
        except ssl.SSLEOFError:
            return filled, None
        return filled, True

    def _held(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
