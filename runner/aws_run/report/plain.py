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
    JobLimits,
    JobProgress,
    JobUsage,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    LogLine,
    LookProgress,
    Notice,
    OutputProgress,
    RunStarted,
    StatusChanged,
    TeardownStep,
)
from aws_run.report import calm
from aws_run.report.errors import render_error
from aws_run.report.format import clean, count, seconds, size
from aws_run.report.rate import Rate
from aws_run.report.text import (
    calm_places,
    left_lines,
    look_text,
    outcome_head,
    outcome_places,
    plan_lines,
    plan_rows,
    ran_places,
    receipt_lines,
)
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView
from aws_run.report.wrapping import terminal_width, wrapped

_PREFIX_WIDTH = 8
# Repeated progress lines are printed at most this often.
_PROGRESS_EVERY_S = 10.0
_SHORTEST_S = 0.3  # the container sends a state once a second, and they arrive at odd times


class PlainReporter:
    def __init__(self, stream: TextIO, *, clock: Clock, debug: bool = False, verbose: bool = True) -> None:
        self._stream = stream
        self._clock = clock
        self._debug = debug
        self._verbose = verbose
        self._planned: str | None = None
        self._gone = 0
        self._kept: list[str] = []
        # Re-entrant: a signal handler may report while its own thread is reporting.
        self._lock = threading.RLock()
        self._last: dict[str, tuple[str, float]] = {}
        self._rates: dict[str, Rate] = {}
        self._progress_began: float | None = None
        self._progress_at = 0.0

    def __enter__(self) -> PlainReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_teardown()

    @contextmanager
    def pause(self) -> Iterator[None]:
        yield

    def emit(self, event: Event) -> None:
        with self._lock:
            for prefix, text in self._lines(event):
                self._write(prefix, [text])

    def plan(self, view: PlanView) -> None:
        self._planned = view.run_id
        self._write("plan", plan_lines(view, plan_rows(view) if self._verbose else calm.folded_plan(view)))

    def receipt(self, view: ReceiptView) -> None:
        self._write("receipt", receipt_lines(view))

    def left(self, view: LeftView) -> None:
        self._write("left", left_lines(view))

    def outcome(self, view: OutcomeView) -> None:
        self._end_teardown()
        places = outcome_places(view)
        if self._verbose:
            places += ran_places(view)
            if view.receipt is not None:
                self.receipt(view.receipt)
            if view.left is not None:
                self.left(view.left)
        else:
            places += calm_places(view)
            if view.left is not None and (failed := calm.failed_rows(view.left)).rows:
                self.left(failed)
        width = max((len(what) for what, _ in places), default=0)
        self._write("result", [outcome_head(view), *(f"{what:<{width}}  {where}" for what, where in places)])
        self._write("warning", view.warnings)
        self._write("next", view.next_commands)

    def error(self, error: AwsRunError) -> None:
        with self._lock:
            self._stream.write(render_error(error, terminal_width(self._stream)) + "\n")
            self._stream.flush()

    def _lines(self, event: Event) -> list[tuple[str, str]]:
        match event:
            case RunStarted() if not self._verbose:
                return []  # the plan comes next, and begins with it
            case RunStarted():
                place = f"{event.backend} in {event.region}, account {event.account}"
                return [("run", f"{event.run_id} on {place}")]
            case LaneStarted() | StatusChanged(status="fetching") if not self._verbose:
                return []  # its end is told, and before that what takes long
            case LaneStarted():
                return [(event.lane, clean(event.text))]
            case LookProgress(done=True):
                return []
            case LookProgress():  # the first at once: until then nothing was said
                line = look_text(event)
                told = self._throttled(f"look {event.what}", line) if self._looked(event.what) else [("", line)]
                return [("look", text) for _, text in told]
            case LaneProgress():
                return self._throttled(event.lane, self._lane_text(event))
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
            case JobProgress():
                return self._job_progress(event)
            case JobUsage() | JobLimits():
                return []  # only a status line has a place for what changes all the time
            case OutputProgress():
                return self._output(event)
            case TeardownStep(state="removing"):
                return []  # reported when it is gone
            case TeardownStep(state="gone") if not self._verbose:
                self._gone += 1
                return []
            case TeardownStep(state="kept") if not self._verbose:
                self._kept.append(event.detail)
                return []
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

    def _end_teardown(self) -> None:
        with self._lock:
            text, self._gone, self._kept = calm.removal(self._gone, self._kept), 0, []
            if text:
                self._write("teardown", [text])

    def _looked(self, what: str) -> bool:
        """Whether something was said of it already; from now on it was."""
        if f"look {what}" in self._last:
            return True
        self._last[f"look {what}"] = ("", self._clock.monotonic())
        return False

    def _lane_text(self, event: LaneProgress) -> str:
        text = clean(event.text) + _share(event.done, event.total)
        if not event.in_bytes or event.done is None:
            return text
        rate = self._rates.setdefault(event.lane, Rate())
        rate.note(self._clock.monotonic(), event.done)
        return ", ".join(filter(None, (text, rate.text(event.total))))

    def _output(self, event: OutputProgress) -> list[tuple[str, str]]:
        files = f"{event.files:,} of {count(event.total_files, 'file')}"
        line = f"{files}, {size(event.bytes)} of {size(event.total_bytes)}"
        rate = self._rates.setdefault("output", Rate())
        rate.note(self._clock.monotonic(), event.bytes)
        if not event.total_files:
            return []
        if event.files >= event.total_files:
            return self._changed("output", line)
        return self._throttled("output", ", ".join(filter(None, (line, rate.text(event.total_bytes)))))

    def _job_progress(self, event: JobProgress) -> list[tuple[str, str]]:
        """The longer the job has been at it, the rarer: some ten lines in the first ten seconds, and as many again
        until it has taken three times as long."""
        now = self._clock.monotonic()
        if not event.lines:
            return []
        if self._progress_began is None:
            self._progress_began = self._progress_at = now
        elif now - self._progress_at < max(_SHORTEST_S, (now - self._progress_began) / 10):
            return []
        self._progress_at = now
        return [("progress", clean(line)) for line in event.lines]

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
            width = terminal_width(self._stream)
            for line in lines:  # most contain text from elsewhere, and cleaning twice changes nothing
                whole = width is None or prefix == "job"
                parts = [clean(line)] if whole else wrapped(clean(line), (width or 0) - _PREFIX_WIDTH - len(" | "))
                for part in parts:
                    self._stream.write(f"{prefix:<{_PREFIX_WIDTH}} | {part}".rstrip() + "\n")
            self._stream.flush()


def _share(done: float | None, total: float | None) -> str:
    if done is None or not total:
        return ""
    return f" ({min(done / total, 1):.0%})"
