"""What the engine reports, as the tool's events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from aws_run.events import Emit, LaneProgress, Notice, OutputProgress
from aws_run_entrypoint.transfer import EngineEvent, Progress

_PROGRESS_EVERY_S = 0.1


class EventRelay:
    """At most ten progress events a second, and the last one always. `cancel`, once set, ends the transfer at the next
    event with InterruptedError. `notice` None for events that nobody has to see."""

    def __init__(
        self,
        emit: Emit,
        cancel: threading.Event | None,
        *,
        progress: Callable[[Progress], LaneProgress | OutputProgress],
        notice: Callable[[EngineEvent], Notice | None],
    ) -> None:
        self._emit = emit
        self._cancel = cancel
        self._progress = progress
        self._notice = notice
        self._next_at = 0.0  # of the monotonic clock

    def __call__(self, event: EngineEvent) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise InterruptedError("cancelled")
        if not isinstance(event, Progress):
            notice = self._notice(event)
            if notice is not None:
                self._emit(notice)
            return
        now = time.monotonic()
        if now >= self._next_at or event.files == event.total_files:
            self._next_at = now + _PROGRESS_EVERY_S
            self._emit(self._progress(event))
