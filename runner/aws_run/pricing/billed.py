"""What AWS has billed of each run, from Cost Explorer's lines by resource. Pure.

The lines come about a day after the day that they are of. They are by resource and kind of record: tax has no resource
of its own, a credit has its resource's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from aws_run.frozen import frozen
from aws_run.runs.record import Record

REQUEST_USD = Decimal("0.01")  # Cost Explorer's API, for each page
LATE = timedelta(hours=24)  # after the end of a day: Cost Explorer's guide
DAYS_BACK = 14  # of GetCostAndUsageWithResources
NO_RESOURCE = "NoResourceId"
_BESIDE = frozenset({"Tax", "Credit", "Refund"})  # RECORD_TYPEs that are no usage
_LEAST_RUNS = 3  # for a factor: one run may be anything
_LEAST_USD = Decimal("0.0001")


@frozen
class BillRow:
    """What one resource was billed on one UTC day. `kind`: Cost Explorer's RECORD_TYPE."""

    day: date
    resource: str
    kind: str
    usd: Decimal


@frozen
class BilledRun:
    """`estimate_usd`, `actual_usd`: the run's own estimate and receipt; None where it has none. `billed_usd`: of its
    resources, without tax and credits; None where nothing is known, which `note` explains. `missing`: lines of the
    receipt that no billed resource was found for."""

    run_id: str
    estimate_usd: Decimal | None
    actual_usd: Decimal | None
    billed_usd: Decimal | None
    credit_usd: Decimal = Decimal(0)
    missing: tuple[str, ...] = ()
    note: str = ""


def billed_runs(
    records: Iterable[Record], rows: Sequence[BillRow], *, days: Iterable[date], now: datetime
) -> tuple[BilledRun, ...]:
    """`days`: those that Cost Explorer was asked about; `rows`: all that it said of them."""
    by_resource: dict[str, list[BillRow]] = {}
    for row in rows:
        by_resource.setdefault(row.resource.rpartition("/")[2], []).append(row)
    known = set(days)
    return tuple(_billed(record, by_resource, known, now) for record in records)


def _billed(record: Record, by_resource: Mapping[str, list[BillRow]], known: set[date], now: datetime) -> BilledRun:
    receipt = record.receipt
    values = {
        "run_id": record.run_id,
        "estimate_usd": None if record.estimate is None else Decimal(record.estimate.usd),
        "actual_usd": record.usd,
    }
    ids = {one.rpartition("/")[2] for line in (receipt.lines if receipt else ()) for one in line.resources}
    began, ended = _day(record.created_at), _day(record.stopped_at)
    note = ""
    if ended is None or receipt is None:
        note = "it has no receipt yet"
    elif not ids:
        note = "its receipt names no resource, since an older version wrote it"
    elif began is None or not {began, ended} <= known:
        note = f"Cost Explorer tells of the last {DAYS_BACK} days by resource, and it is older"
    elif _end_of(ended) + LATE > now:
        note = f"its bill comes after {(_end_of(ended) + LATE):%Y-%m-%d %H:%M} UTC, a day after the end of its day"
    if note:
        return BilledRun(**values, billed_usd=None, note=note)  # type: ignore[arg-type]
    mine = [row for one in ids for row in by_resource.get(one, ())]
    if not mine:
        note = "nothing is billed under its resources"
        return BilledRun(**values, billed_usd=None, note=note)  # type: ignore[arg-type]
    missing = [
        line.what
        for line in (receipt.lines if receipt else ())
        if not any(one.rpartition("/")[2] in by_resource for one in line.resources)
    ]
    return BilledRun(
        **values,  # type: ignore[arg-type]
        billed_usd=sum((row.usd for row in mine if row.kind not in _BESIDE), Decimal(0)),
        credit_usd=sum((row.usd for row in mine if row.kind in _BESIDE), Decimal(0)),
        missing=tuple(missing),
    )


def tax_usd(rows: Iterable[BillRow]) -> Decimal:
    """Tax and credits that belong to no resource, and so to no run."""
    return sum((row.usd for row in rows if row.resource == NO_RESOURCE and row.kind in _BESIDE), Decimal(0))


def factor_of(runs: Iterable[BilledRun]) -> tuple[Decimal, int] | None:
    """What AWS bills for a dollar of a receipt: the median over the runs that are billed whole, and how many these
    are. None for too few of them."""
    ratios = [
        run.billed_usd / run.actual_usd
        for run in runs
        if run.billed_usd is not None and run.actual_usd is not None and not run.missing and run.actual_usd > _LEAST_USD
    ]
    if len(ratios) < _LEAST_RUNS:
        return None
    return statistics.median(ratios).quantize(Decimal("0.001")), len(ratios)


def _day(moment: str | None) -> date | None:
    return None if moment is None else date.fromisoformat(moment[:10])


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(days=1)
