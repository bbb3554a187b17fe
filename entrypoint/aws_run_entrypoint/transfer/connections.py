"""The kept connections of one loop: new ones where none is idle, and the readiness of all of them."""

from __future__ import annotations

from typing import List

from .connection import Connection
from .http1 import Response
from .poller import make_poller
from .server import Server


class Connections:
    """Connections to one server, which may move."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._poller = make_poller()
        self._idle: List[Connection] = []

    def take(self, now: float, *, fresh: bool) -> Connection:
        """An idle one unless it has to be `fresh`. NetworkError when there is no way to the server."""
        return self._idle.pop() if self._idle and not fresh else self.server.connect(now)

    def keep(self, connection: Connection) -> None:
        """For the next request; watched meanwhile, for the server may close it."""
        connection.release()
        self._poller.watch(connection)
        self._idle.append(connection)

    def drop(self, connection: Connection) -> None:
        connection.tag = None
        self._poller.forget(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        connection.close()

    def drop_idle(self) -> None:
        for connection in list(self._idle):
            self.drop(connection)

    def watch(self, connection: Connection) -> None:
        self._poller.watch(connection)

    def wait(self, timeout_s: float) -> List[Connection]:
        """Those that are ready to go on."""
        return self._poller.wait(timeout_s)

    def follow(self, response: Response) -> bool:
        """True where the answer names another region or host: all further requests go there."""
        moved = self.server.follow(response)
        if moved:
            self.drop_idle()
        return moved is not None

    def close(self) -> None:
        self.drop_idle()
        self._poller.close()
