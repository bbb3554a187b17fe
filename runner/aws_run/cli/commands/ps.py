"""`aws-run ps`."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.terminals import is_terminal
from aws_run.errors import UsageError
from aws_run.hints import quoted

if TYPE_CHECKING:
    from aws_run.clock import Clock
    from aws_run.lifecycle.run_status import RunStatus
    from aws_run.report.tables import Cell
    from aws_run.runs.record import Record

_WATCH_EVERY_S = 3.0
_HOME_AND_CLEAR = "\x1b[H\x1b[2J"  # to the top left, and nothing below it


@click.command()
@project_options
@click.option("-a", "--all", "everything", is_flag=True, help="List the runs of all projects, not only this folder's.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many runs."
)
@click.option("--status", "wanted", metavar="WORD", multiple=True, help="Only runs of this status.  Repeatable.")
@click.option("-l", "--long", "long", is_flag=True, help="With command, note, labels and commit.")
@click.option("--utc", is_flag=True, help="Times in UTC, and not in this machine's time zone.")
@click.option("-w", "--watch", is_flag=True, help="Look again every few seconds, until Ctrl-C.")
@aws_options
def ps(
    *, everything: bool, limit: int, wanted: tuple[str, ...], long: bool, utc: bool, watch: bool, **flags: Any
) -> int:
    """List this project's runs in this account and region, newest first; on a terminal the newest is the last."""
    from aws_run.cli.commands.status import as_data
    from aws_run.lifecycle.run_status import ENDED
    from aws_run.report.listing import listing
    from aws_run.usecases.ps import ps as list_runs

    with session(flags) as here:

        def tell_of_none() -> None:
            """An empty table alone would look as if the account had no runs."""
            if not (everything or wanted):
                listed = quoted("ps", "--all") + " lists those of all projects"
                say(f"no runs of the project {here.project}: {listed.reaching(here.flag)}")

        def tell_of_ended(runs: list[RunStatus]) -> None:
            """What a detached run used stays, and so does what it holds of an allowance, until somebody settles it."""
            ended = [run.record.run_id for run in runs if run.phase == ENDED]
            if ended:
                those, settles = (
                    (ended[0], quoted("wait", ended[0])) if len(ended) == 1 else (f"{len(ended)} runs", quoted("gc"))
                )
                settled = f"{settles.reaching(here.flag)} notes the result and removes what was used"
                say(f"ended, not settled yet: {those}; {settled}")

        def look() -> list[RunStatus]:
            runs = list_runs(here.context, None if everything else here.project, limit=limit)
            return [run for run in runs if not wanted or run.phase in wanted]

        def show(stream: TextIO | None = None) -> None:
            runs = look()
            rows = [_row(run, long=long, utc=utc) for run in runs]
            listing(_columns(long=long, utc=utc), rows, stream=stream)
            if not rows:
                tell_of_none()
            tell_of_ended(runs)

        if watch and (here.as_json or not is_terminal(sys.stdout)):
            raise UsageError("--watch redraws a table, and stdout is no terminal", hint="leave --watch out")
        if here.as_json:
            here.print_json({"runs": [as_data(run) for run in look()]})
        elif watch:
            _redraw(show, here.context.clock)
        else:
            show()
    return 0


def _columns(*, long: bool, utc: bool) -> tuple[str, ...]:
    created = "created (UTC)" if utc else "created"
    more = ("note", "labels", "command", "hardware", "commit") if long else ("hardware",)
    return ("run", "status", "exit", "cost", "ran", "left", created, *more)


def _row(run: RunStatus, *, long: bool, utc: bool) -> tuple[Cell, ...]:
    from aws_run.cli.commands.status import spent_of
    from aws_run.report.format import seconds
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
        *_more(run.record, long=long),
    )


def shown_time(moment: str, *, utc: bool) -> str:
    """2026-01-31 12:00, in this machine's time zone or in UTC. `moment`: ISO 8601."""
    from aws_run.clock import parse_iso

    at = parse_iso(moment)
    return f"{at if utc else at.astimezone():%Y-%m-%d %H:%M}"


def _redraw(show: Callable[[TextIO], None], clock: Clock) -> None:
    """Each look replaces the one before it in one write, so that nothing flickers. Ctrl-C is how it ends."""
    try:
        while True:
            frame = _Frame()
            show(frame)
            sys.stdout.write(f"{_HOME_AND_CLEAR}{frame.getvalue()}")
            sys.stdout.flush()
            say(f"looked at {datetime.now():%H:%M:%S}, again every {_WATCH_EVERY_S:.0f} s; Ctrl-C ends this")
            clock.sleep(_WATCH_EVERY_S)
    except KeyboardInterrupt:
        say("")


class _Frame(io.StringIO):
    """A table for the terminal that it is going to be written to."""

    def isatty(self) -> bool:
        return True


def _more(record: Record, *, long: bool) -> tuple[str, ...]:
    from aws_run.lifecycle.what_ran import argv_of, commit_of

    hardware = record.hardware.description if record.hardware else ""
    if not long:
        return (hardware,)
    return record.note, ", ".join(record.labels), shlex.join(argv_of(record)), hardware, commit_of(record)


def _took(run: RunStatus) -> str:
    from aws_run.report.format import seconds

    return "" if run.ran_s is None else seconds(run.ran_s)
