"""`aws-run logs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import result
from aws_run.cli.session import Session, session
from aws_run.cli.types import RUN

if TYPE_CHECKING:
    from aws_run.events import LogLine
    from aws_run.lifecycle.run_status import RunStatus


class _ReaderGone(Exception):
    """`aws-run logs -f | head`: nobody reads any more."""


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Follow the log, with status and cost, through all attempts until the run has ended.",
)
@click.option(
    "--raw", is_flag=True, help="Every state of what the job redraws (progress bars), as long as CloudWatch has them."
)
@project_options
@aws_options
def logs(run: str | None, follow: bool, raw: bool, **flags: Any) -> int:
    """Print the log of RUN (default: the last one) on stdout."""
    from aws_run.cli.commands.wait import ended_line
    from aws_run.cli.say import say
    from aws_run.lifecycle import lookup
    from aws_run.usecases.logs import logs as read

    ended: RunStatus | None = None
    with session(flags) as here:
        run_id = lookup.resolve(here.context, run, here.project)
        try:
            if follow:
                ended = _follow(here, run_id, raw=raw)
            else:
                for line in read(here.context, run_id, here.project, raw=raw):
                    _print(here, line)
        except _ReaderGone:
            return 0
    if ended is not None:
        say(ended_line(ended, here))
    return 0


def _follow(here: Session, run_id: str, *, raw: bool) -> RunStatus | None:
    from aws_run.usecases.logs import follow_logs

    def show(line: LogLine) -> None:
        if here.as_json:
            _print(here, line)
        else:
            here.context.emit(line)  # to stdout; on a terminal above the status line
            _refuse_unread()

    with told_that_it_goes_on(here, run_id):
        return follow_logs(here.context, run_id, here.project, show=show, raw=raw)


def _print(here: Session, line: LogLine) -> None:
    if here.as_json:
        here.print_json({"timestamp_ms": line.timestamp_ms, "text": line.text})
    else:
        result(line.text)
    _refuse_unread()


def _refuse_unread() -> None:
    if getattr(sys.stdout, "unread", False):
        raise _ReaderGone
