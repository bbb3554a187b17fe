"""`ps`, `status`, `wait`, `logs`: what any machine can see of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from aws_run.aws.logs import LogTail
from aws_run.backends.ecs import container
from aws_run.errors import AwsRunError
from aws_run.events import LogLine, Notice, StatusChanged
from aws_run.lifecycle import lookup, reconcile
from aws_run.lifecycle.context import AppContext
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_NEWEST = 50
_LONGEST_LINE = 1024 * 1024  # CloudWatch's own limit of an event


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """`phase`: what ECS says now, else what was recorded. `exit_code` None: it has not ended."""

    record: Record
    phase: str
    exit_code: int | None

    @property
    def sentence(self) -> str:
        return self.record.outcome.sentence if self.record.outcome else ""


def ps(context: AppContext, project: str | None) -> list[RunStatus]:
    """The newest runs, newest first, from their records alone (one request a run, side by side)."""
    store = lookup.store(context)
    ids = store.run_ids(project)[-_NEWEST:]
    with ThreadPoolExecutor(max_workers=8) as pool:
        records = list(pool.map(lambda run: _read(context, store, run), reversed(ids)))
    return [_from_record(record) for record in records if record is not None]


def _read(context: AppContext, store: RunStore, run: str) -> Record | None:
    """One record that can't be read hides none of the others."""
    try:
        return store.read(run)[0]
    except AwsRunError as error:
        context.emit(Notice(text=f"{run}: {error.message}", level="warning", hint=error.hint))
        return None


def _from_record(record: Record) -> RunStatus:
    if record.outcome:
        word = "succeeded" if record.outcome.exit_code == 0 else record.outcome.reason
        return RunStatus(record=record, phase=word if word != "exit" else "failed", exit_code=record.outcome.exit_code)
    return RunStatus(record=record, phase=record.state, exit_code=None)


def status(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """A run that has ended with no client alive is finished here: its outcome noted, what it used removed."""
    writer = lookup.open_run(context, run, project)
    return settled(context, writer)


def settled(context: AppContext, writer: RecordWriter) -> RunStatus:
    """How the run stands. One that is over with nobody at it is finished first."""
    record = writer.record
    if record.state == "removed":
        return _from_record(record)
    store = lookup.store(context)
    stage, task = reconcile.run_stage(context, store, record)
    if stage == "abandoned":
        reconcile.reconcile(context, store, writer, task)
        return _from_record(writer.record)
    found = _from_record(record)
    if task is not None and found.exit_code is None:
        return RunStatus(record=record, phase=str(task["lastStatus"]).lower(), exit_code=None)
    return found


def wait(context: AppContext, run: str | None, project: str | None) -> RunStatus:
    """Blocks until the run has ended; its phases go out as events."""
    writer = lookup.open_run(context, run, project)
    run_id, phase, wait_s = writer.record.run_id, "", context.poll_s
    while True:
        found = settled(context, RecordWriter.resume(lookup.store(context), run_id, context.clock))
        if found.exit_code is not None:
            return found
        if found.phase != phase:
            phase, wait_s = found.phase, context.poll_s
            context.emit(StatusChanged(status=phase))
        context.clock.sleep(wait_s)
        wait_s = min(wait_s * 1.3, context.longest_poll_s)


def logs(context: AppContext, run: str | None, project: str | None, *, follow: bool) -> Iterator[LogLine]:
    """CloudWatch's events while the log group is there, then the copy in the bucket."""
    writer = lookup.open_run(context, run, project)
    record, store = writer.record, lookup.store(context)
    saved = store.pieces(RunKeys(run_id=record.run_id).log) if record.finished else None
    if saved is not None:
        for text in lines_of(saved):
            yield LogLine(timestamp_ms=0, text=text)
        return
    tail: LogTail | None = None
    wait_s = context.poll_s
    while True:
        record = store.read(record.run_id)[0] if follow else record
        task = reconcile.find_task(context, record)
        arn = record.task_arn or (str(task["taskArn"]) if task else None)
        if tail is None and arn is not None:
            tail = LogTail(context.aws, record.log_group, container.log_stream(record.run_id, arn))
        if tail is not None:
            yield from tail.read()
        if not follow or record.finished or _stopped(task):
            return
        context.clock.sleep(wait_s)
        wait_s = min(wait_s * 1.3, context.longest_poll_s)


def _stopped(task: Mapping[str, Any] | None) -> bool:
    return task is not None and task["lastStatus"] == "STOPPED"


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a text that comes in pieces. The job may have written that object itself: one line that never ends
    is cut."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
        if len(rest) > _LONGEST_LINE:
            yield rest.decode("utf-8", "replace")
            rest = b""
    if rest:
        yield rest.decode("utf-8", "replace")
