"""`aws-run allowance`: how much runs may cost a day, and how it stands."""

from __future__ import annotations

from datetime import datetime

from aws_run.config import Config
from aws_run.errors import AwsCallError, UsageError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.hints import command
from aws_run.infra import desired
from aws_run.infra.apply import apply
from aws_run.infra.bucket_names import own_bucket
from aws_run.infra.observe import observe
from aws_run.infra.plan import plan
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.start.preflight import owner_of
from aws_run.runs.allowance import Ledger, Limit, Standing
from aws_run.runs.allowances import Allowances, Read
from aws_run.runs.objects import ABSENT

Selectors = tuple[str | None, ...]


@frozen
class State:
    """`now`: by the bucket's clock."""

    standings: tuple[Standing, ...]
    now: datetime


def show(context: AppContext) -> State:
    seen = Allowances(lookup.store(context), context.clock).read()
    return State(standings=seen.ledger.standings(seen.now), now=seen.now)


def put(context: AppContext, limit: Limit, config: Config) -> State:
    """Sets a limit, or changes the one of the same selectors. It counts the runs that start from now on, and those that
    hold something of another limit already. An account without a bucket for runs gets the one that `config`'s first run
    would make."""
    try:
        done = _set(context, limit)
    except AwsCallError as error:
        if error.code not in ABSENT:
            raise
        name = _make_bucket(context, config)
        context.emit(Notice(text=f"made the bucket {name} of this account and region: the allowance is kept there"))
        done = _set(context, limit)
    return State(standings=done.ledger.standings(done.now), now=done.now)


def _set(context: AppContext, limit: Limit) -> Read:
    allowances = Allowances(lookup.store(context), context.clock)
    return allowances.change(lambda ledger, now: ledger.with_limit(limit), create=True)


def _make_bucket(context: AppContext, config: Config) -> str:
    """Its name."""
    identity = context.aws.identity()
    bucket = desired.account_bucket(
        name=own_bucket(context.aws),
        account=identity.account,
        region=identity.region,
        runs_retention_days=config.runs_retention_days,
        kms_key=config.kms_key,
        tags=config.tags,
    )
    for step in plan((bucket,), observe(context.aws, (bucket,))):
        apply(context.aws, step, context.clock)
    return bucket.name


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
        raise UsageError("There is no allowance in this account and region", hint=command("allowance", "set", "20/day"))
    done = allowances.change(step)
    return State(standings=done.ledger.standings(done.now), now=done.now)


def owner(context: AppContext) -> str:
    """The caller, as the tag `aws-run:owner` of its runs names it."""
    return owner_of(context.aws.identity())
