"""How fast bytes move, and how long the rest will take, from what a transfer says of itself. Pure."""

from __future__ import annotations

from collections import deque

from aws_run.report.format import seconds, size

_OVER_S = 10.0  # the speed of the last seconds; what was before them says nothing of the network now
_AT_LEAST_S = 0.5


class Rate:
    """Fed with `done` bytes at the clock's monotonic seconds; fewer than before: another transfer has begun."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def note(self, now_s: float, done: float) -> None:
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now_s, done))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > _OVER_S:
            self._seen.popleft()

    def text(self, total: float | None) -> str:
        """ "12.3 MiB/s, 40s left"; empty until there is something to say."""
        if len(self._seen) < 2:
            return ""
        (began_s, before), (now_s, done) = self._seen[0], self._seen[-1]
        if now_s - began_s < _AT_LEAST_S or done <= before:
            return ""
        per_s = (done - before) / (now_s - began_s)
        left = f", {seconds((total - done) / per_s)} left" if total is not None and total > done else ""
        return f"{size(per_s)}/s{left}"
