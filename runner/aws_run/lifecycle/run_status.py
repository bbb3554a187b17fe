"""How a run stands, as any machine can see it; one that is over with nobody at it is finished on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from aws_run.backends.executor import TaskState
from aws_run.errors import AwsRunError
from aws_run.frozen import frozen
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.outcome_warnings import warnings_of
from aws_run.lifecycle.run_stage import is_over, run_stage
from aws_run.lifecycle.so_far import SoFar, so_far
from aws_run.lifecycle.what_ran import seconds_of
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Record, RecordState
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

ENDING = "ending"  # its task has ended, and its client is at it
ENDED = "ended"  # its task has, and nobody has noted it yet
_SUCCEEDED, _FAILED = "succeeded", "failed"  # by the job's own exit code
# Every phase of a listed run, those that are asked for most first; a newer version may have noted a reason besides.
PHASES: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *("starting", "running", ENDING, ENDED, _SUCCEEDED, _FAILED),
            *(str(reason) for reason in OutcomeReason if reason is not OutcomeReason.EXIT),
            *get_args(RecordState),
        )
    )
)


@frozen
class RunStatus:
    """`phase`: what its service says now, else what was recorded. `exit_code` None: it has not ended, or nobody knows
    it."""

    record: Record
    phase: str
    exit_code: int | None
    state: TaskState | None = None  # its task as it was seen just now
    so_far: SoFar | None = None  # of a run that goes on, where that was looked up
    abandoned: bool = False  # it is over with nobody at it, and is to be finished

    @property
    def sentence(self) -> str:
        return self.record.outcome.sentence if self.record.outcome else ""

    @property
    def ran_s(self) -> float | None:
        """How long its last attempt ran, where it has ended; None where that is not known."""
        state = self.state
        if state is not None and state.started_at is not None and state.stopped_at is not None:
            began, ended = (moment.replace(microsecond=0) for moment in (state.started_at, state.stopped_at))
            return max(0.0, (ended - began).total_seconds())  # whole seconds, as the record will have it
        return seconds_of(self.record)

    @property
    def warnings(self) -> tuple[str, ...]:
        return warnings_of(self.record.outcome) if self.record.outcome else ()


def status_of(record: Record) -> RunStatus:
    """From the record alone."""
    if record.outcome:
        failed = _FAILED if record.outcome.reason is OutcomeReason.EXIT else record.outcome.reason_word
        phase = _SUCCEEDED if record.outcome.exit_code == 0 else failed
        return RunStatus(record=record, phase=phase, exit_code=record.outcome.exit_code)
    return RunStatus(record=record, phase=record.state, exit_code=None)


def current_status(context: AppContext, writer: RecordWriter) -> RunStatus:
    """How the run stands. One that is over with nobody at it is finished first."""
    status = seen_status(context, lookup.store(context), writer.record)
    return settled(context, writer, status.state) if status.abandoned else status


def seen_status(context: AppContext, store: RunStore, record: Record) -> RunStatus:
    """How the run stands, without a change to anything."""
    recorded = status_of(record)
    if record.state == "removed":
        return recorded
    stage, state = run_stage(context, store, record)
    if stage == "abandoned":
        return replace(recorded, state=state, abandoned=True)
    if state is not None and recorded.exit_code is None:
        return RunStatus(record=record, phase=state.status.lower(), exit_code=None, state=state)
    return recorded


def settled(context: AppContext, writer: RecordWriter, state: TaskState | None) -> RunStatus:
    """A run that is over with nobody at it, finished: its outcome noted, its log saved, what it used removed."""
    from aws_run.lifecycle.end import reconcile  # with all of the teardown, which few readers of a status need

    reconcile.reconcile(context, lookup.store(context), writer, state)
    return status_of(writer.record)


def looked_at(context: AppContext, record: Record) -> RunStatus:
    """How the run stands now, without a change to anything: one that has ended and that nobody has finished shows as
    ended. One request for a run that goes on, and one more for what it uses; none for another."""
    recorded = status_of(record)
    if record.finished or record.handle is None:
        return recorded
    try:
        over, state = is_over(context, record)
    except AwsRunError:
        return recorded  # what is on record is told all the same
    if over:
        return RunStatus(record=record, phase=ENDED, exit_code=_exit_code(state), state=state)
    if state is None:
        return recorded
    if state.stopped:
        return RunStatus(record=record, phase=ENDING, exit_code=None, state=state)
    return replace(recorded, so_far=so_far(context, record, state))


def _exit_code(state: TaskState | None) -> int | None:
    return state.end.exit_code if state is not None and state.end is not None else None


def with_so_far(context: AppContext, status: RunStatus) -> RunStatus:
    """What a run that goes on has cost and uses now."""
    if status.exit_code is not None:
        return status
    return replace(status, so_far=so_far(context, status.record, status.state))
