"""The clock is a parameter, so that no test has to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Protocol


def iso(moment: datetime) -> str:
    """`moment` (UTC) as records hold it: 2026-01-31T12:00:00Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`; aware. ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock in UTC, aware."""

    def monotonic(self) -> float:
        """Seconds that never go backwards."""

    def sleep(self, seconds: float) -> None: ...


class GrowingWait:
    """Sleeps `first_s` seconds, then `factor` times as long with each `sleep`, up to `longest_s`: for what is looked at
    again and again. `restart` after news."""

    def __init__(self, clock: Clock, *, first_s: float, longest_s: float, factor: float = 1.5) -> None:
        self._clock = clock
        self._first_s = first_s
        self._longest_s = longest_s
        self._factor = factor
        self._next_s = first_s

    def sleep(self) -> None:
        self._clock.sleep(self._next_s)
        self._next_s = min(self._next_s * self._factor, self._longest_s)

    def restart(self) -> None:
        self._next_s = self._first_s


def wait_until(
    clock: Clock, check: Callable[[], bool], *, for_s: float, first_wait_s: float = 0.5, longest_wait_s: float = 5.0
) -> bool:
    """Whether `check()` came true within `for_s` seconds. It is called at once, then after waits that grow by half."""
    began = clock.monotonic()
    wait = GrowingWait(clock, first_s=first_wait_s, longest_s=longest_wait_s)
    while not check():
        if clock.monotonic() - began > for_s:
            return False
        wait.sleep()
    return True


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ServerClock:
    """AWS's wall clock: deadlines are enforced there, and a laptop's clock may be wrong (aws-facts §12, 32)."""

    def __init__(self, inner: Clock, ahead_s: Callable[[], float]) -> None:
        self._inner = inner
        self._ahead_s = ahead_s

    def now(self) -> datetime:
        return self._inner.now() + timedelta(seconds=self._ahead_s())

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)
