"""What a project's earlier runs took: from their records, and then kept on this machine, which adds its own.

A machine that has read them today makes no further request for them; one that has not reads the newest, side by side.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from aws_run.aws.cache import Cached
from aws_run.errors import AwsRunError
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import read_records
from aws_run.lifecycle.what_ran import seconds_of
from aws_run.pricing.estimate import PastRun, past_from_json, size_of
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

FACTOR_KEY = "billed factor"
_NEWEST = 12  # older ones were of another program, as likely as not
_KEPT_S = 30 * 86_400.0
_READ_AGAIN_S = 86_400.0


def earlier_runs(context: AppContext, store: RunStore, project: str) -> tuple[PastRun, ...]:
    """Newest first. None at all where they can't be read: an estimate is only a help."""
    kept = context.cache().read(_key(context, project), most_age_s=_KEPT_S)
    if kept is not None and context.clock.now().timestamp() - _read_at(kept) < _READ_AGAIN_S:
        return _past(kept)
    try:
        newest = store.run_ids(project)[: -_NEWEST - 1 : -1]
        records = [record for _, record in read_records(store, newest)]
    except AwsRunError:
        return ()
    past = tuple(one for record in records if isinstance(record, Record) and (one := past_run(record)) is not None)
    _keep(context, project, past, context.clock.now().timestamp())
    return past


def note_run(context: AppContext, record: Record) -> None:
    """Adds a run that this machine has seen end."""
    past = past_run(record)
    kept = context.cache().read(_key(context, record.project), most_age_s=_KEPT_S)
    if past is None or kept is None:
        return
    others = [one for one in _past(kept) if one.run_id != past.run_id]
    _keep(context, record.project, (past, *others)[:_NEWEST], _read_at(kept))


def past_run(record: Record) -> PastRun | None:
    """None for a run that tells nothing of the next one: it failed, or what it was billed is not known."""
    seconds, receipt = seconds_of(record), record.receipt
    if record.outcome is None or record.outcome.exit_code != 0 or record.hardware is None:
        return None
    if seconds is None or receipt is None or receipt.billed_s is None or receipt.total_usd is None:
        return None
    return PastRun(
        run_id=record.run_id, hardware=size_of(record.hardware), billed_s=float(receipt.billed_s), job_s=seconds
    )


def billed_factor(context: AppContext) -> Decimal | None:
    """What AWS was seen to bill for a dollar of a receipt (`aws-run cost --billed`); None where nobody has asked."""
    kept = context.cache().read(factor_key(context), most_age_s=_KEPT_S)
    try:
        factor = Decimal(str(kept.document["factor"])) if kept is not None else None
    except (KeyError, TypeError, InvalidOperation):
        return None
    return factor if factor is not None and factor.is_finite() and factor > 0 else None


def factor_key(context: AppContext) -> str:
    identity = context.aws.identity()
    return f"{FACTOR_KEY} {identity.account} {identity.region}"


def _key(context: AppContext, project: str) -> str:
    identity = context.aws.identity()
    return f"history {identity.account} {identity.region} {project}"


def _keep(context: AppContext, project: str, runs: tuple[PastRun, ...], read_at: float) -> None:
    document: dict[str, Any] = {"read_at": read_at, "runs": [one.to_json() for one in runs]}
    context.cache().write(_key(context, project), document)


def _read_at(kept: Cached) -> float:
    value = kept.document.get("read_at") if isinstance(kept.document, dict) else None
    return float(value) if isinstance(value, (int, float)) else 0.0


def _past(kept: Cached) -> tuple[PastRun, ...]:
    rows = kept.document.get("runs") if isinstance(kept.document, dict) else None
    past = (past_from_json(row) for row in rows or ())
    return tuple(one for one in past if one is not None)
