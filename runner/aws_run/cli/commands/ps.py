"""`aws-run ps`."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import Session, session
from aws_run.cli.terminals import is_terminal
from aws_run.cli.types import PHASE
from aws_run.errors import UsageError
from aws_run.frozen import frozen
from aws_run.hints import quoted

if TYPE_CHECKING:
    from aws_run.events import Event
    from aws_run.lifecycle.context import AppContext
    from aws_run.lifecycle.run_status import RunStatus
    from aws_run.report.tables import Cell
    from aws_run.runs.record import Record
    from aws_run.usecases.ps import Listed

_WATCH_EVERY_S = 3.0
_HOME_AND_CLEAR = "\x1b[H\x1b[2J"  # to the top left, and nothing below it
_MOST = 1000  # runs that --limit may ask for


@click.command()
@project_options
@click.option("-a", "--all", "everything", is_flag=True, help="List the runs of all projects, not only this folder's.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, _MOST), default=50, show_default=True, help="How many runs."
)
@click.option(
    "--status",
    "wanted",
    metavar="WORD",
    type=PHASE,
    multiple=True,
    help="Only runs of this status: running, ended, succeeded, failed, deadline, …  Repeatable.",
)
@click.option("-l", "--long", "long", is_flag=True, help="With note, labels, command, commit, image and Python.")
@click.option("--utc", is_flag=True, help="Times in UTC, and not in this machine's time zone.")
@click.option("-w", "--watch", is_flag=True, help="Look again every few seconds, until Ctrl-C.")
@aws_options
def ps(
    *, everything: bool, limit: int, wanted: tuple[str, ...], long: bool, utc: bool, watch: bool, **flags: Any
) -> int:
    """List this project's runs in this account and region, newest first; on a terminal the newest is the last. Of one
    that goes on: what it has cost so far, how long it has run and may go on, and what it uses now."""
    with session(flags) as here:
        asked = _Asked(
            project=None if everything else here.project,
            limit=limit,
            wanted=wanted,
            long=long,
            utc=utc,
            simulated=here.target.embedded,
            cost_label=here.target.cost_label,
            flag=here.flag,
        )
        if watch and (here.as_json or not is_terminal(sys.stdout)):
            raise UsageError("--watch redraws a table, and stdout is no terminal", hint="leave --watch out")
        if watch:
            _redraw(here.context, asked)
        else:
            _print(here, asked)
    return 0


@frozen
class _Asked:
    """`project` None: all of them. `cost_label`: what the amounts are; `simulated`: nobody is billed for them."""

    project: str | None
    limit: int
    cost_label: str = ""
    simulated: bool = False
    wanted: tuple[str, ...] = ()
    long: bool = False
    utc: bool = False
    flag: str = ""  # what a later command needs to reach the same AWS

    def look(self, context: AppContext) -> Listed:
        from aws_run.usecases.ps import ps as list_runs

        return list_runs(context, self.project, limit=self.limit, wanted=self.wanted)

    def draw(self, listed: Listed, stream: TextIO | None = None) -> None:
        from aws_run.report.listing import listing

        rows = [_row(run, long=self.long, utc=self.utc) for run in listed.runs]
        listing(_columns(long=self.long, utc=self.utc), rows, stream=stream)

    def sentences(self, listed: Listed) -> Iterator[str]:
        """What the table alone does not tell."""
        if not listed.runs:
            yield from self._of_none()
        if listed.cut:
            yield self._of_cut(listed)
        yield from _of_ended(listed.runs, self.flag)
        if self.simulated and any(run.record.cost_usd or run.so_far for run in listed.runs):
            yield f"costs are {self.cost_label}"

    def _of_none(self) -> Iterator[str]:
        """An empty table alone would look as if the account had no runs."""
        if self.wanted:
            whose = "" if self.project is None else f" of the project {self.project}"
            yield f"no run{whose} has the status {' or '.join(self.wanted)}"
        elif self.project is not None:
            listed = quoted("ps", "--all").reaching(self.flag)
            yield f"no runs of the project {self.project}: {listed} lists those of all projects"

    def _of_cut(self, listed: Listed) -> str:
        shown = len(listed.runs)
        if self.wanted:
            return f"the {shown} newest with the status {' or '.join(self.wanted)}; `--limit N` shows more of them"
        return f"the {shown} newest of {listed.recorded:,} runs; `--limit {min(listed.recorded, _MOST)}` shows more"


def _print(here: Session, asked: _Asked) -> None:
    from aws_run.cli.commands.status import as_data

    listed = asked.look(here.context)
    if here.as_json:
        runs = [as_data(run, label=asked.cost_label) for run in listed.runs]
        here.print_json({"runs": runs, "recorded": listed.recorded, "cut": listed.cut})
        return
    asked.draw(listed)
    for sentence in asked.sentences(listed):
        say(sentence)


def _of_ended(runs: tuple[RunStatus, ...], flag: str) -> Iterator[str]:
    """What a detached run used stays, and so does what it holds of an allowance, until somebody settles it."""
    from aws_run.lifecycle.run_status import ENDED

    ended = [run.record.run_id for run in runs if run.phase == ENDED]
    if ended:
        those, settles = (
            (ended[0], quoted("wait", ended[0])) if len(ended) == 1 else (f"{len(ended)} runs", quoted("gc"))
        )
        yield f"ended, not settled yet: {those}; {settles.reaching(flag)} notes the result and removes what was used"


def _columns(*, long: bool, utc: bool) -> tuple[str, ...]:
    created = "created (UTC)" if utc else "created"
    more = ("note", "labels", "command", "hardware", "commit", "image", "python") if long else ("hardware",)
    return ("run", "status", "exit", "cost", "ran", "left", created, "uses now", *more)


def _row(run: RunStatus, *, long: bool, utc: bool) -> tuple[Cell, ...]:
    from aws_run.cli.commands.status import spent_of
    from aws_run.report.format import seconds, usage_in_short
    from aws_run.report.tables import Mark

    so_far = run.so_far
    return (
        run.record.run_id,
        run.phase if run.exit_code is None else Mark(state="failed" if run.exit_code else "ok", text=run.phase),
        run.exit_code,
        spent_of(run),
        _took(run) if so_far is None else seconds(so_far.elapsed_s),
        "" if so_far is None else seconds(so_far.left_s),
        shown_time(run.record.created_at, utc=utc),
        "" if so_far is None or so_far.usage is None else usage_in_short(so_far.usage),
        *_more(run.record, long=long),
    )


def shown_time(moment: str, *, utc: bool) -> str:
    """2026-01-31 12:00, in this machine's time zone or in UTC. `moment`: ISO 8601."""
    from aws_run.clock import parse_iso

    at = parse_iso(moment)
    return f"{at if utc else at.astimezone():%Y-%m-%d %H:%M}"


