"""`aws-run cleanup`: everything of a run goes, what `--keep` had spared included; it is stopped if need be."""

from __future__ import annotations

from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.end_run import end_run
from aws_run.lifecycle.end.teardown import TeardownResult
from aws_run.runs.record import Record


def cleanup(
    context: AppContext, run: str | None, project: str | None, *, reason: str = "aws-run cleanup"
) -> tuple[Record, TeardownResult]:
    """TeardownError is the caller's to raise."""
    return end_run(context, run, project, reason=reason, also_kept=True)
