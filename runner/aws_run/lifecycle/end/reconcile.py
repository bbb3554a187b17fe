"""Finishing a run whose client is gone: note how it ended, save its log, remove what it used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from aws_run.backends.executor import Executor, TaskHandle, TaskState
from aws_run.clock import iso, parse_iso
from aws_run.errors import EXIT_TOOL, AwsRunError
from aws_run.events import Notice
from aws_run.job_log import own_lines
from aws_run.lifecycle import allowance
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.follow import outcome as outcomes
from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_CLIENT_ENDS_WITHIN = timedelta(seconds=30)
_CLIENT_REMOVES_WITHIN = timedelta(minutes=2)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_STOP_MARGIN_S = 30  # beyond the time that the task itself may take
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


def stop(context: AppContext, writer: RecordWriter, reason: str) -> TaskState | None:
    """Tells the job to stop and waits until it has saved what it wrote; the task as it was last seen.

    A failing AWS call never blocks the removal: the machine bills, and its removal ends the job too.
    """
    try:
        return _stop(context, writer, reason)
    except AwsRunError as error:
        text = f"the job could not be told to stop ({error.message}); removing what it runs on"
        context.emit(Notice(text=text, level="warning", hint=error.hint))
        return None


def _stop(context: AppContext, writer: RecordWriter, reason: str) -> TaskState | None:
    record = writer.record
    executor = executor_of(context, record)
    state = executor.find(record)
    if state is None or state.stopped:
        return state
    handle = state.handle
    if record.handle is None:
        teardown.attempt_or_warn(
            context.emit, lambda: writer.change(lambda r: r.with_handle(handle, attempt=record.attempt))
        )
    executor.stop(handle, reason)
    began, within_s = context.clock.monotonic(), executor.stop_within_s + _STOP_MARGIN_S
    while state is not None and not state.stopped and context.clock.monotonic() - began < within_s:
        context.clock.sleep(context.poll_s)
        state = executor.state(handle)
    return state


def reconcile(
    context: AppContext, store: RunStore, writer: RecordWriter, state: TaskState | None
) -> teardown.TeardownResult:
    """Everything that the client that started the run would have done at its end, but for fetching the outputs."""
    record = writer.record
    now = context.clock.now()
    if record.outcome is None:
        log = _read_log(context, record, state)
        outcome = outcomes.explained(_outcome(context, store, record, state), log.tail())
        teardown.note_outcome(writer, outcome, state, iso(now))
        if not log.empty:
            teardown.save_log(store, context.emit, RunKeys(run_id=record.run_id).log, log)
    if record.cost_usd is None:
        _note_cost(context, writer, state, now)
    removed = teardown.teardown(context.aws, context.clock, context.emit, store, writer)
    if not removed.failed:
        allowance.settle_record(context, store, writer.record)
    return removed


def _outcome(context: AppContext, store: RunStore, record: Record, state: TaskState | None) -> Outcome:
    try:
        result = store.get(RunKeys(run_id=record.run_id).result, most_bytes=outcomes.MOST_RESULT_BYTES)
    except AwsRunError as error:
        context.emit(Notice(text=f"the job's result could not be read: {error.message}", level="warning"))
        result = None
    if state is not None and state.stopped:
        spot = record.hardware is None or record.hardware.spot
        return outcomes.classify(state, result, record.attempt, spot=spot, deadline=deadline_of(record))
    if result is not None:
        return outcomes.classify(None, result, record.attempt)
    return Outcome(
        exit_code=EXIT_TOOL,
        reason=OutcomeReason.LOST,
        sentence="the run ended without a result; its client was gone",
    )


def _read_log(context: AppContext, record: Record, state: TaskState | None) -> LogBuffer:
    """As much of it as can be had."""
    log = LogBuffer()
    handle = handle_of(record, state)
    if handle is None:
        return log
    try:
        for line in own_lines(executor_of(context, record).log_source(record, handle).read()):
            log.add(line.text)
    except AwsRunError as error:
        context.emit(Notice(text=f"the log could not be read: {error.message}", level="warning"))
        return LogBuffer()
    return log


def _note_cost(context: AppContext, writer: RecordWriter, state: TaskState | None, now: datetime) -> None:
    """As well as it can be known from here: what is still running is counted up to now."""
    record = writer.record
    backend = context.backends.get(record.backend)
    if record.hardware is None or backend is None:
        return
    try:
        usage = backend.usage(record.run_id, state, now)
    except AwsRunError:
        return
    if usage is None:
        return
    paid = teardown.receipt(backend, record.hardware, usage, record)
    teardown.attempt_or_warn(context.emit, lambda: writer.change(lambda r: teardown.with_receipt(r, paid)))
