"""`aws-run ps`: the newest runs, from their records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_status import RunStatus, status_of, with_so_far
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_NEWEST = 50


def ps(context: AppContext, project: str | None, *, limit: int = _NEWEST) -> list[RunStatus]:
    """The newest runs, newest first, from their records (one request a run, side by side); of those that go on also
    what they have cost and use now (two requests more)."""
    store = lookup.store(context)
    ids = store.run_ids(project)[-limit:]
    with ThreadPoolExecutor(max_workers=8) as pool:
        statuses = pool.map(lambda run: _look(context, store, run), reversed(ids))
        return [status for status in statuses if status is not None]


def _look(context: AppContext, store: RunStore, run: str) -> RunStatus | None:
    record = _read(context, store, run)
    return None if record is None else with_so_far(context, status_of(record))


def _read(context: AppContext, store: RunStore, run: str) -> Record | None:
    """One record that can't be read hides none of the others."""
    try:
        return store.read(run)[0]
    except AwsRunError as error:
        context.emit(Notice(text=f"{run}: {error.message}", level="warning", hint=error.hint))
        return None
