"""`aws-run cost`: what runs have cost, from the receipts in their records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from aws_run.clock import parse_iso
from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
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


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """`unknown`: runs whose cost is not known; they are in `runs` and not in `usd`."""

    key: tuple[str, ...]
    runs: int
    usd: Decimal
    saved_usd: Decimal
    unknown: int


def cost_of(context: AppContext, run: str | None, project: str | None) -> Record:
    """One run's record, with its receipt. RunNotFoundError where there is none."""
    return lookup.store(context).read(lookup.resolve(context, run, project))[0]


def costs(context: AppContext, *, project: str | None, since_s: int | None, by: Sequence[str]) -> tuple[CostRow, ...]:
    """All runs (of one project; of the last `since_s` seconds), summed by the names in `by`, dearest first. A record
    that can't be read is warned of."""
    store = lookup.store(context)
    ids = store.run_ids(project)

    def read(run: str) -> Record | None:
        try:
            return store.read(run)[0]
        except AwsRunError as error:
            context.emit(Notice(text=f"{run}: {error.message}", level="warning", hint=error.hint))
            return None

    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="costs") as pool:
        records = [record for record in pool.map(read, ids) if record is not None]
    if since_s is not None:
        first = context.clock.now() - timedelta(seconds=since_s)
        records = [record for record in records if parse_iso(record.created_at) >= first]
    return summed(records, by)


def summed(records: Iterable[Record], by: Sequence[str]) -> tuple[CostRow, ...]:
    """Pure. `by`: names of GROUPS, in the order of the columns."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(GROUPS[name](record) for name in by), []).append(record)
    rows = [
        CostRow(
            key=key,
            runs=len(mine),
            usd=sum((Decimal(one.cost_usd) for one in mine if one.cost_usd is not None), Decimal(0)),
            saved_usd=sum((_saved(one) for one in mine), Decimal(0)),
            unknown=sum(one.cost_usd is None for one in mine),
        )
        for key, mine in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.usd, row.key)))


def _saved(record: Record) -> Decimal:
    receipt = record.receipt
    return Decimal(receipt.saved_usd) if receipt is not None and receipt.saved_usd is not None else Decimal(0)