def _redraw(context: AppContext, asked: _Asked) -> None:
    """Each look replaces the one before it in one write, so that nothing flickers; what is said of it comes after it.
    Ctrl-C is how it ends."""
    from aws_run.lifecycle.follow.patience import Patience

    heard: list[Event] = []
    quiet = replace(context, emit=heard.append)
    patiently = Patience(context.clock, context.emit, _WATCH_EVERY_S, let_in=False, meanwhile="looking again")
    try:
        while True:
            heard.clear()
            listed = patiently(lambda: asked.look(quiet))
            frame = _Frame(sys.stdout)
            asked.draw(listed, frame)
            sys.stdout.write(f"{_HOME_AND_CLEAR}{frame.getvalue()}")
            sys.stdout.flush()
            for event in heard:
                context.emit(event)
            for sentence in asked.sentences(listed):
                say(sentence)
            say(f"looked at {datetime.now():%H:%M:%S}, again every {_WATCH_EVERY_S:.0f} s; Ctrl-C ends this")
            context.clock.sleep(_WATCH_EVERY_S)
    except KeyboardInterrupt:
        say("")


class _Frame(io.StringIO):
    """A table for the terminal that it is going to be written to."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        """The terminal's own, which knows how wide it is."""
        return self._terminal.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding


def _more(record: Record, *, long: bool) -> tuple[str, ...]:
    from aws_run.lifecycle.what_ran import argv_of, commit_of, image_of

    hardware = record.hardware.description if record.hardware else ""
    if not long:
        return (hardware,)
    return (
        record.note,
        ", ".join(record.labels),
        shlex.join(argv_of(record)),
        hardware,
        commit_of(record),
        image_of(record),
        record.python or "",
    )


def _took(run: RunStatus) -> str:
    from aws_run.report.format import seconds

    return "" if run.ran_s is None else seconds(run.ran_s)
