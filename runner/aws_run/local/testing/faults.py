"""Faults that are injected: a client killed at its n-th call, single faults that a test sets up, and seeded chaos."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal

from aws_run.frozen import frozen
from aws_run.local.http.keys import is_role_key
from aws_run.local.http.protocol import Call, Refusal, Reply

# "cut-body": the call is carried out and its answer breaks off in the middle. "garbled": the call is carried out, and
# what arrives is a whole 200 with half of the answer in it. "redirect" and "captive-portal": somebody on the way
# answers in AWS's place, with a 302 to a login page or with the page itself. "denied": a network that AWS's policies
# don't allow.
How = Literal[
    "throttle", "error-before", "error-after", "lost-before", "lost-after",
    "cut-body", "garbled", "redirect", "captive-portal", "denied",
]  # fmt: skip
# Per call. A client that retries with back-off some eight times rides this out.
_RATES: dict[How, float] = {
    "throttle": 0.05, "error-before": 0.02, "error-after": 0.01, "lost-before": 0.01, "lost-after": 0.01,
    "cut-body": 0.01, "garbled": 0.01, "redirect": 0.005, "captive-portal": 0.005,
}  # fmt: skip
_LOGIN = "https://login.example/?back=aws"
_HTML = ("Content-Type", "text/html; charset=utf-8")
_LOGIN_PAGE = b"<html><head><title>Sign in</title></head><body>Sign in to use this network.</body></html>"
_MEDIAN_LATENCY_S, _LATENCY_SPREAD, _MAX_LATENCY_S = 0.004, 0.8, 0.25


@dataclass(kw_only=True)
class Fault:
    """`operation`: `service:Operation`, `service:*` or `*`; after `skip` matching calls it holds for `times` of them.

    With `code` the call is refused with that code and `message` before it is executed.
    """

    operation: str
    how: How = "error-before"
    times: int = 1
    skip: int = 0
    code: str | None = None
    message: str = "a test wants this call refused"
    status: int = 400

    def takes(self, call: Call) -> bool:
        if self.times == 0 or self.operation not in ("*", f"{call.service}:*", f"{call.service}:{call.operation}"):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@frozen
class Kill:
    """SIGKILL for process `pid` when it makes its `at`-th call from now, before or after that call is executed."""

    pid: int
    at: int
    when: Literal["before", "after"]


class Faults:
    """Around every call of a client; calls of tasks (temporary credentials) count for chaos alone."""

    def __init__(self, chaos_seed: int | None = None) -> None:
        self.chaos_seed = chaos_seed
        self.scripted: list[Fault] = []
        self.calls = 0  # of clients, since the last reset
        self._kill: Kill | None = None
        # Connections of clients, and those of them whose client was killed: what still comes on these is not executed,
        # or a crash point would not be one point.
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._dead: weakref.WeakSet[Any] = weakref.WeakSet()
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def kill_at(self, kill: Kill | None) -> None:
        with self._lock:
            self._kill, self.calls = kill, 0

    def around(self, call: Call, execute: Callable[[], Reply]) -> Reply:
        client = not is_role_key(call.access_key)
        connection = call.environ.get("werkzeug.socket")
        with self._lock:
            if connection is not None and connection in self._dead:
                return _hang_up(call, None)
            if client and connection is not None:
                self._connections.add(connection)
            self.calls += client
            kill = self._kill if client and self._kill is not None and self._kill.at == self.calls else None
            fault = next((f for f in self.scripted if f.takes(call)), None)
            self._seen[f"{call.service}:{call.operation}"] += 1
            dice = random.Random(  # noqa: S311 - chaos wants a seed, not secrecy
                f"{self.chaos_seed}/{call.service}:{call.operation}/{self._seen[f'{call.service}:{call.operation}']}"
            )
            if kill is not None:
                self._dead.update(self._connections)
        if kill is not None:
            reply = execute() if kill.when == "after" else None
            with contextlib.suppress(ProcessLookupError):
                os.kill(kill.pid, signal.SIGKILL)
            return _hang_up(call, reply)
        if fault is not None and fault.code is not None:
            return call.refuse(Refusal(fault.code, fault.message, status=fault.status))
        how = fault.how if fault is not None else self._chaos(dice)
        return execute() if how is None else spoil(call, how, execute)

    def _chaos(self, dice: random.Random) -> How | None:
        if self.chaos_seed is None:
            return None
        latency_s = _MEDIAN_LATENCY_S * dice.lognormvariate(0, _LATENCY_SPREAD)
        time.sleep(min(latency_s, _MAX_LATENCY_S))
        at = dice.random()
        for how, rate in _RATES.items():
            if at < rate:
                return how
            at -= rate
        return None


def throttled(call: Call) -> Refusal:
    """Throttling as each service words it."""
    if call.service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", status=503)
    if call.service == "ec2":
        return Refusal("RequestLimitExceeded", "Request limit exceeded.", status=503)
    if call.service in ("autoscaling", "iam", "sts"):
        return Refusal("Throttling", "Rate exceeded")
    return Refusal("ThrottlingException", "Rate exceeded")


def denied(call: Call) -> Refusal:
    """A refusal by policy as each service words it."""
    code = {"ec2": "UnauthorizedOperation", "s3": "AccessDenied", "iam": "AccessDenied", "sts": "AccessDenied",
            "autoscaling": "AccessDenied"}.get(call.service, "AccessDeniedException")  # fmt: skip
    return Refusal(code, "An explicit deny in a policy forbids this from your network.", status=403)


def spoil(call: Call, how: How, execute: Callable[[], Reply]) -> Reply:
    """The answer that a client gets for `call` under this fault; `execute` carries the call out."""
    code = "InternalError" if call.service == "s3" else "InternalFailure"
    broken = Refusal(code, "We encountered an internal error.", status=500)
    page = b"" if call.method == "HEAD" else _LOGIN_PAGE
    match how:
        case "throttle":
            return call.refuse(throttled(call))
        case "denied":
            return call.refuse(denied(call))
        case "error-before":
            return call.refuse(broken)
        case "error-after":
            execute()
            return call.refuse(broken)
        case "lost-before":
            return _hang_up(call, None)
        case "lost-after":
            return _hang_up(call, execute())
        case "cut-body":
            return _cut(call, execute())
        case "garbled":
            return _garble(call, execute())
        case "redirect":
            return Reply(status=302, headers=(("Location", _LOGIN), _HTML), body=page)
        case "captive-portal":
            return Reply(status=200, headers=(_HTML,), body=page)


def _hang_up(call: Call, reply: Reply | None) -> Reply:
    """The connection breaks before an answer arrives."""
    connection: Any = call.environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    return reply or Reply(status=500, headers=(), body=b"")


def _cut(call: Call, reply: Reply) -> Reply:
    """The connection breaks in the middle of the body, or of the headers where there is no body."""
    length = [("Content-Length", str(len(reply.body)))] if reply.body else []
    others = [header for header in reply.headers if header[0].lower() != "content-length"]
    head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in [*length, *others]) + "\r\n"
    raw = head.encode() + reply.body
    kept = raw[: len(head) + len(reply.body) // 2] if reply.body else raw[: len(raw) // 2]
    connection: Any = call.environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.sendall(kept)
    return _hang_up(call, reply)


def _garble(call: Call, reply: Reply) -> Reply:
    """As a middlebox does it: the status and the length are right, half of the answer is missing."""
    others = tuple(header for header in reply.headers if header[0].lower() != "content-length")
    if call.method == "HEAD" or reply.status == HTTPStatus.NO_CONTENT:
        return reply  # there is nothing in it that could be garbled
    return replace(reply, headers=others, body=reply.body[: len(reply.body) // 2] or b"<ht")
