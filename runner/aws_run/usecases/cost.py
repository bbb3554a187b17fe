"""`aws-run cost`: what runs have cost, from the receipts that their records hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from aws_run.errors import AwsRunError
from aws_run.frozen import frozen
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import began_at, read_records
from aws_run.runs.record import Record

# What runs can be summed by.
GROUPS: Mapping[str, Callable[[Record], str]] = {
    "run": lambda record: record.run_id,
    "project": lambda record: record.project,
    "day": lambda record: record.created_at[:10],
    "month": lambda record: record.created_at[:7],
    "owner": lambda record: record.owner,
    "backend": lambda record: record.backend,
    "hardware": lambda record: record.hardware.description if record.hardware else "",
    "market": lambda record: "spot" if record.hardware and record.hardware.spot else "on-demand",
}


@frozen
class Unpriced:
    """A run that no sum contains, and why."""

    run_id: str
    why: str


@frozen
class CostRow:
    """`usd`: of the runs that have a receipt. `unpriced`: how many more there are. `estimated_usd`: what those runs
    were expected to cost that had an estimate, and `of_estimated_usd` what these did cost."""

    key: tuple[str, ...]
    runs: int
    usd: Decimal
    saved_usd: Decimal
    unpriced: int
    estimated_usd: Decimal = Decimal(0)
    of_estimated_usd: Decimal = Decimal(0)


@frozen
class Costs:
    rows: tuple[CostRow, ...]
    records: tuple[Record, ...]  # all that were read
    unpriced: tuple[Unpriced, ...]

    @property
    def total_usd(self) -> Decimal:
        return sum((row.usd for row in self.rows), Decimal(0))

    @property
    def saved_usd(self) -> Decimal:
        return sum((row.saved_usd for row in self.rows), Decimal(0))

    @property
    def runs(self) -> int:
        return sum(row.runs for row in self.rows)


def cost_of(context: AppContext, run: str | None, project: str | None) -> Record:
    """One run's record, with its receipt. RunNotFoundError where there is none."""
    return lookup.store(context).read(lookup.resolve(context, run, project))[0]


def costs(context: AppContext, *, project: str | None, since_s: int | None, by: Sequence[str]) -> Costs:
    """All runs (of one project; of the last `since_s` seconds), summed by the names in `by`: in the order of time where
    it is summed by day or month, else dearest first. One listing, and one request for each run."""
    store = lookup.store(context)
    first = None if since_s is None else context.clock.now() - timedelta(seconds=since_s)
    ids = [run for run in store.run_ids(project) if first is None or _began_after(run, first)]
    records, unpriced = [], []
    for run, record in read_records(store, ids):
        if isinstance(record, AwsRunError):
            unpriced.append(Unpriced(run_id=run, why=record.message))
            continue
        records.append(record)
        why = why_unpriced(record)
        if why:
            unpriced.append(Unpriced(run_id=run, why=why))
    return Costs(rows=summed(records, by), records=tuple(records), unpriced=tuple(unpriced))


def _began_after(run_id: str, first: datetime) -> bool:
    try:
        return began_at(run_id) >= first
    except ValueError:
        return True  # its record tells that it is none


def why_unpriced(record: Record) -> str:
    """Why no sum contains the run; empty where its receipt has one."""
    if record.cost_usd is not None:
        return ""
    if not record.finished:
        return "it goes on"
    if record.receipt is not None:
        lines = ", ".join(line.what for line in record.receipt.lines if line.usd is None)
        return f"no price is known for {lines}" if lines else "its receipt has no sum"
    reached = any(attempt.handle is not None for task in record.tasks for attempt in task.attempts)
    return "it ended without a receipt" if reached else "it ended before anything was started for it"


def summed(records: Iterable[Record], by: Sequence[str]) -> tuple[CostRow, ...]:
    """Pure. `by`: names of GROUPS, in the order of the columns."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(GROUPS[name](record) for name in by), []).append(record)
    rows = [_row(key, mine) for key, mine in groups.items()]
    times = [place for place, name in enumerate(by) if name in ("day", "month")]
    rows.sort(key=lambda row: (-row.usd, row.key))
    return tuple(sorted(rows, key=lambda row: tuple(row.key[place] for place in times)))


def _row(key: tuple[str, ...], records: Sequence[Record]) -> CostRow:
    paid = [(record, record.usd) for record in records if record.usd is not None]
    estimated = [(Decimal(record.estimate.usd), usd) for record, usd in paid if record.estimate is not None]
    saved = [Decimal(one.receipt.saved_usd) for one, _ in paid if one.receipt and one.receipt.saved_usd is not None]
    return CostRow(
        key=key,
        runs=len(records),
        usd=sum((usd for _, usd in paid), Decimal(0)),
        saved_usd=sum(saved, Decimal(0)),
        unpriced=len(records) - len(paid),
        estimated_usd=sum((expected for expected, _ in estimated), Decimal(0)),
        of_estimated_usd=sum((usd for _, usd in estimated), Decimal(0)),
    )


def error_percent(expected_usd: Decimal, actual_usd: Decimal) -> Decimal | None:
    """By how much `actual_usd` is above (+) or below (-) what was expected; None where that was nothing."""
    return None if expected_usd == 0 else (actual_usd - expected_usd) / expected_usd * 100
