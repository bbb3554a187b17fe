"""The three start-up lanes, side by side, because the slowest decides. One that fails stops the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from aws_run.clock import Clock
from aws_run.errors import AwsRunError, InterruptedRunError
from aws_run.events import Emit, Lane, LaneDone, LaneFailed, LaneStarted
from aws_run.frozen import frozen
from aws_run.runs.record import LaneEntry

T = TypeVar("T")
_LOOKS_EVERY_S = 0.5
_MOST_TEXT = 200  # of a lane in the record


@frozen
class LaneResult(Generic[T]):
    """`text`: what to show when the lane is done. `skipped`: there was nothing to do."""

    value: T
    text: str
    skipped: bool = False


class Stopped(Exception):
    """Raised inside a lane at a step it no longer takes."""


class LaneClock:
    """The clock of what a lane calls: whoever waits for AWS there, to try once more, stops with the lane."""

    def __init__(self, inner: Clock, check: Callable[[], None]) -> None:
        self._inner = inner
        self._check = check

    def now(self) -> datetime:
        return self._inner.now()

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def sleep(self, seconds: float) -> None:
        """Raises Stopped within a second of the stop."""
        while seconds > 0:
            self._check()
            step_s = min(seconds, _LOOKS_EVERY_S)
            self._inner.sleep(step_s)
            seconds -= step_s
        self._check()


class LaneRunner:
    """Threads are daemons: an interrupted build must not hold up the teardown.

    Each tells its end by an event. Up to Python 3.12 a thread counts as ended once Ctrl-C has come while it was joined,
    though it goes on (CPython, `Thread._wait_for_tstate_lock`): what it then made would be nobody's to remove.
    """

    def __init__(self, *, emit: Emit, clock: Clock, stop: threading.Event) -> None:
        self._emit = emit
        self._clock = clock
        self.clock = LaneClock(clock, self.check)
        self._stop = stop
        self._over: dict[Lane, threading.Event] = {}
        self._results: dict[Lane, object] = {}
        self._errors: dict[Lane, BaseException] = {}
        self._began: dict[Lane, datetime] = {}
        self._ended: dict[Lane, tuple[datetime, str, str]] = {}

    def check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    @property
    def working(self) -> tuple[Lane, ...]:
        return tuple(lane for lane, over in self._over.items() if not over.is_set())

    def entries(self, since: datetime) -> tuple[LaneEntry, ...]:
        """When each lane began and ended, and how, for the record of a run that began at `since`."""

        def after(moment: datetime) -> float:
            return max(0.0, round((moment - since).total_seconds(), 1))

        entries = []
        for lane, began in dict(self._began).items():
            ended, how, text = self._ended.get(lane, (None, "stopped", ""))
            ended_s = None if ended is None else after(ended)
            entries.append(LaneEntry(name=lane, began_s=after(began), ended_s=ended_s, how=how, text=text))
        return tuple(entries)

    def start(self, lane: Lane, text: str, work: Callable[[], LaneResult[T]]) -> None:
        """`work` runs in a thread of its own; what it raises stops the other lanes and is raised by `join`."""

        over = threading.Event()

        def note_end(how: str, text: str) -> None:
            self._ended[lane] = (self._clock.now(), how, text[:_MOST_TEXT])

        def body() -> None:
            try:
                run()
            finally:
                over.set()

        def run() -> None:
            began = self._clock.monotonic()
            try:
                result = work()
                self._results[lane] = result.value
            except (Stopped, InterruptedRunError) as error:
                if not self._stop.is_set():
                    self._errors[lane] = error
                note_end("stopped", "")
                self._emit(LaneFailed(lane=lane, text="stopped"))
            except BaseException as error:  # noqa: BLE001 - it is raised again, in the main thread
                self._errors[lane] = error
                text = error.message if isinstance(error, AwsRunError) else str(error)
                note_end("failed", text)
                self._stop.set()
                self._emit(LaneFailed(lane=lane, text=text))
            else:
                seconds = self._clock.monotonic() - began
                note_end("same" if result.skipped else "done", result.text)
                self._emit(LaneDone(lane=lane, text=result.text, seconds=seconds, skipped=result.skipped))

        self._began[lane] = self._clock.now()
        self._emit(LaneStarted(lane=lane, text=text))
        thread = threading.Thread(target=body, name=f"lane-{lane}", daemon=True)
        self._over[lane] = over
        try:
            thread.start()
        except BaseException:
            if thread.ident is None:  # it never began
                over.set()
            raise

    def join(self, while_waiting: Callable[[], None], every_s: float) -> Mapping[Lane, object]:
        """Waits for all lanes; `while_waiting` is called every `every_s` seconds. The first error is raised."""
        while self.working:
            for over in self._over.values():
                over.wait(every_s / len(self._over))
            if self._errors:
                self.settle("capacity", 60)
                break
            while_waiting()
        for error in self._errors.values():
            raise error
        if self._stop.is_set():
            raise Stopped
        return self._results

    def settle(self, lane: Lane, for_s: float) -> None:
        """Waits until one lane has taken its last step: nothing may be created behind a teardown's back."""
        over = self._over.get(lane)
        if over is not None:
            over.wait(for_s)
