"""Looking through many files takes its time: how many there are so far is told while it goes on."""

from __future__ import annotations

import threading
from types import TracebackType

from aws_run.clock import Clock
from aws_run.events import Emit, LookProgress

_FIRST_S = 0.5  # what is looked through faster is no news
_EVERY_S = 0.2


class Looking:
    """Told the counts so far again and again, it passes them on at a bearable rate; at its end it says that it is over
    if anything was said. `what`: the sources, the input."""

    def __init__(self, what: str, emit: Emit, clock: Clock) -> None:
        self._what = what
        self._emit = emit
        self._clock = clock
        self._last_s = clock.monotonic() + _FIRST_S - _EVERY_S
        self._lock = threading.Lock()
        self._told: LookProgress | None = None

    def __enter__(self) -> Looking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._told is not None:
            told = self._told
            self._emit(LookProgress(what=told.what, files=told.files, bytes=told.bytes, done=True))

    def __call__(self, files: int, size_bytes: int) -> None:
        now_s = self._clock.monotonic()
        with self._lock:
            if now_s - self._last_s < _EVERY_S:
                return
            self._last_s = now_s
            self._told = LookProgress(what=self._what, files=files, bytes=size_bytes)
        self._emit(self._told)
