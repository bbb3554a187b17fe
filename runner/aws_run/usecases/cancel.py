"""`aws-run cancel`: stop a run, save what it has written, and remove what it used."""

from __future__ import annotations

from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.end_run import end_run
from aws_run.lifecycle.end.teardown import TeardownResult
from aws_run.runs.record import Record


def cancel(
    context: AppContext, run: str | None, project: str | None, *, reason: str = "cancelled by aws-run cancel"
) -> tuple[Record, TeardownResult]:
    """`run` None: the one that goes on, else the newest. What `--keep` spares stays. TeardownError is the caller's to
    raise."""
    return end_run(context, run or lookup.resolve_live(context, project), project, reason=reason)
