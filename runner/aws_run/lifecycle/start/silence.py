"""Lanes that say nothing: the user is told that they are waited for, and they are not waited for without end."""

from __future__ import annotations

import threading
from collections.abc import Collection

from aws_run.clock import Clock
from aws_run.errors import DeadlineError
from aws_run.events import Emit, Event, Lane, LaneProgress, Notice

_TOLD_EVERY_S = 2 * 60
_AS_A_WHOLE: Lane = "image"  # a build may go on talking for ever; an upload that goes on arrives some day


class Silence:
    """`emit` passes events on and notes which lane they are of; `look` is called again and again while lanes work.

    `limit_s`: how long a lane may be silent, and the image's lane may take in all.
    """

    def __init__(self, emit: Emit, clock: Clock, limit_s: int) -> None:
        self._emit = emit
        self._clock = clock
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._began_s: dict[Lane, float] = {}
        self._heard_s: dict[Lane, float] = {}
        self._told_s: dict[Lane, float] = {}
        self._doing: dict[Lane, str] = {}

    def emit(self, event: Event) -> None:
        if isinstance(event, LaneProgress):
            with self._lock:
                self._heard_s[event.lane] = self._clock.monotonic()
                self._doing[event.lane] = event.text
        self._emit(event)

    def look(self, working: Collection[Lane]) -> None:
        """DeadlineError when one of them has taken too long."""
        now_s = self._clock.monotonic()
        for lane in working:
            with self._lock:
                began_s = self._began_s.setdefault(lane, now_s)
                heard_s = self._heard_s.get(lane, began_s)
                doing = self._doing.get(lane)
            self._end_if_over(lane, now_s - (began_s if lane == _AS_A_WHOLE else heard_s))
            last_s = max(heard_s, self._told_s.get(lane, heard_s))
            if now_s - last_s >= _TOLD_EVERY_S:
                self._told_s[lane] = now_s
                what = f" (last: {doing})" if doing else ""
                text = f"{lane}: nothing heard for {(now_s - heard_s) / 60:.0f} min{what}; Ctrl-C ends the run"
                self._emit(Notice(text=text, level="warning"))

    def _end_if_over(self, lane: Lane, took_s: float) -> None:
        if took_s < self._limit_s:
            return
        minutes = f"{self._limit_s // 60} min"
        if lane == "image":
            raise DeadlineError(
                f"The image was not ready after {minutes}, so the run was ended",
                hint="the start may take as long as --timeout, and an hour at the least: raise it, see what the build "
                "waits for, or build the image elsewhere and name it with --image",
            )
        raise DeadlineError(
            f"Nothing was heard of the {lane} for {minutes}, so the run was ended",
            hint="check the network and run the same command again: what has arrived is not sent twice",
        )
