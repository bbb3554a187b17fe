"""Where a run stands: which task it has, and whether it goes on, is being ended, or is over with nobody at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from aws_run.backends.executor import Executor, TaskHandle, TaskState
from aws_run.clock import parse_iso
from aws_run.errors import AwsRunError
from aws_run.lifecycle.context import AppContext
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_CLIENT_ENDS_WITHIN = timedelta(seconds=30)
_CLIENT_REMOVES_WITHIN = timedelta(minutes=2)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
# A client that died before the start of the task leaves none; after this long without a sign of life nobody is going to
# start one.
_START_WITHIN = timedelta(minutes=20)
# A service may not know a task yet that it accepted seconds ago, and forgets a stopped one later (ECS: after an hour).
_UNKNOWN_AT_FIRST = timedelta(minutes=10)


def deadline_of(record: Record) -> datetime:
    """When the job ends at the latest. Until it is accepted that is only a guess: its clock has not started."""
    return parse_iso(record.deadline)


def alive_until(record: Record) -> datetime:
    """How long the record's last sign of life holds for a client that builds, sends or starts an attempt."""
    return parse_iso(record.renewed_at or record.created_at) + _START_WITHIN


def is_over(context: AppContext, record: Record) -> tuple[bool, TaskState | None]:
    """Whether the run's task has ended (or never can any more), and the task where its service still knows it."""
    state = find_task(context, record)
    if record.finished:
        return True, state
    now = context.clock.now()
    if state is not None:
        # A client that is alive reads the end of the log, or starts another attempt; it gets the time for that.
        ended = state.stopped_at
        its_clients = not record.detached and ended is not None and now < ended + _CLIENT_ENDS_WITHIN
        return state.stopped and not its_clients, state
    if record.handle is not None:
        # Accepted once and unknown now: forgotten, unless it was accepted this minute and its place is there.
        early = now <= parse_iso(record.renewed_at or record.created_at) + _UNKNOWN_AT_FIRST
        return not early or executor_of(context, record).is_gone(record.handle), None
    return now > alive_until(record), None


Stage = Literal["running", "ending", "abandoned"]


def run_stage(context: AppContext, store: RunStore, record: Record) -> tuple[Stage, TaskState | None]:
    """Whether the run goes on, is being ended by a client, or is over with nobody at it; and the task where its service
    still knows it.

    Between the reading of the record and the question for the task the run's client may have noted its end and removed
    the cluster: what looks over from a record that doesn't say so is judged again by a second reading.
    """
    over, state = is_over(context, record)
    if over and not record.finished:
        record, _ = store.read(record.run_id)
        over, state = is_over(context, record)
    if not over:
        return "running", state
    stopped = parse_iso(record.stopped_at) if record.finished and record.stopped_at else None
    # A time that is still to come is nobody's who is at it now.
    since = None if stopped is None else context.clock.now() - stopped
    if since is not None and -_CLOCKS_DIFFER_BY < since < _CLIENT_REMOVES_WITHIN:
        return "ending", state
    return "abandoned", state


def executor_of(context: AppContext, record: Record) -> Executor:
    """AwsRunError for a backend that this version does not have."""
    backend = context.backends.get(record.backend)
    if backend is None:
        raise AwsRunError(
            f"The run {record.run_id} is on the backend {record.backend!r}, which this aws-run does not know",
            hint="`pip install -U aws-run`, then try again",
        )
    return backend.executor


def find_task(context: AppContext, record: Record) -> TaskState | None:
    """The task of the record's current attempt; None where its service knows none."""
    return executor_of(context, record).find(record)


def handle_of(record: Record, state: TaskState | None) -> TaskHandle | None:
    """By the record, else by the task that was seen."""
    return record.handle or (state.handle if state is not None else None)
