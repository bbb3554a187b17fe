"""`aws-run wait`: until a run has ended, from any machine."""

from __future__ import annotations

from aws_run.events import StatusChanged
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_status import RunStatus, current_status
from aws_run.runs.writer import RecordWriter


def wait(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """Blocks until the run has ended; its phases go out as events."""
    writer = lookup.open_run(context, run, project)
    run_id, phase, wait_s = writer.record.run_id, "", context.poll_s
    while True:
        status = current_status(context, RecordWriter.resume(lookup.store(context), run_id, context.clock))
        if status.exit_code is not None:
            return status
        if status.phase != phase:
            phase, wait_s = status.phase, context.poll_s
            context.emit(StatusChanged(status=phase))
        context.clock.sleep(wait_s)
        wait_s = min(wait_s * 1.3, context.longest_poll_s)
