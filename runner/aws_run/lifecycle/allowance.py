"""A run and the allowance: what it may cost is held before anything is made, and given back with its receipt."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from aws_run.amounts import limit_money
from aws_run.backends.base import Backend
from aws_run.errors import AwsRunError, RunNotFoundError, UsageError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.lifecycle import budget
from aws_run.lifecycle.context import AppContext
from aws_run.naming import TAG_OWNER
from aws_run.report.format import count
from aws_run.report.views import PlanAllowance
from aws_run.runs.allowance import Claim, Ledger, Standing, Whose
from aws_run.runs.allowances import Allowances
from aws_run.runs.outcome import OutcomeReason, reason_of
from aws_run.runs.record import Record
from aws_run.runs.spec import RunSpec
from aws_run.runs.store import RunStore

# A switch that AWS holds fires this long after the deadline at the latest (backends/ec2/backend.py).
_SWITCH = timedelta(minutes=10)
_CENT = Decimal("0.01")
_NEVER_RAN = (OutcomeReason.NOT_STARTED, OutcomeReason.CANCELLED)


def worst_case_usd(backend: Backend, spec: RunSpec) -> Decimal:
    """The most that the run may cost: its deadline at the price of the dearest hardware that it may launch. UsageError
    where a price is not known."""
    hour = budget.known_hour_usd(backend, spec.offer, kept="the allowance")
    return (hour * max(budget.billed_at_most_s(spec), 60) / 3600).quantize(Decimal("0.0001"), ROUND_UP)


def claim_of(backend: Backend, spec: RunSpec, whose: Whose, now: datetime) -> Claim:
    """`now`: the bucket's time, by which the claim holds until nothing of the run can bill any more: the start, the job
    and the end take as long as they may."""
    seconds = budget.start_s(spec.job) + budget.billed_at_most_s(spec)
    until = now + timedelta(seconds=math.ceil(seconds)) + _SWITCH
    return Claim(
        run_id=spec.run_id,
        whose=whose,
        usd=worst_case_usd(backend, spec),
        since=now,
        until=until.replace(microsecond=0) + timedelta(seconds=1),
    )


@frozen
class Reserved:
    """`standings`: the limits that hold for the run, as they stand without it."""

    claim: Claim
    standings: tuple[Standing, ...]


def reserve(context: AppContext, store: RunStore, backend: Backend, spec: RunSpec, branch: str) -> Reserved | None:
    """Holds the most that the run may cost; None where no limit holds for it. `branch`: whose code it is. UsageError
    where it does not fit."""
    allowances = Allowances(store, context.clock)
    held: list[Reserved] = []

    def step(ledger: Ledger, now: datetime) -> Ledger | None:
        held.clear()
        fits = _fitting(ledger, now, backend, spec, branch)
        if fits is None:
            return None
        held.append(fits)
        return ledger.with_claim(fits.claim)

    try:
        allowances.change(step)
    except _Short as short:
        # What an ended run could not give back itself may be all that is missing.
        if not settle_ended(context, store):
            raise refusal(short.standing, short.claim, short.now) from None
        try:
            allowances.change(step)
        except _Short as again:
            raise refusal(again.standing, again.claim, again.now) from None
    return held[0] if held else None


def look(context: AppContext, store: RunStore, backend: Backend, spec: RunSpec, branch: str) -> Reserved | None:
    """What `reserve` would hold, and nothing is held. UsageError where it does not fit."""
    seen = Allowances(store, context.clock).read()
    try:
        return _fitting(seen.ledger, seen.now, backend, spec, branch)
    except _Short as short:
        raise refusal(short.standing, short.claim, short.now) from None


def _fitting(ledger: Ledger, now: datetime, backend: Backend, spec: RunSpec, branch: str) -> Reserved | None:
    whose = Whose(project=spec.job.name, owner=spec.tags.get(TAG_OWNER, ""), branch=branch)
    standings = ledger.of_run(whose, now, without=spec.run_id)
    if not standings:
        return None
    claim = claim_of(backend, spec, whose, now)
    short = ledger.shortage(claim)
    if short is not None:
        raise _Short(short, claim, now)
    return Reserved(claim=claim, standings=standings)


class _Short(Exception):
    def __init__(self, standing: Standing, claim: Claim, now: datetime) -> None:
        self.standing, self.claim, self.now = standing, claim, now


def refusal(standing: Standing, claim: Claim, now: datetime) -> UsageError:
    """In a sentence: what the run needs, what is used, reserved and free, and when more becomes free."""
    limit = standing.limit
    later = f" in the {limit.per} that begins {_time(standing.begin)}" if standing.begin > now else ""
    state = (
        f"{limit_money(standing.used_usd)} used, {limit_money(standing.reserved_usd)} reserved by "
        f"{count(standing.holders, 'run')}, {limit_money(standing.free_usd, ROUND_DOWN)} free{later}"
    )
    needs = limit_money(claim.usd, ROUND_UP)
    text = f"The run may cost {needs}, and the allowance of {limit.describe(claim.whose)} has {state}"
    smaller = "ask for less with --max-cost or a shorter --timeout"
    if claim.usd > limit.usd:
        return UsageError(f"{text}; it never fits", hint=smaller)
    times = [f"all of it is free again at {_time(standing.end)}"]
    if standing.back_by is not None and standing.back_by < standing.end:
        returned = f"what {count(standing.holders, 'run')} did not cost comes back by {_time(standing.back_by)}"
        times.insert(0, returned)
    elif standing.holders:
        times = [f"what ended runs used is free again at {_time(standing.end)}, and what others hold as they end"]
    free = _down(standing.free_usd)
    fits = f"--max-cost {free:.2f} would fit, or a shorter --timeout" if free > 0 else smaller
    return UsageError(f"{text}; {', and '.join(times)}", hint=fits)


def rows(reserved: Reserved | None) -> tuple[PlanAllowance, ...]:
    """For the plan, one of each limit."""
    return tuple(_row(one, reserved.claim) for one in reserved.standings) if reserved is not None else ()


def _row(one: Standing, claim: Claim) -> PlanAllowance:
    used, held = limit_money(one.used_usd), limit_money(one.reserved_usd)
    sentence = (
        f"allowance of {one.limit.describe(one.whose)}: {used} used, {held} reserved by {count(one.holders, 'run')}, "
        f"{limit_money(one.free_usd, ROUND_DOWN)} free until {_time(one.end)}; "
        f"this run holds {limit_money(claim.usd, ROUND_UP)} of it until it ends"
    )
    return PlanAllowance(
        sentence=sentence,
        limit_usd=one.limit.usd,
        per=one.limit.per,
        used_usd=one.used_usd,
        reserved_usd=one.reserved_usd,
        free_usd=one.free_usd,
        until=one.end,
        holds_usd=claim.usd,
    )


def renew(context: AppContext, store: RunStore, claim: Claim | None, until: datetime) -> None:
    """The run may bill until then, which is longer than its claim holds where its start took very long: it counts in
    the time that follows, too. UsageError where it does not fit there."""
    if claim is None or until + _SWITCH <= claim.until:
        return
    longer = replace(claim, until=(until + _SWITCH).replace(microsecond=0) + timedelta(seconds=1))

    def step(ledger: Ledger, now: datetime) -> Ledger:
        short = ledger.shortage(longer)
        if short is not None:
            raise refusal(short, longer, now)
        return ledger.with_claim(longer)

    Allowances(store, context.clock).change(step)


def settle(context: AppContext, store: RunStore, run_id: str, usd: Decimal | None) -> None:
    """The run has ended and cost `usd`: what it held beyond that is free. None: nobody knows, and the most that it may
    have cost counts. Raises nothing: what can't be given back now is given back by gc."""
    try:
        Allowances(store, context.clock).change(lambda ledger, now: ledger.settled(run_id, usd, now))
    except AwsRunError as error:
        text = f"what the run holds of the allowance could not be given back: {error.message}"
        context.emit(Notice(text=text, level="warning", hint=quoted("gc") + " gives it back"))


