"""The end of a run that this client follows: outcome, log, teardown beside the download, receipt, result."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aws_run import console_pages
from aws_run.backends.base import Backend, Usage
from aws_run.backends.executor import TaskState
from aws_run.clock import iso
from aws_run.data import NO_OUTPUTS, OutputListing
from aws_run.errors import AwsRunError, TeardownError, TransferError, sentence_of
from aws_run.events import Notice, unfailing
from aws_run.frozen import frozen
from aws_run.hints import command, quoted
from aws_run.lifecycle import allowance, history, views
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import task_times, teardown
from aws_run.lifecycle.end.right_sizing import smaller_for
from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.lifecycle.follow.outcome import explained
from aws_run.lifecycle.follow.output_fetcher import OutputFetcher
from aws_run.lifecycle.outcome_warnings import warnings_of
from aws_run.lifecycle.receipt_views import receipt_view
from aws_run.lifecycle.what_ran import with_what_ran
from aws_run.report.views import OutcomeView, ReceiptView
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.spec import RunSpec
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter


@frozen
class SubmitResult:
    """A run that ended (or, detached, that was accepted). `record`: as it was last written. `outputs`: what was
    fetched. `teardown_error`: something could not be shown to be gone."""

    view: OutcomeView
    exit_code: int
    record: Record
    outputs: OutputListing = NO_OUTPUTS
    fetched: bool = False  # all of them are in the folder that was named
    teardown_error: TeardownError | None = None


class RunEnding:
    def __init__(
        self,
        context: AppContext,
        *,
        backend: Backend,
        spec: RunSpec,
        output: Path | None,
        store: RunStore,
        writer: RecordWriter,
        outputs: OutputFetcher,
        log: LogBuffer,
        cost_label: str,
    ) -> None:
        self._context = context
        self._backend = backend
        self._spec = spec
        self._output = output
        self._store = store
        self._writer = writer
        self._outputs = outputs
        self._log = log
        self._cost_label = cost_label
        self.all_gone = False  # whether all that the run used was removed; another thread may ask

    def end(self, outcome: Outcome, state: TaskState | None) -> SubmitResult:
        """Cost first: the teardown runs while the outputs come down, and is waited for whatever else is raised."""
        spec, context = self._spec, self._context
        stopped = context.clock.now()
        outcome = explained(outcome, self._log.tail())
        noted = teardown.note_outcome(self._writer, outcome, task_times.seen(state), iso(stopped))
        lost = outcome.reason is OutcomeReason.BUCKET_GONE
        if noted and not lost:  # else another client has ended it, and saved the log
            teardown.save_log(self._store, context.emit, spec.keys.log, self._log)
        before = self._usage(state, stopped)
        done: Future[teardown.TeardownResult] = Future()

        def tear_down() -> None:
            try:
                removed = teardown.teardown(context.aws, context.clock, context.emit, self._store, self._writer)
                # Not after the download: whoever leaves in the middle of it has a run with a receipt all the same.
                teardown.attempt_or_warn(
                    unfailing(context.emit), lambda: self._note_end(state, before, gone=not removed.failed)
                )
                done.set_result(removed)
            except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
                done.set_exception(error)

        # No daemon: the thread that it is started from is none either, and the process ends after both.
        thread = threading.Thread(target=tear_down, name="teardown", daemon=False)
        thread.start()
        try:
            fetch_error = self._fetch(lost)
        finally:
            thread.join()
        try:
            removed = done.result()
        except Exception as error:
            raise AwsRunError(
                f"{outcome.sentence}; the teardown itself failed ({sentence_of(error)})",
                hint=command("cleanup", spec.run_id),
            ) from error
        return self._result(outcome, removed, fetch_error, state)

    def _fetch(self, lost: bool) -> AwsRunError | None:
        """What kept the outputs from coming down, whatever it was."""
        try:
            self._outputs.stop()
            return None if lost else self._outputs.finish()
        except Exception as error:  # noqa: BLE001 - the outputs are in S3, and the teardown goes on beside this
            hint = quoted("pull", self._spec.run_id) + " tries again"
            failed = TransferError(f"The outputs could not be fetched ({sentence_of(error)})", hint=hint)
            unfailing(self._context.emit)(Notice(text=failed.message, level="warning", hint=hint))
            return failed

    def _note_end(self, state: TaskState | None, before: Usage, *, gone: bool) -> None:
        self._note_receipt(state, before)
        if gone:
            allowance.settle_record(self._context, self._store, self._writer.record)
        self.all_gone = gone

    def _note_receipt(self, state: TaskState | None, before: Usage) -> None:
        """What the run cost, into its record. `before`: what was used when the removal began; AWS may show less now."""
        usage = self._usage(state, self._context.clock.now())
        usage = usage if usage.seconds >= before.seconds else before
        paid = teardown.receipt(self._backend, self._spec.offer.hardware, usage, self._writer.record)
        self._note_cost(paid)
        self._note_tried()
        history.note_run(self._context, self._writer.record)

    def _note_cost(self, paid: teardown.Receipt) -> None:
        try:
            priced = teardown.with_receipt(self._writer.record, paid)
            smaller = smaller_for(priced, self._backend, unfailing(self._context.emit))

            def note(record: Record) -> Record:
                return replace(teardown.with_receipt(record, paid), smaller=smaller or record.smaller)

            self._writer.change(note, now=True)
        except Exception as error:  # noqa: BLE001 - a cost that is not on record makes no failure of the run
            unfailing(self._context.emit)(
                Notice(text=f"the cost could not be recorded: {sentence_of(error)}", level="warning")
            )

    def _note_tried(self) -> None:
        """What AWS passed over without a word shows in the machine that it launched."""
        tried, known = self._backend.tried(self._spec), self._writer.record.tried
        for sentence in tried:
            if sentence not in known:
                unfailing(self._context.emit)(Notice(text=sentence))
        if tried != known:
            teardown.attempt_or_warn(
                unfailing(self._context.emit),
                lambda: self._writer.change(lambda record: replace(record, tried=tried), now=True),
            )

    def _usage(self, state: TaskState | None, now: datetime) -> Usage:
        try:
            public_ip = self._spec.offer.network.public_ip
            usage = self._backend.usage(self._spec.run_id, state, now, public_ip=public_ip)
            return usage or Usage(seconds=0.0, public_ip=public_ip)
        except Exception as error:  # noqa: BLE001 - the receipt is no reason to leave the teardown out
            unfailing(self._context.emit)(
                Notice(text=f"what was used could not be read: {sentence_of(error)}", level="warning")
            )
            return Usage(seconds=0.0)

    def _result(
        self,
        outcome: Outcome,
        removed: teardown.TeardownResult,
        fetch_error: AwsRunError | None,
        state: TaskState | None,
    ) -> SubmitResult:
        spec = self._spec
        teardown_error = None
        lost = outcome.reason is OutcomeReason.BUCKET_GONE
        left = views.left_view(removed, spec.region)
        try:
            removed.raise_if_failed(spec.region)
        except TeardownError as error:
            teardown_error = error
        receipt: ReceiptView | None = receipt_view(self._writer.record, label=self._cost_label)
        began, ended = (state.started_at, state.stopped_at) if state is not None else (None, None)
        code = (
            outcome.exit_code
            or (fetch_error.exit_code if fetch_error else 0)
            or (teardown_error.exit_code if teardown_error else 0)
        )
        view = OutcomeView(
            run_id=spec.run_id,
            exit_code=code,
            reason=outcome.reason_word if code == outcome.exit_code else None,
            status=outcome.sentence if not fetch_error else f"{outcome.sentence}; {fetch_error.message}",
            warnings=() if lost else warnings_of(outcome),
            seconds=(ended - began).total_seconds() if began and ended else None,
            # A job that saved nothing, or whose outputs did not come, has left no folder to look into.
            output_dir=self._output if self._output is not None and self._output.exists() and not lost else None,
            s3_uri=None if lost else f"s3://{spec.bucket}/{spec.keys.output}",
            console_url=None if lost else console_pages.bucket_prefix(spec.bucket, spec.keys.output, spec.region),
            kept_days=None if lost else kept_days(outcome, spec.job.runs_retention_days),
            receipt=receipt,
            left=left,
            next_commands=next_commands(
                outcome, spec.run_id, incomplete=teardown_error is not None, not_fetched=fetch_error is not None
            ),
        )
        return SubmitResult(
            view=with_what_ran(view, self._writer.record),
            exit_code=code,
            record=self._writer.record,
            outputs=self._outputs.listing,
            fetched=fetch_error is None and not lost and self._output is not None,
            teardown_error=teardown_error,
        )


def detached_result(spec: RunSpec, record: Record) -> SubmitResult:
    view = OutcomeView(
        run_id=spec.run_id,
        exit_code=0,
        goes_on=True,
        status="accepted; it runs without this terminal, saves its outputs and stops billing by itself",
        s3_uri=f"s3://{spec.bucket}/{spec.keys.output}",
        console_url=console_pages.bucket_prefix(spec.bucket, spec.keys.output, spec.region),
        next_commands=(
            f"aws-run status {spec.run_id}",
            f"aws-run attach {spec.run_id}",
            f"aws-run pull {spec.run_id}",
        ),
    )
    return SubmitResult(view=with_what_ran(view, record), exit_code=0, record=record)


def kept_days(outcome: Outcome, retention_days: int) -> int | None:
    """How long what the run has saved stays in the bucket; None where it has saved nothing."""
    return retention_days if outcome.saved_files else None


def next_commands(
    outcome: Outcome, run_id: str, *, incomplete: bool = False, not_fetched: bool = False
) -> tuple[str, ...]:
    """`incomplete`: something could not be shown to be gone; `not_fetched`: outputs are in S3 that are not here."""
    last: tuple[str, ...] = (f"aws-run pull {run_id}",) if not_fetched else ()
    if incomplete or outcome.reason is OutcomeReason.LOST:
        last += (f"aws-run cleanup {run_id}",)
    if outcome.exit_code == 0 or outcome.reason is OutcomeReason.BUCKET_GONE:
        return last
    return (f"aws-run {outcome.reason.told_by} {run_id}", *last)
