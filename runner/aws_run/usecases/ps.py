"""`aws-run ps`: the newest runs, from their records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import read_records
from aws_run.lifecycle.run_status import RunStatus, looked_at
from aws_run.runs.record import Record

_NEWEST = 50


def ps(context: AppContext, project: str | None, *, limit: int = _NEWEST) -> list[RunStatus]:
    """The newest runs, newest first, from their records (one request a run, side by side). Those that the record says
    go on are looked at: whether they have ended (one request more), and what they have cost and use now (a second)."""
    store = lookup.store(context)
    ids = store.run_ids(project)[-limit:]
    records: list[Record] = []
    for run, record in read_records(store, reversed(ids)):
        if isinstance(record, AwsRunError):
            context.emit(Notice(text=f"{run}: {record.message}", level="warning", hint=record.hint))
        else:
            records.append(record)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda record: looked_at(context, record), records))
