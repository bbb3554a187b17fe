"""The comment while a run goes on: what its events say, written when the state changes, and never a run's trouble."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aws_run.errors import AwsRunError
from aws_run.events import Event, LaneStarted, LogLine, RunStarted, StatusChanged
from aws_run.frozen import frozen
from aws_run.github.comments.sticky import Sticky, Turn
from aws_run.github.comments.text import RUNNING_STATES, CommentState, State, render

MIN_INTERVAL_S = 15.0
_LAST_WRITE_S = 60.0


@frozen
class LiveOptions:
    """`log_lines`: how many of the job's last lines the comment shows. `secrets`: values that never leave. `on_written`
    gets the comment's id when it is written for the first time, on another thread."""

    log_lines: int = 0
    secrets: tuple[str, ...] = ()
    min_interval_s: float = MIN_INTERVAL_S
    on_written: Callable[[int], None] = lambda written: None


class RunComment:
    """Takes events from any thread; one thread of its own writes, so that GitHub never holds a run up."""

    def __init__(self, sticky: Sticky, turn: Turn, first: CommentState, options: LiveOptions) -> None:
        self._sticky = sticky
        self._turn = turn
        self._options = options
        self._state = first
        self._log: deque[str] = deque(maxlen=max(options.log_lines, 1))
        self._changed = threading.Condition()
        self._pending = True
        self._over = False
        self._id: int | None = None
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._write_changes, name="comment", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        with self._changed:
            state = self._state
            match event:
                case RunStarted(run_id=run_id):
                    state = replace(state, run_id=run_id)
                case LaneStarted():
                    state = self._advanced("building")
                case StatusChanged(status="RUNNING"):
                    state = self._advanced("running")
                case LogLine(text=text) if self._options.log_lines:
                    self._log.append(text)
            if state.state != self._state.state:
                self._pending = True
                self._changed.notify()
            self._state = state

    def describe(self, *, resources: str, estimate: str) -> None:
        """What is known of the run before it is made."""
        with self._changed:
            self._state = replace(self._state, resources=resources or self._state.resources, estimate=estimate)

    def finish(self, change: Callable[[CommentState], CommentState]) -> int | None:
        """The comment's last state, written before this returns; its id, None where it could not be written or a later
        run has it."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join(_LAST_WRITE_S)
        lines = tuple(self._log) if self._options.log_lines else ()
        self._state = change(replace(self._state, log=lines))
        self._write(self._state)
        return self._id

    @property
    def trouble(self) -> str | None:
        """Why the comment's last state could not be written, in a sentence; None where it was."""
        return self._trouble

    def _advanced(self, to: State) -> CommentState:
        """States never go back: another attempt's machine is waited for while the run is `running`."""
        order, now = RUNNING_STATES, self._state.state
        return replace(self._state, state=to) if order.index(to) > order.index(now) else self._state

    def _write_changes(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._over)
                if self._over:
                    return
                self._pending, state = False, self._state
            self._write(state)
            self._pause()

    def _pause(self) -> None:
        """At most one write in so many seconds; the end waits for nothing."""
        until = time.monotonic() + self._options.min_interval_s
        with self._changed:
            self._changed.wait_for(lambda: self._over, timeout=max(until - time.monotonic(), 0.0))

    def _write(self, state: CommentState) -> None:
        try:
            there = self._sticky.find()
            before: Mapping[str, Any] = there.data if there else {}
            written = self._sticky.write(render(state, self._options.secrets), self._turn, state.data(before))
            if written is not None and self._id is None:
                self._options.on_written(written)
        except AwsRunError as error:
            self._trouble = error.message
            return
        except Exception as error:  # noqa: BLE001 - a comment is never a run's trouble
            self._trouble = f"{type(error).__name__}: {error}"
            return
        self._trouble = None
        self._id = written
