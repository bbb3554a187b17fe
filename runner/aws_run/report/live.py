"""The live part of the screen: three lanes, then the job's phase, then the teardown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from typing_extensions import assert_never

from aws_run.events import (
    LANES,
    JobLimits,
    JobUsage,
    Lane,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    OutputProgress,
)
from aws_run.report.format import clean, count, money, seconds, size, usage_parts
from aws_run.report.rate import Rate
from aws_run.report.symbols import Symbols
from aws_run.report.wrapping import wrapped

_BAR_WIDTH = 18
_MOST_BARS = 6
_ROOM_FOR_ECHO = 3
_WIDE_ENOUGH_FOR_BARS = 110  # in fewer columns the words need the room


@dataclass(kw_only=True)
class LaneState:
    """`took_s` is None while the lane runs. `outcome` "same": there was nothing to do."""

    text: str
    since: float
    beside: str = ""  # how fast it goes, or the last line of what is at work
    rate: Rate = field(default_factory=Rate)
    share: float | None = None
    took_s: float | None = None
    outcome: Literal["running", "done", "same", "failed"] = "running"


@dataclass(kw_only=True)
class Outputs:
    """What is fetched: beside the status while the job runs, and in a row of its own after it."""

    since: float
    text: str = ""
    share: float | None = None
    rate: Rate = field(default_factory=Rate)


@dataclass(kw_only=True)
class LiveState:
    """What the live display shows. Times are the clock's monotonic seconds."""

    symbols: Symbols
    now: float = 0.0
    looks: dict[str, str] = field(default_factory=dict)  # what is looked through before anything is made
    lanes: dict[Lane, LaneState] = field(default_factory=dict)
    status: str = ""
    status_since: float = 0.0
    outputs: Outputs | None = None  # while they come down
    bars: tuple[str, ...] = ()  # what the job redraws, from the top
    usage: JobUsage | None = None
    limits: JobLimits | None = None
    wall: datetime | None = None  # the wall clock, for the deadline
    removing: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.looks or self.lanes or self.status or self.outputs or self.removing or self.bars)

    def note_outputs(self, event: OutputProgress) -> None:
        if event.files >= event.total_files and event.bytes >= event.total_bytes:
            self.outputs = None
            return
        self.outputs = outputs = self.outputs or Outputs(since=self.now)
        outputs.rate.note(self.now, event.bytes)
        outputs.share = min(event.bytes / event.total_bytes, 1.0) if event.total_bytes else None
        moved = f"{size(event.bytes)} of {size(event.total_bytes)}"
        files = f"{event.files:,} of {count(event.total_files, 'file')}"
        parts = (moved, outputs.rate.text(event.total_bytes), files)  # a narrow terminal cuts the last first
        outputs.text = f" {self.symbols.dot} ".join(filter(None, parts))

    def note_lane(self, event: LaneStarted | LaneProgress | LaneDone | LaneFailed) -> None:
        text = clean(event.text)
        lane = self.lanes.setdefault(event.lane, LaneState(text=text, since=self.now))
        lane.text, lane.beside = text, ""
        match event:
            case LaneStarted():
                lane.since, lane.outcome, lane.took_s = self.now, "running", None
            case LaneProgress():
                lane.share = min(event.done / event.total, 1.0) if event.done and event.total else None
                lane.beside = clean(event.detail)
                if event.in_bytes and event.done is not None:
                    lane.rate.note(self.now, event.done)
                    lane.beside = lane.rate.text(event.total)
            case LaneDone():
                lane.outcome, lane.took_s = ("same" if event.skipped else "done"), event.seconds
            case LaneFailed():
                lane.outcome, lane.took_s = "failed", self.now - lane.since
            case _:
                assert_never(event)

    @property
    def lanes_over(self) -> bool:
        return bool(self.lanes) and all(lane.outcome != "running" for lane in self.lanes.values())


