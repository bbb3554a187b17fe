"""`aws-run logs`: what a run's job printed, as it stands or as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aws_run.backends.executor import LogSource
from aws_run.clock import GrowingWait
from aws_run.errors import AwsRunError
from aws_run.events import LogLine
from aws_run.hints import quoted
from aws_run.job_log import LogFold
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_stage import executor_of, find_task, handle_of
from aws_run.runs.keys import RunKeys

_LONGEST_LINE = 1024 * 1024  # CloudWatch's own limit of an event


def logs(
    context: AppContext, run: str | None, project: str | None, *, follow: bool, raw: bool = False
) -> Iterator[LogLine]:
    """The task's own lines while they are there, then the copy in the bucket.

    Of what the job redraws (progress bars) only the last state is a line; with `follow` the others go out as events.
    `raw`: every line that the log service has, marks of the container's included; AwsRunError where it has none any
    more.
    """
    writer = lookup.open_run(context, run, project)
    record, store = writer.record, lookup.store(context)
    saved = store.pieces(RunKeys(run_id=record.run_id).log) if record.finished and not raw else None
    if saved is not None:
        for text in lines_of(saved):
            yield LogLine(timestamp_ms=0, text=text)
        return
    source: LogSource | None = None
    fold, empty = LogFold(), True
    wait = GrowingWait(context.clock, first_s=context.poll_s, longest_s=context.longest_poll_s, factor=1.3)
    while True:
        record = store.read(record.run_id)[0] if follow else record
        state = find_task(context, record)
        handle = handle_of(record, state)
        if source is None and handle is not None:
            source = executor_of(context, record).log_source(record, handle)
        for event in () if source is None else source.read() if raw else fold.fold(source.read()):
            empty = False
            if isinstance(event, LogLine):
                yield event
            elif follow:
                context.emit(event)
        if not follow or record.finished or (state is not None and state.stopped):
            if raw and empty and record.finished:
                raise AwsRunError(
                    f"CloudWatch has no log of {record.run_id} any more",
                    hint=quoted("logs", record.run_id) + " prints the copy in the bucket, without the states of bars",
                )
            yield from (LogLine(timestamp_ms=0, text=text) for text in fold.states)
            return
        wait.sleep()


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
