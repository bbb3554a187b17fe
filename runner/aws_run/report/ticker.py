"""Calls a function again and again on a thread of its own, while it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticker:
    """`tick` is called every `every_s` seconds between `start` and `stop`. Not thread-safe: its owner has a lock, which
    `tick` may take; so `stop` waits for nobody, and one more call may come after it."""

    def __init__(self, tick: Callable[[], None], *, every_s: float) -> None:
        self._tick = tick
        self._every_s = every_s
        self._over: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._over is None:
            self._over = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._over,), daemon=True, name="ticker")
            self._thread.start()

    def stop(self) -> None:
        if self._over is not None:
            self._over.set()
            self._over = None

    def join(self) -> None:
        """Waits for the last call, after `stop` and without the owner's lock."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, over: threading.Event) -> None:
        while not over.wait(self._every_s):
            self._tick()
