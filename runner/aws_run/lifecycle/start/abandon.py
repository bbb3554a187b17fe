"""A start that failed or was interrupted: everything made so far goes, and the first error is what the user hears."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from aws_run.amounts import money
from aws_run.backends.base import Backend
from aws_run.clock import iso, parse_iso
from aws_run.errors import (
    EXIT_INTERRUPT,
    EXIT_TOOL,
    AwsRunError,
    InterruptedRunError,
    TeardownError,
    sentence_of,
)
from aws_run.events import Notice, unfailing
from aws_run.hints import command, quoted
from aws_run.lifecycle import allowance
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import task_times, teardown
from aws_run.lifecycle.start.lanes import LaneRunner, Stopped
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.runs.spec import RunSpec
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_BUILD_ENDS_WITHIN_S = 10.0  # its programs are told to end when the lanes are, and its folder goes with them


def was_interrupted(error: BaseException) -> bool:
    return isinstance(error, (KeyboardInterrupt, Stopped))


def abandon(
    context: AppContext,
    error: BaseException,
    *,
    store: RunStore,
    writer: RecordWriter,
    lanes: LaneRunner,
    backend: Backend,
    spec: RunSpec,
) -> BaseException:
    """The start failed: everything made so far goes, and the first error is what the user hears."""
    context = replace(context, emit=unfailing(context.emit))  # a renderer that fails must not cut the removal short
    interrupted, run_id = was_interrupted(error), writer.record.run_id
    if interrupted:
        text = "interrupted: removing what was made (press Ctrl-C again to leave at once)"
        context.emit(Notice(text=text, level="warning"))
    lanes.settle("capacity", 90)
    sentence = "Interrupted before the job ran" if interrupted else sentence_of(error)
    code = error.exit_code if isinstance(error, AwsRunError) else EXIT_INTERRUPT if interrupted else EXIT_TOOL
    times = lanes.entries(parse_iso(writer.record.created_at))
    teardown.attempt_or_warn(context.emit, lambda: writer.change(lambda record: replace(record, lanes=times)))
    teardown.note_outcome(
        writer,
        Outcome(exit_code=code, reason=OutcomeReason.NOT_STARTED, sentence=sentence),
        task_times.UNKNOWN,
        iso(context.clock.now()),
    )
    try:
        removed = teardown.teardown(context.aws, context.clock, context.emit, store, writer)
        usd = _note_waiting_cost(context, backend, spec, writer)
        if writer.record.reserved_usd is not None and not removed.failed:
            allowance.settle(context, store, run_id, usd)
        lanes.settle("image", _BUILD_ENDS_WITHIN_S)
        removed.raise_if_failed(writer.record.region)
    except TeardownError as failed:
        failed.message = f"{sentence}. {failed.message}"
        failed.args = (failed.message,)
        failed.hint = quoted("cleanup", run_id) + " tries again; those below do it by hand"
        return failed
    except Exception as failed:  # noqa: BLE001 - the run must not look as if nothing were left
        text = f"{sentence}. The teardown itself failed ({sentence_of(failed)})"
        return AwsRunError(text, hint=command("cleanup", run_id))
    if interrupted:
        return InterruptedRunError("Interrupted before the job ran; everything that had been made for it is gone")
    if isinstance(error, AwsRunError) or not isinstance(error, Exception):
        return error
    return AwsRunError(
        f"The run {run_id} could not be started ({sentence}); everything that had been made for it is gone",
        hint="run it again with --debug and report what it prints",
    )


def _note_waiting_cost(context: AppContext, backend: Backend, spec: RunSpec, writer: RecordWriter) -> Decimal | None:
    """A machine that had waited for a job that never came is billed all the same, and the user hears of it. What it
    cost; None: nobody knows."""
    try:
        usage = backend.usage(spec.run_id, None, context.clock.now(), public_ip=spec.offer.network.public_ip)
    except AwsRunError as error:
        context.emit(Notice(text=f"what was used could not be read: {error.message}", level="warning"))
        return None
    if usage is None:
        return Decimal(0)
    paid = teardown.receipt(backend, spec.offer.hardware, usage, writer.record)
    if usage.seconds <= 0 or paid.total_usd is None:
        return paid.total_usd
    usd = paid.total_usd
    teardown.attempt_or_warn(
        context.emit, lambda: writer.change(lambda record: teardown.with_receipt(record, paid), now=True)
    )
    context.emit(Notice(text=f"its machine was up for {usage.seconds:.0f} s before the job could start: {money(usd)}"))
    return usd
