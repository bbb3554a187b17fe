"""Sends and receives over a socket that never blocks: plain, or through TLS."""

from __future__ import annotations

import socket
import ssl
from typing import Callable, Optional, Protocol, Tuple

from .values import KIB

READ, WRITE = 1, 2
_RECORD = 16 * KIB  # a TLS record's most
# What one turn sends or receives lives here. One loop is one thread, so all its connections share the three of them.
SEND_CHUNK = 96 * KIB
_RECEIVE_CHUNK = 128 * KIB  # with its plain text it stays in a core's cache


class Buffers:
    """`plain`: received and decrypted; `cipher`: received; `out`: read from a file to be sent."""

    def __init__(self) -> None:
        self.plain = memoryview(bytearray(_RECEIVE_CHUNK + 2 * _RECORD))
        self.cipher = memoryview(bytearray(_RECEIVE_CHUNK))
        self.out = memoryview(bytearray(SEND_CHUNK))


class Wire(Protocol):
    def shake(self) -> int:
        """0 when the other side is who it should be, else the readiness to wait for."""

    def send(self, data: memoryview) -> int:
        """How much of `data` was taken; 0: nothing more goes out now."""

    def flush(self) -> bool:
        """False while something that was taken has still to go out."""

    def fill(self, buffer: memoryview) -> Tuple[int, Optional[bool]]:
        """Bytes put into the buffer, and whether there may be more now; None at the end of the stream."""


class PlainWire:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def shake(self) -> int:
        return 0

    def send(self, data: memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def flush(self) -> bool:
        return True

    def fill(self, buffer: memoryview) -> Tuple[int, Optional[bool]]:
        try:
            got = self._sock.recv_into(buffer)
        except BlockingIOError:
            return 0, False
        return (got, got == len(buffer)) if got else (0, None)


class TlsWire:
    """TLS in memory, with the socket's calls done here: OpenSSL's own would read each record in two of them."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, buffers: Buffers) -> None:
        self._sock = sock
        self._cipher = buffers.cipher
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._unsent: Optional[memoryview] = None

    def shake(self) -> int:
        while True:
            try:
                self._tls.do_handshake()
                # The last of it goes out with the request where it can.
                return 0 if self.flush() else WRITE
            except ssl.SSLWantReadError:
                if not self.flush():
                    return WRITE
                if not self._take():
                    return READ

    def send(self, data: memoryview) -> int:
        """What is encrypted can't be taken back, so it waits here for the socket: a chunk at most."""
        if not self.flush():
            return 0
        write = self._tls.write
        left = data = data[:SEND_CHUNK]
        while left:
            left = left[write(left) :]
        self.flush()
        return len(data)

    def flush(self) -> bool:
        unsent = self._unsent
        if unsent is None:
            if not self._out.pending:
                return True
            unsent = memoryview(self._out.read())
        try:
            while unsent:
                unsent = unsent[self._sock.send(unsent) :]
        except BlockingIOError:
            self._unsent = unsent
            return False
        self._unsent = None
        return True

    def fill(self, buffer: memoryview) -> Tuple[int, Optional[bool]]:
        """Takes from the socket once and decrypts all of it, so that nothing is left here that no readiness tells of:
        `buffer` must have room for it and for the record that was begun before."""
        try:
            taken = self._sock.recv_into(self._cipher)
        except BlockingIOError:
            return 0, False
        if not taken:
            return 0, None
        read: Callable[[int, memoryview], int] = self._tls.read  # type: ignore[assignment]  # typeshed: gives bytes
        held, filled = self._in, 0
        held.write(self._cipher[:taken])
        try:
            while held.pending:
                got = read(_RECORD, buffer[filled:])
                if not got:
                    return filled, None
                filled += got
        except ssl.SSLWantReadError:
            pass  # the rest of the record is still on its way
        return filled, taken == len(self._cipher)

    def _take(self) -> bool:
        """Hands the handshake what has come; False where that is nothing. ConnectionError at the end of the stream."""
        try:
            taken = self._sock.recv_into(self._cipher)
        except BlockingIOError:
            return False
        if not taken:
            raise ConnectionResetError("closed in the middle of the TLS handshake")
        self._in.write(self._cipher[:taken])
        return True