class LiveView:
    """Renders a LiveState at each refresh of the display. All rows share one spinner, so that they turn together."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._spinner = Spinner(state.symbols.spinner, style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state = self._state
        # Never up to the last column: the ^C that a terminal echoes there would start a new line, and the display
        # would then be erased one line too low.
        table = Table.grid(padding=(0, 1, 0, 0), expand=True)
        table.width = max(options.max_width - _ROOM_FOR_ECHO, 20)
        table.add_column(width=3, justify="right")
        table.add_column(width=9)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True, min_width=6)
        wide = options.max_width >= _WIDE_ENOUGH_FOR_BARS
        # A signal handler may report while its own thread is drawing: so each collection is copied in one step.
        lanes = dict(state.lanes)
        for text in list(state.looks.values()):
            table.add_row(self._spinner, "", Text(text), "", "")
        for lane in LANES:
            if lane in lanes:
                self._lane(table, lane, lanes[lane], wide)
        if state.status:
            took = Text(seconds(elapsed_s(state)), style="dim")
            beside = f"outputs {state.outputs.text}" if state.outputs else status_text(state)
            table.add_row(self._spinner, Text(state.status), Text(beside, style="dim"), "", took)
        elif state.outputs:
            took = Text(seconds(state.now - state.outputs.since), style="dim")
            share = _share(state.outputs.share, wide)
            table.add_row(self._spinner, Text("outputs"), Text(state.outputs.text), share, took)
        for bar in tuple(state.bars)[:_MOST_BARS]:
            table.add_row("", Text(""), Text(bar), "", "")
        for (kind, name), since in list(state.removing.items()):
            what = Text.assemble(kind, (f" {name}", "dim"))
            table.add_row(self._spinner, Text("removing"), what, "", Text(seconds(state.now - since), style="dim"))
        yield table

    def _lane(self, table: Table, name: str, lane: LaneState, wide: bool) -> None:
        took = lane.took_s if lane.took_s is not None else self._state.now - lane.since
        dim = "dim" if lane.outcome == "same" else ""
        bar = _share(lane.share if lane.outcome == "running" else None, wide)
        sign: RenderableType = self._spinner if lane.outcome == "running" else lane_sign(lane, self._state.symbols)
        text = Text(lane.text, style=dim)
        if lane.beside and lane.outcome == "running":
            text.append(f" {self._state.symbols.dot} {lane.beside}", "dim")
        table.add_row(sign, Text(name, style=dim), text, bar, Text(seconds(took), style="dim"))


def elapsed_s(state: LiveState) -> float:
    """How long the state has lasted; a job that runs may have begun before this terminal looked."""
    began = state.limits.began if state.limits is not None else None
    if state.status == "running" and began is not None and state.wall is not None:
        return max(0.0, (state.wall - began).total_seconds())
    return state.now - state.status_since


def status_text(state: LiveState) -> str:
    """What the job costs and uses, and how much time it has left: the most important first, since the end is cut."""
    parts = []
    if state.limits is not None and state.status == "running":
        if state.limits.usd_per_hour is not None:
            parts.append(money(state.limits.usd_per_hour * Decimal(elapsed_s(state)) / 3600))
        if state.wall is not None:
            parts.append(f"{seconds(max(0.0, (state.limits.deadline - state.wall).total_seconds()))} left")
    if state.usage is not None:
        parts += usage_parts(state.usage)
    return f" {state.symbols.dot} ".join(parts)


def _share(share: float | None, wide: bool) -> RenderableType:
    """How much of it is done: per cent, with a bar where the terminal has the room."""
    if share is None:
        return ""
    percent = Text(f"{share:4.0%}", style="dim")
    return _bar(share, percent) if wide else percent


def _bar(share: float, percent: Text) -> RenderableType:
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_row(ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH), percent)
    return row


def lane_sign(lane: LaneState, symbols: Symbols) -> Text:
    if lane.outcome == "running":
        return Text(symbols.dot, style="dim")
    if lane.outcome == "failed":
        return Text(symbols.failed, style="red")
    return Text(symbols.done, style="green") if lane.outcome == "done" else Text(symbols.same, style="dim")


def lane_lines(name: str, lane: LaneState, symbols: Symbols, width: int) -> list[Text]:
    """A lane's line in the scrollback; what is longer than the terminal is wide goes on below its text."""
    head = Text("  ")
    head.append_text(lane_sign(lane, symbols))
    dim = "dim" if lane.outcome == "same" else ""
    head.append(f" {name:<9} ", dim)
    indent = head.cell_len
    first, *rest = wrapped(lane.text, width - indent)
    lines = [head.append(first, dim), *(Text(f"{'':{indent}}{line}", dim) for line in rest)]
    took = f"  {seconds(lane.took_s)}" if lane.took_s is not None else "  not finished"
    if lines[-1].cell_len + len(took) > width:
        lines.append(Text(" " * (indent - 2)))
    lines[-1].append(took, "dim")
    return lines
