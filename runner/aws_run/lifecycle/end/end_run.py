"""Stopping a run from any machine and removing everything of it. May be repeated at will."""

from __future__ import annotations

from dataclasses import replace

from aws_run.errors import EXIT_INTERRUPT
from aws_run.infra.resource_types.registry import RESOURCE_TYPES
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import reconcile, teardown
from aws_run.lifecycle.follow.supervise import leave_on_interrupt
from aws_run.lifecycle.interrupts import run_uninterrupted
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.writer import RecordWriter

# What a project's later runs use again; `--keep` of all else was for a look at this one run.
_USED_AGAIN = {each.keep_as for each in RESOURCE_TYPES if set(each.scopes) != {"run"}}


def end_run(
    context: AppContext, run: str | None, project: str | None, *, reason: str, also_kept: bool = False
) -> tuple[Record, teardown.TeardownResult]:
    """Stops the job with its grace (what it wrote is saved), then removes. TeardownError is the caller's to raise.

    `also_kept`: the run's own resources go even where `--keep` had spared them.
    """
    writer = lookup.open_run(context, run, project)
    with leave_on_interrupt(writer.record.run_id):
        result = run_uninterrupted(context.emit, lambda: _clean(context, writer, reason, also_kept=also_kept))
    return writer.record, result


def _clean(context: AppContext, writer: RecordWriter, reason: str, *, also_kept: bool) -> teardown.TeardownResult:
    if also_kept:
        writer.change(lambda record: replace(record, keep=tuple(name for name in record.keep if name in _USED_AGAIN)))
    store = lookup.store(context)
    state = reconcile.stop(context, writer, reason)
    if writer.record.outcome is None and state is None:
        _note_never_ran(writer, reason)
    return reconcile.reconcile(context, store, writer, state)


def _note_never_ran(writer: RecordWriter, reason: str) -> None:
    """A client that still builds sees the task definition and the cluster gone and ends by itself."""
    outcome = Outcome(exit_code=EXIT_INTERRUPT, reason=OutcomeReason.CANCELLED, sentence=reason)
    writer.change(lambda record: record.with_outcome(outcome))
