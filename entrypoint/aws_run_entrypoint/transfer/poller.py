"""Waits for the readiness of many connections: with epoll where there is one, else with what the platform has."""

from __future__ import annotations

import select
import selectors
from typing import Dict, List, Protocol, Tuple

from .connection import Connection
from .socket_io import READ, WRITE


class Poller(Protocol):
    def watch(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...

    def wait(self, timeout_s: float) -> List[Connection]: ...

    def close(self) -> None: ...


def make_poller() -> Poller:
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


class EpollPoller:
    """`watch` costs a system call only when what a connection waits for has changed."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._held: Dict[int, Tuple[Connection, int]] = {}

    def watch(self, connection: Connection) -> None:
        held = self._held.get(connection.fd)
        if held is not None and held[0] is connection:
            if held[1] == connection.wants:
                return
            self._epoll.modify(connection.fd, _mask(connection.wants))
        else:
            self._epoll.register(connection.fd, _mask(connection.wants))
        self._held[connection.fd] = (connection, connection.wants)

    def forget(self, connection: Connection) -> None:
        if self._held.pop(connection.fd, None) is not None:
            self._epoll.unregister(connection.fd)

    def wait(self, timeout_s: float) -> List[Connection]:
        held = self._held
        return [held[fd][0] for fd, _ in self._epoll.poll(timeout_s) if fd in held]

    def close(self) -> None:
        self._epoll.close()


def _mask(wants: int) -> int:
    return (select.EPOLLIN if wants & READ else 0) | (select.EPOLLOUT if wants & WRITE else 0)


class SelectorPoller:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._held: Dict[int, int] = {}

    def watch(self, connection: Connection) -> None:
        held = self._held.get(connection.fd)
        if held == connection.wants:
            return
        events = (selectors.EVENT_READ if connection.wants & READ else 0) | (
            selectors.EVENT_WRITE if connection.wants & WRITE else 0
        )
        if held is None:
            self._selector.register(connection.fd, events, connection)
        else:
            self._selector.modify(connection.fd, events, connection)
        self._held[connection.fd] = connection.wants

    def forget(self, connection: Connection) -> None:
        if self._held.pop(connection.fd, None) is not None:
            self._selector.unregister(connection.fd)

    def wait(self, timeout_s: float) -> List[Connection]:
        return [key.data for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        self._selector.close()
