"""On a terminal: finished steps go into the scrollback, and a few live lines below show what is still going on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text
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
from aws_run.report import calm, panels
from aws_run.report.errors import error_lines
from aws_run.report.format import clean
from aws_run.report.hyperlinks import shows_hyperlinks
from aws_run.report.live import LaneState, LiveState, LiveView, lane_lines
from aws_run.report.symbols import Symbols, symbols_for
from aws_run.report.text import calm_places, look_text, outcome_head, ran_places
from aws_run.report.ticker import Ticker
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView
from aws_run.report.wrapped import Wrapped
from aws_run.report.wrapping import wrapped

_REFRESH_PER_S = 8
# What is to be read stays in the terminal's own colour: yellow is no colour for a sentence on a white one.
_ERROR_STYLES = {"error": "red", "log": "dim", "command": "", "hint": ""}


class ConsoleReporter:
    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Clock,
        debug: bool = False,
        verbose: bool = True,
        environ: Mapping[str, str] | None = None,
        width: int | None = None,
        force_terminal: bool | None = None,
    ) -> None:
        self._console = Console(
            file=stream,
            width=width,
            force_terminal=force_terminal,
            markup=False,
            emoji=False,
            highlight=False,
            _environ=environ,
        )
        self._clock = clock
        self._debug = debug
        self._verbose = verbose
        self._links = shows_hyperlinks(os.environ if environ is None else environ)
        self._gone = 0
        self._kept: list[str] = []
        self._paused = 0
        self._symbols = symbols_for(stream)
        self._state = LiveState(symbols=self._symbols)
        self._view = LiveView(self._state)
        self._live: Live | None = None
        self._ticker = Ticker(self._tick, every_s=1 / _REFRESH_PER_S)
        # Re-entrant: a signal handler may report while its own thread is reporting.
        self._lock = threading.RLock()
        self._planned: str | None = None
        self._closed = False

    def __enter__(self) -> ConsoleReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A late thread may still report: its line is printed, but the live display stays closed.
        self._closed = True
        self._settle()
        self._ticker.join()

    @contextmanager
    def pause(self) -> Iterator[None]:
        with self._lock:
            self._paused += 1
            self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._paused -= 1
                self._refresh()

    def plan(self, view: PlanView) -> None:
        with self._lock:
            self._planned = view.run_id
            panel = panels.plan_panel if self._verbose else panels.folded_plan_panel
            self._print_lines(panel(view, self._console.width))

    def receipt(self, view: ReceiptView) -> None:
        with self._lock:
            self._print(panels.receipt_panel(view, self._symbols, self._console.width))

    def left(self, view: LeftView) -> None:
        with self._lock:
            self._print_lines(panels.left_panel(view, self._symbols))

    def outcome(self, view: OutcomeView) -> None:
        self._settle()
        with self._lock:
            if self._verbose:
                self._print(Text())
                if view.receipt is not None:
                    self.receipt(view.receipt)
                if view.left is not None:
                    self.left(view.left)
            elif view.left is not None and (failed := calm.failed_rows(view.left)).rows:
                self.left(failed)
            calm_rows = ran_places(view) if self._verbose else calm_places(view)
            width, links = self._console.width, self._links
            self._print_lines(
                panels.outcome_panel(view, outcome_head(view), self._symbols, calm_rows, width=width, links=links)
            )

    def error(self, error: AwsRunError) -> None:
        self._settle()
        with self._lock:
            lines = error_lines(error, self._console.width)
            self._print_lines(Text(line, style=_ERROR_STYLES[role]) for role, line in lines)

    def emit(self, event: Event) -> None:
        with self._lock:
            self._state.now, self._state.wall = self._clock.monotonic(), self._clock.now()
            self._take(event)
            self._refresh()

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted():
                if self._verbose and event.run_id != self._planned:  # else the plan that comes begins with it
                    place = clean(f"  {event.backend}, {event.region}, account {event.account}")
                    self._print(Text.assemble((clean(event.run_id), "bold"), (place, "dim")))
            case LaneStarted() | LaneProgress() | LaneDone() | LaneFailed():
                self._state.note_lane(event)
            case LookProgress():
                self._state.looks.pop(event.what, None)
                if not event.done:
                    self._state.looks[event.what] = look_text(event)
            case StatusChanged():
                self._status(event)
            case LogLine():
                self._print_unwrapped(Text(clean(event.text)))
            case JobProgress():
                self._state.bars = tuple(clean(line) for line in event.lines)
            case JobUsage():
                self._state.usage = event
            case JobLimits():
                self._state.limits = event
            case OutputProgress():
                self._state.note_outputs(event)
            case TeardownStep():
                self._teardown(event)
            case Notice():
                self._notice(event)
            case _:
                assert_never(event)

    def _status(self, event: StatusChanged) -> None:
        self._settle_lanes()
        status = clean(event.status.lower())
        line = Text.assemble((f"  {self._symbols.step} ", "cyan"), status)
        if self._verbose or status == "running":
            self._print_unwrapped(line.append(f"  {clean(event.detail)}", "dim") if event.detail else line)
        if event.task_is_over:
            self._state.bars, self._state.usage = (), None
        self._state.status = "" if event.task_is_over else status
        self._state.status_since = self._state.now

    def _teardown(self, event: TeardownStep) -> None:
        self._settle_lanes()
        self._state.status = ""
        key = (clean(event.kind), clean(event.name))
        if event.state == "removing":
            self._state.removing.setdefault(key, self._state.now)
            return
        self._state.removing.pop(key, None)
        if not self._verbose and event.state != "failed":
            if event.state == "gone":
                self._gone += 1
            else:
                self._kept.append(clean(event.detail))
            return
        self._print_unwrapped(_teardown_line(event, self._symbols))

    def _notice(self, event: Notice) -> None:
        if event.level == "debug":
            if self._debug:
                self._print(Text(f"  {self._symbols.dot} {clean(event.text)}", style="dim"))
            return
        self._print_lines(_notice_lines(event, self._symbols, self._console.width - 5))

    def _end_teardown(self) -> None:
        text, self._gone, self._kept = calm.removal(self._gone, self._kept), 0, []
        if text:
            self._print_unwrapped(Text.assemble("  ", (self._symbols.done, "green"), f" {text}"))

    def _settle_lanes(self) -> None:
        """Moves finished lanes into the scrollback, in their own order."""
        lanes = self._state.lanes
        for name in [name for name in lanes if lanes[name].outcome != "running"]:
            self._print_lane(name, lanes.pop(name))

    def _settle(self) -> None:
        """Ends the live display; what it showed goes into the scrollback."""
        with self._lock:
            self._stop()
            for name, lane in self._state.lanes.items():
                self._print_lane(name, lane)
            for shown in (self._state.lanes, self._state.looks, self._state.removing):
                shown.clear()
            self._state.status, self._state.outputs = "", None
            self._state.bars = ()
            self._end_teardown()

    def _refresh(self) -> None:
        if self._state.lanes_over:
            self._settle_lanes()
        if self._state.empty:
            self._stop()
        elif (
            self._live is None
            and not self._closed
            and not self._paused  # another thread's event must not draw over a question
            and self._console.is_terminal
            and not self._console.is_dumb_terminal
        ):
            self._live = Live(
                console=self._console,
                # rich's own thread would draw while another prints: each erases as many lines as it believes there
                # are, and what is one too many or too few stays on the screen.
                auto_refresh=False,
                transient=True,
                # stdout carries the result and must never be redirected into this console.
                redirect_stdout=False,
                redirect_stderr=False,
                get_renderable=self._moving,
            )
            self._live.start()
            self._ticker.start()

    def _tick(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.refresh()

    def _moving(self) -> RenderableType:
        self._state.now, self._state.wall = self._clock.monotonic(), self._clock.now()
        return self._view

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()
            self._ticker.stop()

    def _print_lane(self, name: str, lane: LaneState) -> None:
        self._print_lines(lane_lines(name, lane, self._symbols, self._console.width))

    def _print_lines(self, lines: Iterable[Text]) -> None:
        for line in lines:
            self._print_unwrapped(line)

    def _print(self, what: RenderableType) -> None:
        self._console.print(Wrapped(what), end="")

    def _print_unwrapped(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _notice_lines(event: Notice, symbols: Symbols, room: int) -> Iterator[Text]:
    """Names, links and commands stay whole: a terminal joins its own line breaks again when they are copied."""
    sign = (symbols.warning, "bold yellow") if event.level == "warning" else (symbols.dot, "dim")
    first, *rest = wrapped(clean(event.text), room)
    yield Text.assemble("  ", sign, " ", first)
    yield from (Text(f"    {line}") for line in rest)
    hint = wrapped(clean(event.hint), room) if event.hint else []
    yield from (Text(f"    {line}", style="dim") for line in hint)


def _teardown_line(event: TeardownStep, symbols: Symbols) -> Text:
    sign, style = {
        "gone": (symbols.done, "green"),
        "kept": (symbols.same, "dim"),
        "failed": (symbols.failed, "red"),
    }[event.state]
    line = Text.assemble(
        "  ", (sign, style), f" {event.state:<6} ", clean(event.kind), (f" {clean(event.name)}", "dim")
    )
    if event.detail:
        line.append(f"  {clean(event.detail)}", "red" if event.state == "failed" else "dim")
    return line
