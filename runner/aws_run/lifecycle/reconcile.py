"""Finishing a run whose client is gone: note how it ended, save its log, remove what it used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from aws_run.aws.logs import LogTail
from aws_run.backends.base import Usage
from aws_run.backends.ec2 import backend as backends
from aws_run.backends.ec2 import instances
from aws_run.backends.ecs import container
from aws_run.clock import iso, parse_iso
from aws_run.errors import AwsCallError, AwsRunError
from aws_run.events import Notice
from aws_run.infra.resource_types import cluster
from aws_run.lifecycle import outcome as outcomes
from aws_run.lifecycle import teardown
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.log_buffer import LogBuffer
from aws_run.lifecycle.run_task import attempt_of
from aws_run.lifecycle.watch import describe
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Outcome, Record, TaskHandle
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_CLIENT_ENDS_WITHIN = timedelta(seconds=30)
_CLIENT_REMOVES_WITHIN = timedelta(minutes=2)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_STOP_WAIT_S = container.STOP_TIMEOUT_S + 30
# A client that died before RunTask leaves no task; after this long without a sign of life nobody is going to start one.
_START_WITHIN = timedelta(seconds=backends.LEASE_S)


# ECS may not know a task yet that it accepted seconds ago, and forgets a stopped one after an hour.
_UNKNOWN_AT_FIRST = timedelta(minutes=10)


def deadline_of(record: Record) -> datetime:
    """When the job ends at the latest. Until it is accepted that is only a guess: its clock has not started."""
    return parse_iso(record.deadline)


def alive_until(record: Record) -> datetime:
    """How long the record's last sign of life holds for a client that builds, sends or starts an attempt."""
    return parse_iso(record.renewed_at or record.created_at) + _START_WITHIN


def is_over(context: AppContext, record: Record) -> tuple[bool, Mapping[str, Any] | None]:
    """Whether the run's task has ended (or never can any more), and the task where ECS still shows it."""
    task = find_task(context, record)
    if record.finished:
        return True, task
    now = context.clock.now()
    if task is not None:
        ended = task.get("stoppedAt")
        # A client that is alive reads the end of the log, or starts another attempt; it gets the time for that.
        its_clients = not record.detached and ended is not None and now < ended + _CLIENT_ENDS_WITHIN
        return task["lastStatus"] == "STOPPED" and not its_clients, task
    if record.task_arn:
        # Accepted once and unknown now: forgotten, unless it was accepted this minute and its cluster is there.
        early = now <= parse_iso(record.renewed_at or record.created_at) + _UNKNOWN_AT_FIRST
        return not early or cluster.absent(context.aws, record.cluster), None
    return now > alive_until(record), None


Stage = Literal["running", "ending", "abandoned"]


def run_stage(context: AppContext, store: RunStore, record: Record) -> tuple[Stage, Mapping[str, Any] | None]:
    """Whether the run goes on, is being ended by a client, or is over with nobody at it; and the task where ECS still
    shows it.

    Between the reading of the record and the question to ECS the run's client may have noted its end and removed the
    cluster: what looks over from a record that doesn't say so is judged again by a second reading.
    """
    over, task = is_over(context, record)
    if over and not record.finished:
        record, _ = store.read(record.run_id)
        over, task = is_over(context, record)
    if not over:
        return "running", task
    stopped = parse_iso(record.stopped_at) if record.finished and record.stopped_at else None
    # A time that is still to come is nobody's who is at it now.
    since = None if stopped is None else context.clock.now() - stopped
    if since is not None and -_CLOCKS_DIFFER_BY < since < _CLIENT_REMOVES_WITHIN:
        return "ending", task
    return "abandoned", task


def find_task(context: AppContext, record: Record) -> Mapping[str, Any] | None:
    """By the ARN on record, else by looking on the run's cluster: the answer to RunTask may have been lost. Earlier
    attempts' tasks are not meant."""
    if record.task_arn:
        return describe(context.aws, record.cluster, record.task_arn)
    for status in ("RUNNING", "STOPPED"):
        try:
            arns = context.aws.call("ecs", "list_tasks", cluster=record.cluster, desiredStatus=status)["taskArns"]
        except AwsCallError as error:
            # Only an absent cluster means that there is no task; a refusal says nothing.
            if error.code == "ClusterNotFoundException" or "inactive" in error.message.lower():
                return None
            raise
        for arn in arns:
            task = describe(context.aws, record.cluster, arn)
            if task is not None and attempt_of(task) == record.attempt:
                return task
    return None


