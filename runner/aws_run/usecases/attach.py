"""`aws-run attach`: what the terminal that submitted a run shows, from any machine and at any time of the run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from aws_run import console_pages
from aws_run.clock import parse_iso
from aws_run.data import pull_output
from aws_run.errors import AwsRunError
from aws_run.events import JobLimits, LogLine, Notice, StatusChanged
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.infra.bucket_names import own_bucket
from aws_run.lifecycle import lookup, run_stage
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.ending import kept_days, next_commands
from aws_run.lifecycle.follow.patience import goes_on, out_of_reach
from aws_run.lifecycle.follow.watch import Watch
from aws_run.lifecycle.receipt_views import receipt_view
from aws_run.lifecycle.run_status import RunStatus, current_status
from aws_run.lifecycle.what_ran import argv_of, commit_of
from aws_run.report.views import OutcomeView
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Outcome, Record, TaskHandle
from aws_run.runs.writer import RecordWriter
from aws_run.usecases.logs import lines_of

# A run that another terminal ends has its cost on record only after its teardown.
_RECEIPT_WITHIN = timedelta(seconds=60)


@frozen
class Attached:
    """`exit_code`: the run's own, or that of the fetching where only that failed."""

    view: OutcomeView
    exit_code: int
    record: Record
    fetched: bool = False  # all its outputs are in the folder that was named


def attach(context: AppContext, run: str | None, project: str | None, *, into: Path, cost_label: str) -> Attached:
    """Blocks until the run has ended: its log and status go out as events, then its outputs come down into `into`.

    Of one that has ended already the log is what was saved of it. Nothing here ends a run: an interrupt and
    OutOfReachError leave it running.
    """
    writer = lookup.open_run(context, run, project)
    run_id = writer.record.run_id
    try:
        status = _until_its_end(context, run_id)
    except AwsRunError as error:
        if out_of_reach(error):
            raise goes_on(error, run_id) from error
        raise
    outcome = status.record.outcome
    failed = _fetch(context, status.record, into)
    record = _with_receipt(context, status.record)
    return _result(record, outcome, status, failed, into=into, cost_label=cost_label)


def _until_its_end(context: AppContext, run_id: str) -> RunStatus:
    store, followed, phase, wait_s = lookup.store(context), "", "", context.poll_s
    while True:
        status = current_status(context, RecordWriter.resume(store, run_id, context.clock))
        record, state = status.record, status.state
        if status.exit_code is not None:
            if not followed:
                _saved_log(context, record)
            return status
        handle = run_stage.handle_of(record, state)
        if handle is not None and state is not None and handle.id != followed:
            followed, phase, wait_s = handle.id, "", context.poll_s
            _follow(context, status, handle)
            continue
        # A task that has ended is followed by its run's end, or by another attempt: whose terminal decides that, not
        # this one.
        now = "ending" if state is not None and state.stopped else status.phase
        if now != phase:
            phase, wait_s = now, context.poll_s
            context.emit(StatusChanged(status=phase))
        context.clock.sleep(wait_s)
        wait_s = min(wait_s * 1.3, context.longest_poll_s)


def _follow(context: AppContext, status: RunStatus, handle: TaskHandle) -> None:
    """One attempt, until its task has stopped and its log is read."""
    record, state = status.record, status.state
    hour = record.hardware.usd_per_hour if record.hardware else None
    began = None if state is None else state.billed_from or state.started_at
    deadline = run_stage.deadline_of(record)
    context.emit(JobLimits(deadline=deadline, usd_per_hour=None if hour is None else Decimal(hour), began=began))
    executor = run_stage.executor_of(context, record)
    watch = Watch(
        executor,
        executor.log_source(record, handle),
        handle,
        clock=context.clock,
        emit=context.emit,
        poll_s=context.poll_s,
        longest_poll_s=context.longest_poll_s,
    )
    try:
        watch.follow()
    except AwsRunError as error:
        if out_of_reach(error):
            raise
        # No machine, or a task that is gone: how that ends the run is on record, or will be.
        context.emit(Notice(text=error.message, level="warning", hint=error.hint))


def _saved_log(context: AppContext, record: Record) -> None:
    saved = lookup.store(context).pieces(RunKeys(run_id=record.run_id).log)
    if saved is None:
        context.emit(Notice(text="the run has saved no log"))
        return
    for text in lines_of(saved):
        context.emit(LogLine(timestamp_ms=0, text=text))


def _fetch(context: AppContext, record: Record, into: Path) -> AwsRunError | None:
    """What kept the outputs from coming down. A run that has saved none is no failure of the fetching."""
    bucket = own_bucket(context.aws)
    context.emit(StatusChanged(status="fetching", detail=str(into)))
    try:
        pull_output(context.storage(bucket), record.run_id, into, emit=context.emit)
    except AwsRunError as error:
        hint = error.hint or quoted("pull", record.run_id) + " tries again"
        context.emit(Notice(text=error.message, level="warning", hint=hint))
        return error
    return None


def _with_receipt(context: AppContext, record: Record) -> Record:
    """The record once its cost is known, which another terminal may note in the seconds after the end."""
    store = lookup.store(context)
    while record.receipt is None and record.stopped_at is not None:
        if context.clock.now() - parse_iso(record.stopped_at) > _RECEIPT_WITHIN:
            break
        context.clock.sleep(context.poll_s)
        record = store.read(record.run_id)[0]
    return record


def _result(
    record: Record,
    outcome: Outcome | None,
    status: RunStatus,
    failed: AwsRunError | None,
    *,
    into: Path,
    cost_label: str,
) -> Attached:
    bucket = record.bucket
    code = status.exit_code or (failed.exit_code if failed else 0)
    began, ended = record.started_at, record.ended_at
    retention = int((record.job or {}).get("runs_retention_days") or 0)
    view = OutcomeView(
        run_id=record.run_id,
        exit_code=code,
        reason=None if outcome is None or code != outcome.exit_code else outcome.reason_word,
        status=f"{status.sentence}; {failed.message}" if failed else status.sentence or status.phase,
        warnings=status.warnings,
        seconds=(parse_iso(ended) - parse_iso(began)).total_seconds() if began and ended else None,
        output_dir=into,
        s3_uri=f"s3://{bucket}/{record.output_prefix}",
        console_url=console_pages.bucket_prefix(bucket, record.output_prefix, record.region),
        kept_days=None if outcome is None else kept_days(outcome, retention),
        ran=argv_of(record),
        commit=commit_of(record),
        receipt=receipt_view(record, label=cost_label),
        next_commands=() if outcome is None else next_commands(outcome, record.run_id),
    )
    return Attached(view=view, exit_code=code, record=record, fetched=outcome is not None and failed is None)
