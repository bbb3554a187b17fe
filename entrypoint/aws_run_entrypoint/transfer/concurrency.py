"""How many requests one loop keeps under way at once."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque

# Each connection costs a handshake, and each shortens the wait for the requests that are left: of n with answers after
# t seconds, both together are least with sqrt(n * t / handshake) of them.
DEFAULT_LIMIT = 256
_FIRST_LIMIT = 16
_HANDSHAKE_S = 0.002  # of CPU, on both sides
_RECENT = 32
_IDLE = 0.5  # more connections help only where so much of the time is spent waiting


class ConnectionLimit:
    """Grows while most of the time is spent waiting; falls by half when S3 asks to slow down, and recovers slowly.
    `limit`: now; `waited_s`: how long the loop has waited for any connection to become ready."""

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self.limit = float(min(most, _FIRST_LIMIT))
        self.waited_s = 0.0
        self._most = min(most, _descriptors() // 3)
        self._monotonic = monotonic
        self._left = 0
        self._counted_at = 0.0  # when the limit was last changed, and how long had been waited by then
        self._waited_then_s = 0.0
        # Of the last answers; the quickest is what the server takes, not what waits here for its turn.
        self._recent: Deque[float] = deque(maxlen=_RECENT)
        self._slowed = False

    def begin(self, expected: int) -> None:
        """`expected`: how many requests there will be, 0 where that is not known."""
        self._left = expected
        self._counted_at, self._waited_then_s = self._monotonic(), self.waited_s

    def fix(self, limit: int) -> None:
        self._most, self.limit = limit, float(limit)

    def note_answer(self, now: float, took_s: float) -> None:
        self._left -= 1
        self._recent.append(took_s)
        if self._left <= self.limit or self.limit >= self._most or self._slowed:
            return
        if self.waited_s - self._waited_then_s > _IDLE * (now - self._counted_at):
            best = (self._left * min(self._recent) / _HANDSHAKE_S) ** 0.5
            if best > self.limit:
                self.limit = min(best, float(self._most))
                self._counted_at, self._waited_then_s = now, self.waited_s

    def note_success(self) -> None:
        if self._slowed:
            self.limit = min(float(self._most), self.limit + 1.0 / self.limit)

    def slow_down(self) -> None:
        self._slowed = True
        self.limit = max(2.0, self.limit / 2)


def _descriptors() -> int:
    """How many files and sockets this process may have open."""
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:  # Windows
        return 512
    soft = getrlimit(RLIMIT_NOFILE)[0]
    return soft if 0 < soft < 1 << 20 else 1 << 20
