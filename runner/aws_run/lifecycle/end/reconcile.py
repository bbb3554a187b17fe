"""Finishing a run whose client is gone: note how it ended, save its log, remove what it used."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from aws_run.backends.executor import TaskState
from aws_run.clock import iso, parse_iso
from aws_run.errors import EXIT_TOOL, AwsRunError
from aws_run.events import Notice
from aws_run.job_log import own_lines
from aws_run.lifecycle import allowance, history
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import task_times, teardown
from aws_run.lifecycle.end.right_sizing import smaller_for
from aws_run.lifecycle.follow import outcome as outcomes
from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.lifecycle.run_stage import deadline_of, executor_of, handle_of
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_STOP_MARGIN_S = 30  # beyond the time that the task itself may take


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
        result = _read_result(context, store, record)
        used = outcomes.used_of(result, record.attempt)
        if used is not None:
            teardown.attempt_or_warn(context.emit, lambda: writer.change(lambda r: replace(r, used=used)))
        outcome = outcomes.explained(_outcome(record, state, result), log.tail())
        teardown.note_outcome(writer, outcome, _times(record, state, result, now), iso(now))
        if not log.empty:
            teardown.save_log(store, context.emit, RunKeys(run_id=record.run_id).log, log)
    if record.cost_usd is None:
        _note_cost(context, writer, state, now)
    removed = teardown.teardown(context.aws, context.clock, context.emit, store, writer)
    if not removed.failed:
        allowance.settle_record(context, store, writer.record)
    return removed


def _times(record: Record, state: TaskState | None, result: bytes | None, now: datetime) -> task_times.TaskTimes:
    """When its task ran, which is not when somebody asked for it first."""
    seen = task_times.seen(state)
    if seen.ended_at is not None:
        return seen
    return task_times.written(result, attempt=record.attempt, since=parse_iso(record.created_at), until=now)


def _read_result(context: AppContext, store: RunStore, record: Record) -> bytes | None:
    try:
        return store.get(RunKeys(run_id=record.run_id).result, most_bytes=outcomes.MOST_RESULT_BYTES)
    except AwsRunError as error:
        context.emit(Notice(text=f"the job's result could not be read: {error.message}", level="warning"))
        return None


def _outcome(record: Record, state: TaskState | None, result: bytes | None) -> Outcome:
    if state is not None and state.stopped:
        spot = record.hardware is None or record.hardware.spot
        ends = deadline_of(record)
        return outcomes.classify(state, result, record.attempt, spot=spot, deadline=ends, capped=record.capped)
    if result is not None:
        return outcomes.classify(None, result, record.attempt, capped=record.capped)
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
    smaller = smaller_for(teardown.with_receipt(record, paid), backend, context.emit)

    def note(current: Record) -> Record:
        return replace(teardown.with_receipt(current, paid), smaller=smaller or current.smaller)

    teardown.attempt_or_warn(context.emit, lambda: writer.change(note))
    history.note_run(context, writer.record)
