"""`aws-run allowance`: how much runs may cost a day, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aws_run.errors import AwsCallError, UsageError
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start.preflight import owner_of
from aws_run.runs.allowance import Ledger, Limit, Standing
from aws_run.runs.allowances import Allowances
from aws_run.runs.objects import ABSENT

Selectors = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class State:
    """`now`: by the bucket's clock."""

    standings: tuple[Standing, ...]
    now: datetime


def show(context: AppContext) -> State:
    seen = Allowances(lookup.store(context), context.clock).read()
    return State(standings=seen.ledger.standings(seen.now), now=seen.now)


def put(context: AppContext, limit: Limit) -> State:
    """Sets a limit, or changes the one of the same selectors. It counts the runs that start from now on, and those that
    hold something of another limit already. UsageError where there is no bucket yet."""
    try:
        done = Allowances(lookup.store(context), context.clock).change(
            lambda ledger, now: ledger.with_limit(limit), create=True
        )
    except AwsCallError as error:
        if error.code not in ABSENT:
            raise
        raise UsageError(
            "This account and region have no bucket for runs yet, which is where an allowance is kept",
            hint="the first run makes it; or name another --region",
        ) from error
    return State(standings=done.ledger.standings(done.now), now=done.now)


def remove(context: AppContext, selectors: Selectors | None) -> State:
    """None: all limits, whatever the object holds. UsageError where there is no such limit."""
    allowances = Allowances(lookup.store(context), context.clock)
    if selectors is None:
        allowances.discard()
        return show(context)

    def step(ledger: Ledger, now: datetime) -> Ledger:
        if all(one.selectors != selectors for one in ledger.limits):
            there = "; ".join(one.describe() for one in ledger.limits)
            raise UsageError("There is no such allowance", hint=f"there is: {there}")
        return ledger.without_limit(selectors)

    if not allowances.read().ledger.limits:
        raise UsageError("There is no allowance in this account and region", hint="aws-run allowance set 20/day")
    done = allowances.change(step)
    return State(standings=done.ledger.standings(done.now), now=done.now)


def owner(context: AppContext) -> str:
    """The caller, as the tag `aws-run:owner` of its runs names it."""
    return owner_of(context.aws.identity())
