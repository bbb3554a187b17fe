"""One kept connection, never blocking: connects, shakes hands, sends a request and feeds its answer to the parser."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any, Optional, Tuple, Union

from .bodies import FileSlice
from .errors import BarredError, NetworkError
from .http1 import AnswerParser
from .proxy import Tunnel
from .socket_io import READ, SEND_CHUNK, WRITE, Buffers, PlainWire, TlsWire, Wire
from .values import KIB

_CONNECTING, _TUNNELLING, _SHAKING, _IDLE, _BUSY, _DEAD = range(6)
# One turn of one connection moves at most this much, so that none starves the others.
_TURN_BYTES = 1024 * KIB
Address = Tuple[Any, ...]
_NETWORK_ERRNOS = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN, errno.ENOBUFS}


class Connection:
    """`wants`: the readiness it waits for. `tag` belongs to the loop. `tunnel`: what asks a proxy to let us through."""

    def __init__(
        self,
        family: int,
        address: Address,
        *,
        host: str,
        context: Optional[ssl.SSLContext],
        now: float,
        buffers: Buffers,
        tunnel: Optional[Tunnel] = None,
    ) -> None:
        self.host = host
        self.last_active = now
        self.used = 0
        self.sent_from: Optional[float] = None  # when the request began to go out, the handshake being over
        self.tag: Any = None
        self.wants = WRITE
        self.parser: Optional[AnswerParser] = None
        self._context = context
        self._buffers = buffers
        self._tunnel = tunnel
        self._state = _CONNECTING
        self._pending: Optional[memoryview] = None
        self._after: Optional[memoryview] = None  # a body that is too big to be copied behind its head
        self._slice: Optional[FileSlice] = None
        self._slice_sent = 0
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self._wire: Wire = PlainWire(self.sock)
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
        return self._state in (_CONNECTING, _TUNNELLING, _SHAKING)

    def start(self, head: bytes, body: Union[bytes, FileSlice, None], parser: AnswerParser) -> None:
        """Takes a request; it goes out when `drive` is called. Allowed before the connection stands."""
        self.parser = parser
        self.used += 1
        self.sent_from = None
        self._slice, self._slice_sent, self._after = None, 0, None
        if isinstance(body, bytes):
            if len(body) < SEND_CHUNK:
                head += body
            else:
                self._after = memoryview(body)
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
            if self.connecting and not self._connect():
                return False
            if self._state == _IDLE:
                raise NetworkError("the server closed an idle connection")
            if self._pending is not None or self._slice is not None or not self._wire.flush():
                return self._send()
            return self._receive()
        except ssl.SSLCertVerificationError as error:
            raise BarredError(f"the certificate of {self.host} is not trusted ({error.verify_message})") from error
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

    def _connect(self) -> bool:
        """True when requests may go out."""
        if self._state == _CONNECTING:
            if not self._reached():
                return False
            self._state = _TUNNELLING
        if self._state == _TUNNELLING:
            if self._tunnel is not None:
                self.wants = self._tunnel.drive(self.sock)
                if self.wants:
                    return False
            if self._context is not None:
                self._wire = TlsWire(self.sock, self._context, self.host, self._buffers)
            self._state = _SHAKING
        self.wants = self._wire.shake()
        if self.wants:
            return False
        self._state = _BUSY if self._pending is not None else _IDLE
        self.wants = READ
        return True

    def _reached(self) -> bool:
        failed = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise NetworkError(f"can't connect to {self.host}: {errno.errorcode.get(failed, failed)}")
        try:
            self.sock.getpeername()
        except OSError as error:
            if error.errno == errno.ENOTCONN:
                return False
            raise
        return True

    def _send(self) -> bool:
        if self.sent_from is None:
            self.sent_from = self.last_active
        try:
            sent = self._send_some()
        except (BrokenPipeError, ConnectionResetError):
            if self._receive():
                return self._answered_early()
            raise
        if self._pending is None and self._slice is None and self._wire.flush():
            self.wants = READ
            return False  # the answer takes a round trip; asking for it now would be a system call for nothing
        self.wants = READ | WRITE
        # If nothing went out, the server woke us: it refuses before it has read all (SlowDown, AccessDenied).
        return not sent and self._receive() and self._answered_early()

    def _send_some(self) -> int:
        wire, sent = self._wire, 0
        while self._pending is not None:
            taken = wire.send(self._pending)
            if not taken:
                return sent
            sent += taken
            self._pending = self._pending[taken:]
            if not self._pending:
                self._pending, self._after = self._after, None
        while self._slice is not None and sent < _TURN_BYTES:
            chunk = self._slice.read(self._slice_sent, self._buffers.out)
            if not chunk:
                self._slice = None
                break
            taken = wire.send(chunk)
            if not taken:
                break
            self._slice_sent += taken
            sent += taken
        return sent

    def _answered_early(self) -> bool:
        if self.parser is not None:
            self.parser.keep = False
        return True

    def _receive(self) -> bool:
        parser, buffer, got_now = self.parser, self._buffers.plain, 0
        if parser is None:
            raise NetworkError("the server sent an answer to no request")
        while True:
            got, more = self._wire.fill(buffer)
            if got:
                parser.feed(buffer[:got])
                if parser.done:
                    return True
            if more is None:
                parser.end_of_stream()
                return True
            got_now += got
            if not more or got_now >= _TURN_BYTES:
                return False
