"""What every executor promises, on ECS and on one in memory: a new executor joins by one more harness."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import pytest
from tests.backends.memory import MemoryExecutor, MemoryService
from tests.unit.fakes import FakeAws, FakeClock, record, refused, spec

from aws_run.backends.ecs.tasks import EcsExecutor
from aws_run.backends.executor import EndCause, Executor, TaskEnd, TaskHandle, TaskPhase, TaskRequest
from aws_run.runs.record import Record


class Harness(Protocol):
    """An executor with its service in the test's hands."""

    executor: Executor

    def lose_next_answer(self) -> None: ...

    def accepted(self) -> int:
        """How many tasks the service holds."""
        ...

    def move(self, handle: TaskHandle, phase: TaskPhase) -> None: ...

    def exit(self, handle: TaskHandle, code: int) -> None: ...

    def write(self, handle: TaskHandle, line: str) -> None: ...

    def forget(self, handle: TaskHandle) -> None: ...

    def remove_place(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.service = MemoryService(FakeClock())
        self.executor: Executor = MemoryExecutor(self.service)

    def lose_next_answer(self) -> None:
        self.service.answers_lost = 1

    def accepted(self) -> int:
        return len(self.service.tasks)

    def move(self, handle: TaskHandle, phase: TaskPhase) -> None:
        self.service.tasks[handle.id].phase = phase

    def exit(self, handle: TaskHandle, code: int) -> None:
        self.service.end(handle.id, TaskEnd(cause=EndCause.EXITED, exit_code=code))

    def write(self, handle: TaskHandle, line: str) -> None:
        self.service.tasks[handle.id].lines.append(line)

    def forget(self, handle: TaskHandle) -> None:
        del self.service.tasks[handle.id]

    def remove_place(self) -> None:
        self.service.gone.add(spec().names.cluster)


class OnEcs:
    """A small ECS behind a FakeAws: tasks by client token, DescribeTasks, ListTasks, StopTask, and their log."""

    STATUS = {  # noqa: RUF012 - never changed
        TaskPhase.WAITING: "PROVISIONING",
        TaskPhase.STARTING: "PENDING",
        TaskPhase.RUNNING: "RUNNING",
        TaskPhase.STOPPING: "DEPROVISIONING",
    }

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}
        self.cluster = True
        self.lost = 0
        self.clock = FakeClock()
        aws = FakeAws()
        aws.on("run_task", self._run).on("describe_tasks", self._describe).on("list_tasks", self._list)
        aws.on("stop_task", self._stop).on("get_log_events", self._events).on("describe_clusters", self._clusters)
        self.executor: Executor = EcsExecutor(aws, self.clock, lambda _: {})

    def _run(self, *, clientToken: str, overrides: Any, **_: Any) -> dict[str, Any]:
        arn = self.tokens.setdefault(clientToken, f"arn:aws:ecs:us-east-1:1:task/c/{len(self.tasks) + 1}")
        self.tasks.setdefault(arn, {"taskArn": arn, "lastStatus": "PROVISIONING", "overrides": overrides})
        if self.lost:
            self.lost -= 1
            raise refused("ConnectionError")
        return {"tasks": [self.tasks[arn]], "failures": []}

    def _describe(self, *, tasks: list[str], **_: Any) -> dict[str, Any]:
        if not self.cluster:
            raise refused("ClusterNotFoundException")
        return {"tasks": [self.tasks[arn] for arn in tasks if arn in self.tasks]}

    def _list(self, *, desiredStatus: str, **_: Any) -> dict[str, Any]:
        stopped = desiredStatus == "STOPPED"
        return {"taskArns": [arn for arn, task in self.tasks.items() if (task["lastStatus"] == "STOPPED") == stopped]}

    def _stop(self, *, task: str, reason: str, **_: Any) -> dict[str, Any]:
        if task not in self.tasks:
            raise refused("InvalidParameterException", "The referenced task was not found.")
        self.tasks[task] |= {"lastStatus": "STOPPED", "stopCode": "UserInitiated", "stoppedReason": reason}
        self.tasks[task] |= {"stoppedAt": self.clock.now(), "containers": [{"name": "job", "exitCode": 143}]}
        return {}

    def _events(
        self, *, logStreamName: str, nextToken: str | None = None, startFromHead: bool = True, limit: int = 0, **_: Any
    ) -> dict[str, Any]:
        lines = self.lines.get(logStreamName.rsplit("/", 1)[-1], [])
        if not startFromHead:
            return {"events": [{"timestamp": 0, "message": line} for line in lines[-limit:]]}
        begin = int(nextToken or 0)
        events = [{"timestamp": 0, "message": line} for line in lines[begin:]]
        return {"events": events, "nextForwardToken": str(len(lines))}

    def _clusters(self, **_: Any) -> dict[str, Any]:
        return {"clusters": [{"status": "ACTIVE"}] if self.cluster else []}

    def lose_next_answer(self) -> None:
        self.lost = 1

    def accepted(self) -> int:
        return len(self.tasks)

    def move(self, handle: TaskHandle, phase: TaskPhase) -> None:
        self.tasks[handle.id]["lastStatus"] = self.STATUS[phase]

    def exit(self, handle: TaskHandle, code: int) -> None:
        self.tasks[handle.id] |= {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited"}
        self.tasks[handle.id] |= {"containers": [{"name": "job", "exitCode": code}], "stoppedAt": self.clock.now()}

    def write(self, handle: TaskHandle, line: str) -> None:
        self.lines.setdefault(handle.id.rsplit("/", 1)[-1], []).append(line)

    def forget(self, handle: TaskHandle) -> None:
        del self.tasks[handle.id]

    def remove_place(self) -> None:
        self.cluster = False


@pytest.fixture(params=[InMemory, OnEcs], ids=["memory", "ecs"])
def harness(request: pytest.FixtureRequest) -> Harness:
    return request.param()


def request_of(attempt: int = 1) -> TaskRequest:
    return TaskRequest(spec=spec(), definition="d", inputs=(), deadline=spec().deadline, attempt=attempt)


def recorded(handle: TaskHandle | None, attempt: int = 1) -> Record:
    bare = record().with_attempt(attempt)
    return bare if handle is None else bare.with_handle(handle)


def test_an_accepted_task_is_known_and_waits(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    state = harness.executor.state(handle)
    assert state is not None
    assert (state.handle, state.attempt, state.phase, state.placed, state.end) == (
        handle, 1, TaskPhase.WAITING, False, None
    )  # fmt: skip


def test_the_same_request_again_is_the_same_task(harness: Harness) -> None:
    assert harness.executor.start(request_of()) == harness.executor.start(request_of())
    assert harness.accepted() == 1


def test_a_start_whose_answer_is_lost_ends_with_the_one_task_that_was_accepted(harness: Harness) -> None:
    harness.lose_next_answer()
    handle = harness.executor.start(request_of())
    assert harness.accepted() == 1
    assert harness.executor.state(handle) is not None


def test_the_check_is_made_before_each_try_and_may_end_the_start(harness: Harness) -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harness.executor.start(request_of(), check)
    assert harness.accepted() == 0


def test_a_task_that_is_not_on_record_is_adopted_by_its_attempt(harness: Harness) -> None:
    first, second = harness.executor.start(request_of(1)), harness.executor.start(request_of(2))
    assert first != second
    for attempt, handle in ((1, first), (2, second)):
        state = harness.executor.find(recorded(None, attempt))
        assert state is not None
        assert state.handle == handle
    assert harness.executor.find(recorded(None, 3)) is None
    on_record = harness.executor.find(recorded(first, 1))
    assert on_record is not None
    assert on_record.handle == first


def test_the_phases_of_a_task_and_its_exit_code(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    for phase in (TaskPhase.WAITING, TaskPhase.STARTING, TaskPhase.RUNNING):
        harness.move(handle, phase)
        state = harness.executor.state(handle)
        assert state is not None
        assert (state.phase, state.stopped, state.end) == (phase, False, None)
        assert state.status
    harness.exit(handle, 7)
    state = harness.executor.state(handle)
    assert state is not None
    assert state.end is not None
    assert (state.stopped, state.end.cause, state.end.exit_code) == (True, EndCause.EXITED, 7)
    assert state.stopped_at is not None


def test_a_task_that_was_told_to_stop_says_so_and_may_be_told_again(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    harness.move(handle, TaskPhase.RUNNING)
    harness.executor.stop(handle, "enough")
    harness.executor.stop(handle, "enough")
    state = harness.executor.state(handle)
    assert state is not None
    assert state.end is not None
    assert (state.end.cause, state.end.text) == (EndCause.STOPPED, "enough")


def test_a_task_that_vanished_is_no_task_and_stopping_it_is_fine(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    harness.forget(handle)
    assert harness.executor.state(handle) is None
    harness.executor.stop(handle, "gone")
    assert not harness.executor.is_gone(handle)
    harness.remove_place()
    assert harness.executor.is_gone(handle)


def test_each_line_of_the_log_is_read_once(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    source = harness.executor.log_source(recorded(handle), handle)
    assert [line.text for line in source.read()] == []
    harness.write(handle, "one")
    harness.write(handle, "two")
    assert [line.text for line in source.read()] == ["one", "two"]
    harness.write(handle, "three")
    assert [line.text for line in source.read()] == ["three"]
    again = harness.executor.log_source(recorded(handle), handle)
    assert [line.text for line in again.read()] == ["one", "two", "three"]


def test_the_last_lines_of_a_log_do_not_change_what_is_read_next(harness: Harness) -> None:
    handle = harness.executor.start(request_of())
    source = harness.executor.log_source(recorded(handle), handle)
    assert source.last(2) == []
    for text in ("one", "two", "three"):
        harness.write(handle, text)
    assert [line.text for line in source.last(2)] == ["two", "three"]
    assert [line.text for line in source.read()] == ["one", "two", "three"]


def test_a_request_differs_between_attempts_by_its_number_alone() -> None:
    assert replace(request_of(1), attempt=2) == request_of(2)
