"""Following a task from acceptance to its end: status, log lines, and whether a machine is coming at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from aws_run.backends.executor import Executor, LogSource, TaskHandle, TaskPhase, TaskState
from aws_run.clock import Clock, GrowingWait
from aws_run.errors import AwsRunError, CapacityError
from aws_run.events import Emit, LogLine, StatusChanged
from aws_run.hints import quoted
from aws_run.job_log import LogFold
from aws_run.lifecycle.follow.patience import Patience

_CAPACITY_EVERY_S = 5.0
_PLACED_WITHIN_S = 20 * 60  # ECS gives a task that waits 10 to 30 minutes itself (aws-facts §2)
_DRAIN_S = 5.0
_UNKNOWN_AT_MOST = 10  # looks in a row


class Watch:
    """`on_placed` is called once when the task has its machine, `check_capacity` every few seconds before that, `keep`
    with each line of the log: nothing is kept here, since a job may write millions of them. `is_over`: whether another
    client has noted the end of a task that its service does not know any more."""

    def __init__(
        self,
        executor: Executor,
        log: LogSource,
        handle: TaskHandle,
        *,
        clock: Clock,
        emit: Emit,
        poll_s: float,
        longest_poll_s: float,
        check_capacity: Callable[[], None] = lambda: None,
        on_placed: Callable[[], None] = lambda: None,
        keep: Callable[[LogLine], None] = lambda line: None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._executor = executor
        self._log = log
        self._handle = handle
        self._clock = clock
        self._emit = emit
        self._poll_s = poll_s
        self._patiently = Patience(clock, emit, poll_s)
        self._longest_poll_s = longest_poll_s
        self._check_capacity = check_capacity
        self._on_placed = on_placed
        self._keep = keep
        self._is_over = is_over
        self._seen_any = False
        self._fold = LogFold()

    def follow(self) -> TaskState:
        """Blocks until the task has stopped and its log is drained; the task as it was last seen.

        Raises CapacityError when no machine is going to come, AwsRunError when the task has vanished.
        """
        last: TaskState | None = None
        for state in self._states():
            last = state
        if last is None:
            raise AwsRunError(
                f"AWS does not know the task {self._handle.id} any more",
                hint=quoted("status") + " shows what was recorded",
            )
        self._drain(last.stopping_at or last.stopped_at)
        return last

    def _states(self) -> Iterator[TaskState]:
        began = checked = self._clock.monotonic()
        status, placed, unknown = "", False, 0
        wait = GrowingWait(self._clock, first_s=self._poll_s, longest_s=self._longest_poll_s, factor=1.3)
        while True:
            state = self._patiently(lambda: self._executor.state(self._handle))
            if state is None:
                # A service is eventually consistent right after a start; a task that stays unknown is lost.
                unknown += 1
                if unknown > _UNKNOWN_AT_MOST or self._patiently(self._is_over):
                    return
            else:
                unknown = 0
                yield state
                if state.status != status:
                    status = state.status
                    wait.restart()
                    self._emit(StatusChanged(status=status, detail=state.detail))
                if state.stopped:
                    return
                if not placed and state.placed:
                    placed = True
                    self._patiently(self._on_placed)
            now = self._clock.monotonic()
            if not placed and now - checked >= _CAPACITY_EVERY_S:
                checked = now
                self._patiently(self._check_capacity)
                if now - began > _PLACED_WITHIN_S:
                    raise CapacityError(
                        f"The task has had no machine for {_PLACED_WITHIN_S // 60} minutes",
                        hint="the subnets may have no route to ECS: use public ones, or add a NAT gateway",
                    )
            if state is not None and state.phase in (TaskPhase.RUNNING, TaskPhase.STOPPING) and self._read():
                wait.restart()
            wait.sleep()

    def _read(self) -> int:
        return self._patiently(self._read_once)

    def _read_once(self) -> int:
        count = 0
        for event in self._fold.fold(self._log.read()):
            count += 1
            if isinstance(event, LogLine):
                self._keep(event)
            self._emit(event)
        self._seen_any = self._seen_any or count > 0
        return count

    def _drain(self, ended: datetime | None) -> None:
        """Lines may arrive after the job has ended: reading goes on until a while passes without any (aws-facts §6).

        `ended`: when the job did, by AWS's clock. A service tells of it seconds later, and what had not arrived by
        then would be late already: that time is part of the while, and nothing waits for the results in vain.
        """
        step_s = min(self._poll_s, 1.0)
        self._read()
        quiet_s = 0.0 if ended is None else max(0.0, (self._clock.now() - ended).total_seconds())
        while (left_s := (_DRAIN_S / 2 if self._seen_any else _DRAIN_S) * step_s - quiet_s) > 0:
            wait_s = min(step_s, left_s)
            self._clock.sleep(wait_s)
            quiet_s = 0.0 if self._read() else quiet_s + wait_s
