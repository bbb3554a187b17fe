"""`aws-run wait`: until a run has ended, from any machine."""

from __future__ import annotations

from aws_run.clock import GrowingWait
from aws_run.events import StatusChanged
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_status import RunStatus, current_status
from aws_run.runs.writer import RecordWriter


def wait(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """Blocks until the run has ended; its phases go out as events."""
    writer = lookup.open_run(context, run, project)
    run_id, phase = writer.record.run_id, ""
    waits = GrowingWait(context.clock, first_s=context.poll_s, longest_s=context.longest_poll_s, factor=1.3)
    while True:
        status = current_status(context, RecordWriter.resume(lookup.store(context), run_id, context.clock))
        if status.exit_code is not None:
            return status
        if status.phase != phase:
            phase = status.phase
            waits.restart()
            context.emit(StatusChanged(status=phase))
        waits.sleep()
