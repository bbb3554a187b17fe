"""`aws-run ps`: the newest runs, from their records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import read_records
from aws_run.lifecycle.run_status import RunStatus, status_of, with_so_far
from aws_run.runs.record import Record

_NEWEST = 50


def ps(context: AppContext, project: str | None, *, limit: int = _NEWEST) -> list[RunStatus]:
    """The newest runs, newest first, from their records (one request a run, side by side); of those that go on also
    what they have cost and use now (two requests more)."""
    store = lookup.store(context)
    ids = store.run_ids(project)[-limit:]
    records: list[Record] = []
    for run, record in read_records(store, reversed(ids)):
        if isinstance(record, AwsRunError):
            context.emit(Notice(text=f"{run}: {record.message}", level="warning", hint=record.hint))
        else:
            records.append(record)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda record: with_so_far(context, status_of(record)), records))
