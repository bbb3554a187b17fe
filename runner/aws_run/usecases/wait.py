"""`aws-run wait`: until a run has ended, from any machine."""

from __future__ import annotations

from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.follow.until_end import RunUntilEnd
from aws_run.lifecycle.run_status import RunStatus


def wait(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """Blocks until the run has ended; its phases go out as events. OutOfReachError when AWS does not answer for a
    quarter of an hour: the run goes on."""
    return RunUntilEnd(context, lookup.open_run(context, run, project).record.run_id).wait()
