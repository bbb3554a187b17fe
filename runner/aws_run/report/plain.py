"""One line per change, with a prefix that says what it is about: for CI, pipes and dumb terminals."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from typing_extensions import assert_never

from aws_run.clock import Clock
from aws_run.errors import AwsRunError
from aws_run.events import (
    Event,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    LogLine,
    Notice,
    OutputProgress,
    RunStarted,
    StatusChanged,
    TeardownStep,
)
from aws_run.report.errors import render_error
from aws_run.report.format import clean, count, seconds, size
from aws_run.report.text import left_lines, outcome_head, outcome_places, plan_lines, receipt_lines
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView

_PREFIX_WIDTH = 8
# Repeated progress lines are printed at most this often.
_PROGRESS_EVERY_S = 10.0


class PlainReporter:
    def __init__(self, stream: TextIO, *, clock: Clock, debug: bool = False) -> None:
        self._stream = stream
        self._clock = clock
        self._debug = debug
        # Re-entrant: a signal handler may report while its own thread is reporting.
        self._lock = threading.RLock()
        self._last: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> PlainReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @contextmanager
    def pause(self) -> Iterator[None]:
        yield

    def emit(self, event: Event) -> None:
        with self._lock:
            for prefix, text in self._lines(event):
                self._write(prefix, [text])

    def plan(self, view: PlanView) -> None:
        self._write("plan", plan_lines(view))

    def receipt(self, view: ReceiptView) -> None:
        self._write("receipt", receipt_lines(view))

    def left(self, view: LeftView) -> None:
        self._write("left", left_lines(view))

    def outcome(self, view: OutcomeView) -> None:
        if view.receipt is not None:
            self.receipt(view.receipt)
        if view.left is not None:
            self.left(view.left)
        places = outcome_places(view)
        width = max((len(what) for what, _ in places), default=0)
        self._write("result", [outcome_head(view), *(f"{what:<{width}}  {where}" for what, where in places)])
        self._write("warning", view.warnings)
        self._write("next", view.next_commands)

    def error(self, error: AwsRunError) -> None:
        with self._lock:
            self._stream.write(render_error(error) + "\n")
            self._stream.flush()

    def _lines(self, event: Event) -> list[tuple[str, str]]:
        match event:
            case RunStarted():
                place = f"{event.backend} in {event.region}, account {event.account}"
                return [("run", f"{event.run_id} on {place}")]
            case LaneStarted():
                return [(event.lane, clean(event.text))]
            case LaneProgress():
                return self._throttled(event.lane, clean(event.text) + _share(event.done, event.total))
            case LaneDone(skipped=True):
                return [(event.lane, f"nothing to do: {clean(event.text)} ({seconds(event.seconds)})")]
            case LaneDone():
                return [(event.lane, f"done: {clean(event.text)} ({seconds(event.seconds)})")]
            case LaneFailed():
                return [(event.lane, f"failed: {clean(event.text)}")]
            case StatusChanged():
                detail = f": {clean(event.detail)}" if event.detail else ""
                return self._changed("run", f"{event.status}{detail}")
            case LogLine():
                return [("job", clean(event.text))]
            case OutputProgress():
                return self._output(event)
            case TeardownStep(state="removing"):
                return []  # reported when it is gone
            case TeardownStep():
                detail = f": {clean(event.detail)}" if event.detail else ""
                return [("teardown", f"{event.state:<6} {event.kind} {clean(event.name)}{detail}")]
            case Notice(level="debug") if not self._debug:
                return []
            case Notice():
                lines = [("warning" if event.level == "warning" else "note", clean(event.text))]
                return [*lines, ("hint", clean(event.hint))] if event.hint else lines
            case _:
                assert_never(event)

    def _output(self, event: OutputProgress) -> list[tuple[str, str]]:
        files = f"{event.files:,} of {count(event.total_files, 'file')}"
        line = f"{files}, {size(event.bytes)} of {size(event.total_bytes)}"
        if event.files >= event.total_files:
            return self._changed("output", line)
        return self._throttled("output", line)

    def _changed(self, prefix: str, line: str) -> list[tuple[str, str]]:
        before, _ = self._last.get(prefix, ("", 0.0))
        if line == before:
            return []
        self._last[prefix] = (line, self._clock.monotonic())
        return [(prefix, line)]

    def _throttled(self, prefix: str, line: str) -> list[tuple[str, str]]:
        now = self._clock.monotonic()
        _, at = self._last.setdefault(prefix, ("", now))
        return self._changed(prefix, line) if now - at >= _PROGRESS_EVERY_S else []

    def _write(self, prefix: str, lines: Iterable[str]) -> None:
        with self._lock:
            for line in lines:  # most contain text from elsewhere, and cleaning twice changes nothing
                self._stream.write(f"{prefix:<{_PREFIX_WIDTH}} | {clean(line)}".rstrip() + "\n")
            self._stream.flush()


def _share(done: float | None, total: float | None) -> str:
    if done is None or not total:
        return ""
    return f" ({min(done / total, 1):.0%})"
