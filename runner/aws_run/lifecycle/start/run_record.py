"""The record of a run at its start: written before anything exists, and taken back where nothing came of it."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

from aws_run.backends.base import Backend
from aws_run.clock import iso
from aws_run.documents import harmless
from aws_run.errors import EXIT_INTERRUPT, AwsCallError, AwsRunError, RunNotFoundError, UsageError
from aws_run.frozen import frozen
from aws_run.image.plan import python_of
from aws_run.infra import apply
from aws_run.infra.plan import plan
from aws_run.infra.resources import ref
from aws_run.lifecycle import allowance, budget
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start.preflight import Preflight, RunPlan
from aws_run.runs.allowances import KEY
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import HardwareEntry, Origin, Outcome, Record, ResourceEntry
from aws_run.runs.spec import Offer
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter


def initial_record(
    run: RunPlan,
    preflight: Preflight,
    backend: Backend,
    owner: str,
    *,
    origin: Origin = "cli",
    origin_detail: str = "",
) -> Record:
    """All names are known, so all intent is in the very first write."""
    spec = run.spec
    intended = [*map(ref, (*run.all, backend.definition(spec, ""))), *backend.deferred_resources(spec)]
    record = Record(
        run_id=spec.run_id,
        project=spec.job.name,
        account=spec.account,
        region=spec.region,
        created_at=iso(spec.created_at),
        deadline=iso(spec.deadline),
        origin=origin,
        origin_detail=harmless(origin_detail),
        job=spec.job.without_values().to_json(),
        backend=backend.name,
        hardware=_priced(backend, preflight.offer),
        estimate=run.estimate,
        command=" ".join(preflight.image.command) if preflight.image and preflight.image.command else "",
        commit=preflight.git.commit if preflight.git else None,
        dirty=preflight.git.dirty if preflight.git else None,
        python=python_of(preflight.image),
        labels=preflight.config.labels,
        note=harmless(preflight.config.note or ""),
        base_image=preflight.image.base.label if preflight.image and preflight.image.base else "",
        output_prefix=spec.keys.output,
        log_group=spec.project.log_group,
        keep=spec.job.keep,
        owner=owner,
        branch=harmless(preflight.branch),
        resources=tuple(ResourceEntry(kind=r.kind, name=r.name, scope=r.scope) for r in intended),
    )
    return record.with_attempt(1)


def _priced(backend: Backend, offer: Offer) -> HardwareEntry:
    """The hardware with the most that an hour of it costs; without a price where one of its parts has none."""
    usd = budget.hour_usd(backend, offer)
    if usd is None:
        return offer.hardware
    rates = offer.hardware.rates
    # Of several sources the oldest price says how old the sum is.
    oldest = min(rates, key=lambda rate: rate.as_of, default=None)
    return replace(
        offer.hardware,
        usd_per_hour=f"{usd:f}",
        priced_on=oldest.as_of if oldest else None,
        price_source=", ".join(dict.fromkeys(rate.source for rate in rates)) or None,
    )


@frozen
class Opened:
    """`reserved`: what the run holds of the account's allowance; None where no limit holds for it."""

    writer: RecordWriter
    reserved: allowance.Reserved | None = None


def open_record(
    context: AppContext, store: RunStore, preflight: Preflight, run: RunPlan, *, record: Record, backend: Backend
) -> Opened:
    """The bucket where it is missing, then the record and the mark, before anything else exists (aws-facts §12, 41).
    Then what the run may cost is held of the allowance, where there is one: UsageError where it does not fit, and of
    the run nothing is left."""
    wanted = run.kept[0]
    for step in plan([wanted], preflight.kept):
        apply.apply(context.aws, step, context.clock)
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            mark = pool.submit(store.locks.mark_live, record.run_id)
            writer = RecordWriter.begin(store, record, context.clock)
            mark.result()
        there = store.locks.wait_until_unlocked(record.project, context.clock, context.emit)
        reserved = allowance.reserve(context, store, backend, run.spec, record.branch) if KEY in there else None
    except BaseException as error:
        _never_began(context, store, record, error)
        if not isinstance(error, AwsCallError):
            raise
        raise AwsRunError(
            f"The run could not be recorded in {wanted.name}, so nothing was created: {error.message}", hint=error.hint
        ) from error
    if reserved is not None:
        held = f"{reserved.claim.usd:f}"
        writer.change(lambda r: replace(r, reserved_usd=held))
    return Opened(writer=writer, reserved=reserved)


def _never_began(context: AppContext, store: RunStore, record: Record, error: BaseException) -> None:
    """Nothing was made yet: the mark goes, so that it keeps no other run's roles, and a record that was written says
    so. What can't be taken back now is taken by gc after a while."""
    with contextlib.suppress(AwsRunError):
        try:
            writer = RecordWriter.resume(store, record.run_id, context.clock)
        except RunNotFoundError:
            store.locks.unmark(record.run_id)
            return
        if writer.record != record:
            return  # another run has this very name, and the mark is its
        store.locks.unmark(record.run_id)
        if isinstance(error, UsageError):
            store.delete(RunKeys(run_id=record.run_id).record)  # refused: there is no such run
            return
        allowance.settle(context, store, record.run_id, Decimal(0))  # it may have been held when the interrupt came
        code = error.exit_code if isinstance(error, AwsRunError) else EXIT_INTERRUPT
        outcome = Outcome(
            exit_code=code, reason=OutcomeReason.NOT_STARTED, sentence="it ended before anything was made"
        )
        writer.change(lambda r: replace(r.with_outcome(outcome), state="removed"), now=True)
