"""Where the job's own lines go: to stdout, as if it ran here; on a terminal with everything else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aws_run.cli.say import result
from aws_run.cli.terminals import is_terminal
from aws_run.events import Emit, Event, LogLine

if TYPE_CHECKING:
    from aws_run.report import Reporter


def emit_for(reporter: Reporter, *, as_json: bool, quiet: bool) -> Emit:
    """What a run's events are handed to. With --json stdout holds the result alone, and the lines are events. Where
    stdout and stderr are one terminal, the reporter prints them above what moves there."""
    if as_json or (not quiet and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        return reporter.emit

    def emit(event: Event) -> None:
        if isinstance(event, LogLine):
            result(event.text)
        else:
            reporter.emit(event)

    return emit
