"""`aws-run ps`: the newest runs, from their records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import read_records
from aws_run.lifecycle.run_status import RunStatus, looked_at
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_NEWEST = 50
_AT_ONCE = 50  # records that are read before it is asked whether there are enough


@frozen
class Listed:
    """`runs`: newest first. `recorded`: how many there are, of whatever status. `cut`: older ones were left out."""

    runs: tuple[RunStatus, ...]
    recorded: int
    cut: bool


def ps(context: AppContext, project: str | None, *, limit: int = _NEWEST, wanted: Collection[str] = ()) -> Listed:
    """The newest runs, from their records (one request a run, side by side). Those that the record says go on are
    looked at: whether they have ended (one request more), and what they have cost and use now (a second).

    `wanted`: only those of these statuses, of which as many records are read as it takes; empty: of any.
    """
    store = lookup.store(context)
    ids = store.run_ids(project)[::-1]
    if not wanted:
        return Listed(runs=tuple(_looked_at(context, store, ids[:limit])), recorded=len(ids), cut=len(ids) > limit)
    found: list[RunStatus] = []
    for begin in range(0, len(ids), _AT_ONCE):
        runs = _looked_at(context, store, ids[begin : begin + _AT_ONCE])
        found += [run for run in runs if run.phase in wanted]
        if len(found) > limit:
            break
    return Listed(runs=tuple(found[:limit]), recorded=len(ids), cut=len(found) > limit)


def _looked_at(context: AppContext, store: RunStore, ids: Sequence[str]) -> list[RunStatus]:
    records: list[Record] = []
    for run, record in read_records(store, ids):
        if isinstance(record, AwsRunError):
            context.emit(Notice(text=f"{run}: {record.message}", level="warning", hint=record.hint))
        else:
            records.append(record)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda record: looked_at(context, record), records))
