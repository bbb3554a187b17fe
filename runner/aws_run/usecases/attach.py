"""`aws-run attach`: what the terminal that submitted a run shows, from any machine and at any time of the run."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

from aws_run import console_pages
from aws_run.clock import parse_iso
from aws_run.data import pull_output
from aws_run.errors import AwsRunError
from aws_run.events import Notice, StatusChanged
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.infra.bucket_names import own_bucket
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.ending import kept_days, next_commands
from aws_run.lifecycle.follow.until_end import RunUntilEnd, after_its_end, follow_task
from aws_run.lifecycle.receipt_views import receipt_view
from aws_run.lifecycle.run_status import RunStatus
from aws_run.lifecycle.what_ran import with_what_ran
from aws_run.report.views import OutcomeView
from aws_run.runs.record import Outcome, Record, TaskHandle
from aws_run.usecases.logs import no_log, saved_log

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
    run_id = lookup.open_run(context, run, project).record.run_id

    def follow(status: RunStatus, handle: TaskHandle) -> None:
        follow_task(context, status.record, handle, emit=context.emit)

    looked = RunUntilEnd(context, run_id, on_task=follow)
    status = looked.wait()
    with after_its_end():
        if not looked.followed:
            _show_saved_log(context, status.record)
        failed = _fetch(context, status.record, into)
        record = _with_receipt(context, status.record)
    return _result(record, status.record.outcome, status, failed, into=into, cost_label=cost_label)


def _show_saved_log(context: AppContext, record: Record) -> None:
    """A log that can't be read keeps nobody from the results."""
    try:
        count = 0
        for line in saved_log(context, record) or ():
            count += 1
            context.emit(line)
        if not count:
            context.emit(no_log(record))
    except AwsRunError as error:
        context.emit(Notice(text=f"the log could not be read: {error.message}", level="warning", hint=error.hint))


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
        with contextlib.suppress(AwsRunError):  # the cost is no reason to lose how the run ended
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
        receipt=receipt_view(record, label=cost_label),
        next_commands=() if outcome is None else next_commands(outcome, record.run_id, not_fetched=failed is not None),
    )
    return Attached(
        view=with_what_ran(view, record), exit_code=code, record=record, fetched=outcome is not None and failed is None
    )