def settle_record(context: AppContext, store: RunStore, record: Record) -> None:
    """As `settle`, by the record of a run that has ended. One that holds nothing costs no request."""
    if record.reserved_usd is not None:
        settle(context, store, record.run_id, cost_of(context, record))


def cost_of(context: AppContext, record: Record) -> Decimal | None:
    """What the record says that the run cost; 0 where its task was never requested and its hardware comes with it."""
    if record.usd is not None:
        return record.usd
    never = record.outcome is not None and reason_of(record.outcome.reason) in _NEVER_RAN and record.handle is None
    backend = context.backends.get(record.backend)
    return Decimal(0) if never and backend is not None and not backend.waits else None


def settle_ended(context: AppContext, store: RunStore) -> int:
    """Gives back what runs hold that are over: by their record, and where nobody ended them once their time is up. How
    many there were."""
    allowances = Allowances(store, context.clock)
    seen = allowances.read()
    over: dict[str, Decimal | None] = {}
    for claim in seen.ledger.claims:
        if claim.settled:
            continue
        try:
            record = store.read(claim.run_id)[0]
        except RunNotFoundError:
            record = None
        except AwsRunError:
            continue  # a record that can't be read: it counts until its time is up, as all do
        usd = None if record is None else cost_of(context, record)
        ended = record is not None and record.state == "removed" and usd is not None
        if ended or claim.until < seen.now:
            over[claim.run_id] = usd
    if not over:
        return 0

    def step(ledger: Ledger, now: datetime) -> Ledger:
        for run_id, usd in over.items():
            ledger = ledger.settled(run_id, usd, now)
        return ledger

    allowances.change(step)
    return len(over)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _down(usd: Decimal) -> Decimal:
    return usd.quantize(_CENT, ROUND_DOWN)
