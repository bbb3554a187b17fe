"""What a run changed: its facts beside those of the base branch's last run of the same command, from the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_run.data.outputs import MOST_MANIFEST_BYTES, manifest_key, output_sums
from aws_run.errors import AwsRunError
from aws_run.github.comments.changes import (
    METRICS,
    MOST_NUMBERS,
    TABLES,
    Changes,
    NoBase,
    RunFacts,
    compare,
    read_metrics,
    read_shape,
)
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.what_ran import seconds_of
from aws_run.runs.keys import RunKeys
from aws_run.runs.output_files import OutputFile
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_SEARCHED = 60  # how many of the project's newest runs are looked through
_MOST_READ = 40  # files of a run whose contents are read
_MOST_BYTES = 8 << 20


def changes_of(
    context: AppContext,
    record: Record,
    *,
    repository: str,
    branch: str,
    tolerance: Mapping[str, float],
    url_of: Callable[[Record], Callable[[str], str]],
) -> Changes | NoBase:
    """NoBase where the branch has no run of the same command that ended well, or none that can still be read."""
    store = lookup.store(context)
    before = base_run(store, record, repository=repository, branch=branch)
    if before is None:
        return NoBase(
            why=f"{branch} has no run of the same command that ended well, so there is nothing to compare with."
        )
    facts = [facts_of(store, one, url_of(one)) for one in (before, record)]
    return compare(facts[0], facts[1], against=f"{branch}'s last run", tolerance=tolerance)


def base_run(store: RunStore, record: Record, *, repository: str, branch: str) -> Record | None:
    """The newest run of that branch, with the same command, that ended well."""
    for run in reversed(store.run_ids(record.project)[-_SEARCHED:]):
        if run == record.run_id:
            continue
        try:
            other, _ = store.read(run)
        except AwsRunError:
            continue  # one that can't be read hides none of the others
        told = dict(part.partition("=")[::2] for part in other.origin_detail.split())
        ended_well = other.outcome is not None and other.outcome.exit_code == 0
        same = (told.get("repository"), told.get("branch")) == (repository, branch)
        if ended_well and same and other.command == record.command:
            return other
    return None


def facts_of(store: RunStore, record: Record, url: Callable[[str], str]) -> RunFacts:
    """Of a run that has ended. Contents are read of metrics.json and tables only, the first few, each up to 8 MiB."""
    prefix = record.output_prefix or RunKeys(run_id=record.run_id).output
    outputs: dict[str, OutputFile] = {}
    metrics: dict[str, float] = {}
    sums = output_sums(store.get(manifest_key(record.run_id), most_bytes=MOST_MANIFEST_BYTES) or b"")
    left, unread, long = _MOST_READ, 0, False
    for entry in store.list("Contents", Prefix=prefix):
        key, count = str(entry["Key"]), int(entry["Size"])
        path = key.removeprefix(prefix)
        shape = None
        is_metrics = path.rpartition("/")[2] == METRICS
        if is_metrics or path.lower().endswith(tuple(TABLES)):
            if count > _MOST_BYTES or not left:
                unread += 1
            else:
                left -= 1
                content = store.get(key, most_bytes=_MOST_BYTES) or b""
                shape = read_shape(path, content)
                numbers = read_metrics(path, content) if is_metrics else {}
                long = long or len(numbers) == MOST_NUMBERS
                metrics |= numbers
        outputs[path] = OutputFile(
            bytes=count, etag=str(entry["ETag"]), crc32=sums.get(path), shape=shape, url=url(path)
        )
    return RunFacts(
        run_id=record.run_id,
        cost_usd=record.usd,
        seconds=seconds_of(record),
        peak_memory_bytes=_peak_memory_bytes(store, record),
        outputs=outputs,
        metrics=metrics,
        not_read=_not_read(record.run_id, unread, long),
    )


def _not_read(run_id: str, files: int, long: bool) -> tuple[str, ...]:
    """`files`: how many tables and metrics.json were left. `long`: one has more numbers than are read."""
    sentences = (
        f"{files} tables or metrics.json of {run_id} are compared by size and checksum only: contents are read up to "
        f"{_MOST_BYTES >> 20} MiB each, of the first {_MOST_READ}.",
        f"Only the first {MOST_NUMBERS} numbers of a metrics.json are compared.",
    )
    return tuple(sentence for sentence, holds in zip(sentences, (files, long), strict=True) if holds)


def _peak_memory_bytes(store: RunStore, record: Record) -> int | None:
    """The job's peak memory, from what its container wrote; the job may have written that itself."""
    body = store.get(RunKeys(run_id=record.run_id).result, most_bytes=_MOST_BYTES)
    try:
        value: Any = json.loads(body).get("peak_memory_bytes") if body else None
    except (ValueError, AttributeError, RecursionError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 50 else None
