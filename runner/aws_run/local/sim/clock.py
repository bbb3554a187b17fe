"""The clock everything in the embedded AWS moves by: real time plus what tests have added to it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Callback = Callable[[], None]


class SimClock:
    """Callbacks fire in order of their time, one at a time, on the clock's thread or inside `advance`.

    While a callback runs `now()` is at least the time it was due, so that durations (bills) are exact however far the
    clock is moved at once.
    """

    def __init__(self) -> None:
        self._started = datetime.now(timezone.utc)
        self._monotonic = time.monotonic()
        self._offset_s = 0.0
        self._due: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._firing = threading.RLock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sim-clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.ident is not None:  # a start that failed comes here, too
            self._thread.join(timeout=5)

    def seconds(self) -> float:
        """Simulated seconds since the start."""
        return time.monotonic() - self._monotonic + self._offset_s

    def now(self) -> datetime:
        return self._started + timedelta(seconds=self.seconds())

    def at(self, moment: datetime, callback: Callback) -> None:
        self._push((moment - self._started).total_seconds(), callback)

    def after(self, delay_s: float, callback: Callback) -> None:
        self._push(self.seconds() + delay_s, callback)

    def advance(self, seconds: float) -> None:
        """Moves the clock on; whatever falls due on the way has happened when this returns."""
        with self._firing:
            target = self.seconds() + seconds
            while (callback := self._take(target)) is not None:
                callback()
            self._jump(target)

    def _push(self, due_s: float, callback: Callback) -> None:
        with self._changed:
            heapq.heappush(self._due, (due_s, next(self._order), callback))
            self._changed.notify_all()

    def _take(self, until_s: float) -> Callback | None:
        with self._changed:
            if not self._due or self._due[0][0] > until_s:
                return None
            due_s, _, callback = heapq.heappop(self._due)
            self._jump(due_s)
            return callback

    def _jump(self, to_s: float) -> None:
        self._offset_s += max(0.0, to_s - self.seconds())

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                wait_s = self._due[0][0] - self.seconds() if self._due else None
                if wait_s is None or wait_s > 0:
                    # Years ahead is more than a lock can wait for.
                    self._changed.wait(None if wait_s is None else min(wait_s, 3600.0))
                    continue
            with self._firing:
                callback = self._take(self.seconds())
                if callback is not None:
                    callback()
