"""`aws-run logs`: what a run's job printed, as it stands or as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aws_run.backends.executor import LogSource, TaskHandle
from aws_run.errors import AwsRunError
from aws_run.events import Event, LogLine, Notice
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.job_log import LogFold
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.follow.until_end import RunUntilEnd, after_its_end, follow_task
from aws_run.lifecycle.run_stage import executor_of, find_task, handle_of
from aws_run.lifecycle.run_status import RunStatus
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Record

_LONGEST_LINE = 1024 * 1024  # CloudWatch's own limit of an event
Show = Callable[[LogLine], None]


def logs(context: AppContext, run: str | None, project: str | None, *, raw: bool = False) -> Iterator[LogLine]:
    """The task's own lines while they are there, then the copy in the bucket; a notice where there are none.

    Of what the job redraws (progress bars) only the last state is a line. `raw`: every line that the log service has,
    marks of the container's included; AwsRunError where it has none any more.
    """
    record = lookup.open_run(context, run, project).record
    empty = True
    for line in _lines(context, record, raw=raw):
        empty = False
        yield line
    if empty and raw and record.finished:
        raise AwsRunError(
            f"CloudWatch has no log of {record.run_id} any more",
            hint=quoted("logs", record.run_id) + " prints the copy in the bucket, without the states of bars",
        )
    if empty:
        context.emit(no_log(record))


def follow_logs(
    context: AppContext, run: str | None, project: str | None, *, show: Show, raw: bool = False
) -> RunStatus | None:
    """Blocks until the run has ended: the lines of each of its attempts are shown as they come, all else goes out as
    events. Of a run that has ended its log as it stands, as `logs` has it, and None."""
    record = lookup.open_run(context, run, project).record
    if record.finished:
        with after_its_end():
            for line in logs(context, record.run_id, project, raw=raw):
                show(line)
        return None

    def emit(event: Event) -> None:
        if not isinstance(event, LogLine):
            context.emit(event)
        elif not raw:
            show(event)

    def follow(status: RunStatus, handle: TaskHandle) -> None:
        through = (lambda source: _ShownRaw(source=source, show=show)) if raw else (lambda source: source)
        follow_task(context, status.record, handle, emit=emit, through=through)

    looked = RunUntilEnd(context, record.run_id, on_task=follow)
    ended = looked.wait()
    if not looked.followed:
        with after_its_end():
            for line in logs(context, record.run_id, project, raw=raw):
                show(line)
    return ended


@frozen
class _ShownRaw:
    """A log whose lines are shown as they are read, before anybody makes bars of them."""

    source: LogSource
    show: Show

    def read(self) -> Iterator[LogLine]:
        for line in self.source.read():
            self.show(line)
            yield line

    def last(self, count: int) -> list[LogLine]:
        return self.source.last(count)


def _lines(context: AppContext, record: Record, *, raw: bool) -> Iterator[LogLine]:
    saved = saved_log(context, record) if record.finished and not raw else None
    if saved is not None:
        yield from saved
        return
    handle = handle_of(record, find_task(context, record))
    if handle is None:
        return
    lines, fold = executor_of(context, record).log_source(record, handle).read(), LogFold()
    if raw:
        yield from lines
        return
    yield from (event for event in fold.fold(lines) if isinstance(event, LogLine))
    yield from (LogLine(timestamp_ms=0, text=text) for text in fold.states)


def saved_log(context: AppContext, record: Record) -> Iterator[LogLine] | None:
    """The copy in the bucket; None where the run has saved none."""
    saved = lookup.store(context).pieces(RunKeys(run_id=record.run_id).log)
    return None if saved is None else (LogLine(timestamp_ms=0, text=text) for text in lines_of(saved))


def no_log(record: Record) -> Notice:
    """What is said where there is no line to print."""
    if not record.finished:
        return Notice(text="the run has no log yet", hint=quoted("logs", record.run_id, "-f") + " follows it")
    failed = record.outcome is not None and record.outcome.exit_code != 0
    return Notice(
        text="the run has saved no log",
        hint=quoted("explain", record.run_id) + " says how it ended" if failed else None,
    )


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
