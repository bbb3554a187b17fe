"""Following a task from acceptance to its end: status, log lines, and whether a machine is coming at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_run.aws.logs import LogTail
from aws_run.aws.session import Aws
from aws_run.backends.ecs import container
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, AwsRunError, CapacityError
from aws_run.events import Emit, LogLine, StatusChanged
from aws_run.lifecycle.patience import Patience

_CAPACITY_EVERY_S = 5.0
_PLACED_WITHIN_S = 20 * 60  # ECS gives a task that waits 10 to 30 minutes itself (aws-facts §2)
_DRAIN_S = 5.0


def describe(aws: Aws, cluster: str, task_arn: str) -> Mapping[str, Any] | None:
    """The task as ECS shows it, None when ECS no longer (or not yet) knows it."""
    try:
        answer = aws.call("ecs", "describe_tasks", cluster=cluster, tasks=[task_arn])
    except AwsCallError as error:
        if error.code == "ClusterNotFoundException":
            return None
        raise
    tasks = answer.get("tasks") or []
    return dict(tasks[0]) if tasks else None


class Watch:
    """`on_placed` is called once when the task has its machine, `check_capacity` every few seconds before that, `keep`
    with each line of the log: nothing is kept here, since a job may write millions of them."""

    def __init__(
        self,
        aws: Aws,
        clock: Clock,
        *,
        cluster: str,
        task_arn: str,
        log_group: str,
        run_id: str,
        emit: Emit,
        poll_s: float,
        longest_poll_s: float,
        check_capacity: Callable[[], None] = lambda: None,
        on_placed: Callable[[], None] = lambda: None,
        keep: Callable[[LogLine], None] = lambda line: None,
    ) -> None:
        self._aws = aws
        self._clock = clock
        self._cluster = cluster
        self._task_arn = task_arn
        self._tail = LogTail(aws, log_group, container.log_stream(run_id, task_arn))
        self._emit = emit
        self._poll_s = poll_s
        self._patiently = Patience(clock, emit, poll_s)
        self._longest_poll_s = longest_poll_s
        self._check_capacity = check_capacity
        self._on_placed = on_placed
        self._keep = keep
        self._seen_any = False

    def follow(self) -> Mapping[str, Any]:
        """Blocks until the task is STOPPED and its log is drained; the task as DescribeTasks last gave it.

        Raises CapacityError when no machine is going to come, AwsRunError when the task has vanished.
        """
        task: Mapping[str, Any] | None = None
        for state in self._states():
            task = state
        if task is None:
            raise AwsRunError(
                f"ECS does not know the task {self._task_arn} any more", hint="`aws-run status` shows what was recorded"
            )
        self.drain()
        return task

    def _states(self) -> Iterator[Mapping[str, Any]]:
        began = checked = self._clock.monotonic()
        status, placed, wait_s, unknown = "", False, self._poll_s, 0
        while True:
            task = self._patiently(lambda: describe(self._aws, self._cluster, self._task_arn))
            if task is None:
                # ECS is eventually consistent right after RunTask; a task that stays unknown is lost.
                unknown += 1
                if unknown > 10:
                    return
            else:
                unknown = 0
                yield task
                current = str(task["lastStatus"])
                if current != status:
                    status, wait_s = current, self._poll_s
                    self._emit(StatusChanged(status=status, detail=_detail(task)))
                if status == "STOPPED":
                    return
                if not placed and status not in ("PROVISIONING", ""):
                    placed = True
                    self._patiently(self._on_placed)
            now = self._clock.monotonic()
            if not placed and now - checked >= _CAPACITY_EVERY_S:
                checked = now
                self._patiently(self._check_capacity)
                if now - began > _PLACED_WITHIN_S:
                    raise CapacityError(
                        f"No machine joined the cluster in {_PLACED_WITHIN_S // 60} minutes",
                        hint="the subnets may have no route to ECS: use public ones, or add a NAT gateway",
                    )
            if status in ("RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING") and self._read():
                wait_s = self._poll_s
            self._clock.sleep(wait_s)
            wait_s = min(wait_s * 1.3, self._longest_poll_s)

    def _read(self) -> int:
        return self._patiently(self._read_once)

    def _read_once(self) -> int:
        count = 0
        for line in self._tail.read():
            count += 1
            self._keep(line)
            self._emit(line)
        self._seen_any = self._seen_any or count > 0
        return count

    def drain(self) -> None:
        """Lines may arrive after STOPPED: reading goes on until a while passes without any (aws-facts §6)."""
        quiet_s, step_s = 0.0, min(self._poll_s, 1.0)
        while quiet_s < (_DRAIN_S / 2 if self._seen_any else _DRAIN_S) * min(self._poll_s, 1.0):
            quiet_s = 0.0 if self._read() else quiet_s + step_s
            if quiet_s:
                self._clock.sleep(step_s)


def _detail(task: Mapping[str, Any]) -> str:
    if task["lastStatus"] == "PROVISIONING":
        return "waiting for a machine"
    if task["lastStatus"] == "PENDING":
        return "pulling the image"
    if task["lastStatus"] == "STOPPED":
        said = str(task.get("stoppedReason") or "")
        # ECS's words for "the job has ended", whatever its exit code.
        return "" if said.startswith("Essential container") else said
    return ""
