"""A run that may be another terminal's, watched until its outcome is on record: its phases, and each attempt's task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from aws_run.backends.executor import LogSource, TaskHandle
from aws_run.clock import GrowingWait
from aws_run.errors import AwsRunError
from aws_run.events import Emit, JobLimits, Notice, StatusChanged
from aws_run.lifecycle import lookup, run_stage
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.follow.patience import Patience, goes_on, out_of_reach
from aws_run.lifecycle.follow.watch import Watch
from aws_run.lifecycle.run_status import RunStatus, seen_status, settled
from aws_run.runs.record import Record
from aws_run.runs.writer import RecordWriter


class InterruptedAfterEnd(KeyboardInterrupt):
    """Ctrl-C when the run had ended: nothing of it goes on."""


@contextmanager
def after_its_end() -> Iterator[None]:
    """Around what is done for a run that has ended."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise InterruptedAfterEnd from interrupt


class RunUntilEnd:
    """`on_task`: called once for each attempt whose task is seen, and blocks until that has stopped."""

    def __init__(
        self, context: AppContext, run_id: str, *, on_task: Callable[[RunStatus, TaskHandle], None] | None = None
    ) -> None:
        self._context = context
        self._run_id = run_id
        self._on_task = on_task
        self._store = lookup.store(context)
        self._patiently = Patience(context.clock, context.emit, context.poll_s, let_in=False)
        self._phase = ""
        self._seen_task = ""

    @property
    def followed(self) -> bool:
        """Whether an attempt's task was there to be followed."""
        return bool(self._seen_task)

    def wait(self) -> RunStatus:
        """Blocks until the run has ended; one that is over with nobody at it is finished here. Its phases go out as
        events. OutOfReachError when AWS can't be asked any more: the run goes on."""
        context = self._context
        waits = GrowingWait(context.clock, first_s=context.poll_s, longest_s=context.longest_poll_s, factor=1.3)
        while True:
            status = self._look()
            if status.abandoned:
                with after_its_end():
                    return self._settled(status)
            if status.exit_code is not None:
                return status
            if self._follow(status):
                self._phase = ""
                waits.restart()
                continue
            if self._show(status):
                waits.restart()
            waits.sleep()

    def _look(self) -> RunStatus:
        try:
            return self._patiently(lambda: seen_status(self._context, self._store, self._store.read(self._run_id)[0]))
        except AwsRunError as error:
            if out_of_reach(error):
                raise goes_on(error, self._run_id) from error
            raise

    def _settled(self, status: RunStatus) -> RunStatus:
        """Another try begins with the record as the last one left it."""
        context = self._context
        patiently = Patience(context.clock, context.emit, context.poll_s, let_in=False, meanwhile="trying again")
        return patiently(
            lambda: settled(context, RecordWriter.resume(self._store, self._run_id, context.clock), status.state)
        )

    def _show(self, status: RunStatus) -> bool:
        """Whether its phase is another one than before."""
        # A task that has ended is followed by its run's end, or by another attempt: whose terminal decides that, not
        # this one.
        phase = "ending" if status.state is not None and status.state.stopped else status.phase
        if phase == self._phase:
            return False
        self._phase = phase
        self._context.emit(StatusChanged(status=phase))
        return True

    def _follow(self, status: RunStatus) -> bool:
        """Whether there was a task to follow that had not been followed yet."""
        handle = run_stage.handle_of(status.record, status.state)
        if handle is None or status.state is None or handle.id == self._seen_task:
            return False
        self._seen_task = handle.id
        self._context.emit(limits_of(status))
        if self._on_task is None:
            return False
        try:
            self._on_task(status, handle)
        except AwsRunError as error:
            if out_of_reach(error):
                raise goes_on(error, self._run_id) from error
            # No machine, or a task that is gone: how that ends the run is on record, or will be.
            self._context.emit(Notice(text=error.message, level="warning", hint=error.hint))
        return True


def limits_of(status: RunStatus) -> JobLimits:
    record, state = status.record, status.state
    hour = record.hardware.usd_per_hour if record.hardware else None
    return JobLimits(
        deadline=run_stage.deadline_of(record),
        usd_per_hour=None if hour is None else Decimal(hour),
        began=None if state is None else state.billed_from or state.started_at,
    )


def follow_task(
    context: AppContext,
    record: Record,
    handle: TaskHandle,
    *,
    emit: Emit,
    through: Callable[[LogSource], LogSource] = lambda source: source,
) -> None:
    """One attempt, until its task has stopped and its log is read. `through`: what the log is read by."""
    executor = run_stage.executor_of(context, record)
    Watch(
        executor,
        through(executor.log_source(record, handle)),
        handle,
        clock=context.clock,
        emit=emit,
        poll_s=context.poll_s,
        longest_poll_s=context.longest_poll_s,
        is_over=lambda: lookup.store(context).read(record.run_id)[0].finished,
    ).follow()
