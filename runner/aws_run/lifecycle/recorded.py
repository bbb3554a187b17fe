"""The records of many runs at once: one listing, then the records side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

from aws_run.errors import AwsRunError
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_AT_ONCE = 16  # as many as the session has connections


def read_records(store: RunStore, run_ids: Iterable[str]) -> Iterator[tuple[str, Record | AwsRunError]]:
    """Each run with its record, in the order of `run_ids`; one that can't be read hides none of the others."""

    def read(run_id: str) -> tuple[str, Record | AwsRunError]:
        try:
            return run_id, store.read(run_id)[0]
        except AwsRunError as error:
            return run_id, error

    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="records") as pool:
        yield from pool.map(read, run_ids)


def began_at(run_id: str) -> datetime:
    """When a run began, from its name alone. ValueError for a time that there is not."""
    return datetime.strptime(run_id[-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