def stop(context: AppContext, writer: RecordWriter, reason: str) -> Mapping[str, Any] | None:
    """Tells the job to stop and waits until it has saved what it wrote; the task as it was last seen. What can't be
    asked keeps nothing from being removed: the machine bills, and its removal ends the job too."""
    try:
        return _stop(context, writer, reason)
    except AwsRunError as error:
        text = f"the job could not be told to stop ({error.message}); removing what it runs on"
        context.emit(Notice(text=text, level="warning", hint=error.hint))
        return None


def _stop(context: AppContext, writer: RecordWriter, reason: str) -> Mapping[str, Any] | None:
    record = writer.record
    task = find_task(context, record)
    if task is None or task["lastStatus"] == "STOPPED":
        return task
    arn = str(task["taskArn"])
    if record.task_arn is None:
        handle = TaskHandle(id=arn, place=record.cluster)
        teardown.attempt_or_warn(
            context.emit, lambda: writer.change(lambda r: r.with_handle(handle, attempt=record.attempt))
        )
    teardown.stop_task(context.aws, writer.record, reason)
    began = context.clock.monotonic()
    while task is not None and task["lastStatus"] != "STOPPED" and context.clock.monotonic() - began < _STOP_WAIT_S:
        context.clock.sleep(context.poll_s)
        task = describe(context.aws, record.cluster, arn)
    return task


def reconcile(
    context: AppContext, store: RunStore, writer: RecordWriter, task: Mapping[str, Any] | None
) -> teardown.TeardownResult:
    """Everything that the client that started the run would have done at its end, but for fetching the outputs."""
    record = writer.record
    now = context.clock.now()
    if record.outcome is None:
        outcome = _outcome(context, store, record, task)
        teardown.note_outcome(writer, outcome, task, iso(now))
        _save_log(context, store, record, task)
    if record.cost_usd is None:
        _note_cost(context, writer, task, now)
    return teardown.teardown(context.aws, context.clock, context.emit, store, writer)


def _outcome(context: AppContext, store: RunStore, record: Record, task: Mapping[str, Any] | None) -> Outcome:
    try:
        result = store.get(RunKeys(run_id=record.run_id).result, most_bytes=outcomes.MOST_RESULT_BYTES)
    except AwsRunError as error:
        context.emit(Notice(text=f"the job's result could not be read: {error.message}", level="warning"))
        result = None
    if task is not None and task["lastStatus"] == "STOPPED":
        spot = record.hardware is None or record.hardware.spot
        return outcomes.classify(task, result, record.attempt, spot=spot, deadline=deadline_of(record))
    if result is not None:
        return outcomes.classify({}, result, record.attempt)
    return Outcome(exit_code=125, reason="lost", sentence="the run ended without a result; its client was gone")


def _save_log(context: AppContext, store: RunStore, record: Record, task: Mapping[str, Any] | None) -> None:
    arn = record.task_arn or (str(task["taskArn"]) if task else None)
    if arn is None:
        return
    try:
        tail = LogTail(context.aws, record.log_group, container.log_stream(record.run_id, arn))
        log = LogBuffer()
        for line in tail.read():
            log.add(line.text)
    except AwsRunError as error:
        context.emit(Notice(text=f"the log could not be read: {error.message}", level="warning"))
        return
    if not log.empty:
        teardown.save_log(store, context.emit, RunKeys(run_id=record.run_id).log, log)


def _note_cost(context: AppContext, writer: RecordWriter, task: Mapping[str, Any] | None, now: datetime) -> None:
    """As well as it can be known from here: what is still running is counted up to now."""
    record = writer.record
    backend = context.backends.get(record.backend)
    if record.hardware is None or backend is None:
        return
    try:
        usage: Usage | None = instances.usage(context.aws, record.run_id, now) if record.backend == "ec2" else None
    except AwsRunError:
        return
    if usage is None and task is not None:
        began = task.get("pullStartedAt") or task.get("startedAt")
        ended = task.get("stoppedAt") or now
        usage = Usage(seconds=(ended - began).total_seconds() if began else 0.0)
    if usage is None:
        return
    paid = teardown.receipt(backend.charges(record.hardware, usage), usage)
    if paid.total_usd is not None:
        usd = f"{paid.total_usd:.6f}"
        teardown.attempt_or_warn(context.emit, lambda: writer.change(lambda r: replace(r, cost_usd=usd)))
