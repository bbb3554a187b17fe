"""How a run stands, as any machine can see it; one that is over with nobody at it is finished on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aws_run.backends.executor import TaskState
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.outcome_warnings import warnings_of
from aws_run.lifecycle.run_stage import run_stage
from aws_run.lifecycle.so_far import SoFar, so_far
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Record
from aws_run.runs.writer import RecordWriter


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """`phase`: what its service says now, else what was recorded. `exit_code` None: it has not ended."""

    record: Record
    phase: str
    exit_code: int | None
    state: TaskState | None = None  # its task as it was seen just now
    so_far: SoFar | None = None  # of a run that goes on, where that was looked up

    @property
    def sentence(self) -> str:
        return self.record.outcome.sentence if self.record.outcome else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        return warnings_of(self.record.outcome) if self.record.outcome else ()


def status_of(record: Record) -> RunStatus:
    """From the record alone."""
    if record.outcome:
        failed = "failed" if record.outcome.reason is OutcomeReason.EXIT else record.outcome.reason_word
        phase = "succeeded" if record.outcome.exit_code == 0 else failed
        return RunStatus(record=record, phase=phase, exit_code=record.outcome.exit_code)
    return RunStatus(record=record, phase=record.state, exit_code=None)


def current_status(context: AppContext, writer: RecordWriter) -> RunStatus:
    """How the run stands. One that is over with nobody at it is finished first."""
    record = writer.record
    if record.state == "removed":
        return status_of(record)
    store = lookup.store(context)
    stage, state = run_stage(context, store, record)
    if stage == "abandoned":
        from aws_run.lifecycle.end import reconcile  # with all of the teardown, which few readers of a status need

        reconcile.reconcile(context, store, writer, state)
        return status_of(writer.record)
    recorded = status_of(record)
    if state is not None and recorded.exit_code is None:
        return RunStatus(record=record, phase=state.status.lower(), exit_code=None, state=state)
    return recorded


def with_so_far(context: AppContext, status: RunStatus) -> RunStatus:
    """What a run that goes on has cost and uses now."""
    if status.exit_code is not None:
        return status
    return replace(status, so_far=so_far(context, status.record, status.state))
