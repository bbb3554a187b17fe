"""A backend that lives in this process: what a new one has to bring, and nothing else changes for it.

Its service keeps tasks in a dict and moves them when it is told to, or by itself, a step a look. What the container
would write, its result, it writes itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_run.aws.session import Aws
from aws_run.backends import disk
from aws_run.backends.base import Advice, Stage, Usage
from aws_run.backends.executor import (
    EndCause,
    LogSource,
    TaskEnd,
    TaskHandle,
    TaskPhase,
    TaskRequest,
    TaskSession,
    TaskState,
)
from aws_run.clock import Clock
from aws_run.events import Emit, LogLine
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing.offers import Choice
from aws_run.pricing.receipt import Charge
from aws_run.runs.record import HardwareEntry, Record
from aws_run.runs.spec import JobSpec, NetworkPlacement, Offer, RunSpec

ORDER = (TaskPhase.WAITING, TaskPhase.STARTING, TaskPhase.RUNNING, TaskPhase.STOPPED)


class LostAnswer(Exception):
    """The service accepted the task, and its answer never arrived."""


@dataclass
class MemoryTask:
    token: str
    place: str
    attempt: int
    phase: TaskPhase = TaskPhase.WAITING
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    end: TaskEnd | None = None
    lines: list[str] = field(default_factory=list)


class MemoryService:
    """`moves`: whether each look moves a task one step on; `on_exit` is called once when a task's job has ended."""

    def __init__(self, clock: Clock, *, moves: bool = False, exit_code: int = 0) -> None:
        self.clock = clock
        self.moves = moves
        self.exit_code = exit_code
        self.tasks: dict[str, MemoryTask] = {}
        self.gone: set[str] = set()
        self.answers_lost = 0
        self.submitted = 0
        self.on_exit: Callable[[MemoryTask], None] = lambda task: None

    def submit(self, token: str, place: str, attempt: int) -> str:
        self.submitted += 1
        known = next((name for name, task in self.tasks.items() if task.token == token), None)
        name = known or f"memory-{len(self.tasks) + 1}"
        self.tasks.setdefault(name, MemoryTask(token=token, place=place, attempt=attempt))
        if self.answers_lost:
            self.answers_lost -= 1
            raise LostAnswer
        return name

    def look(self, name: str) -> MemoryTask | None:
        task = self.tasks.get(name)
        if task is not None and self.moves and task.phase is not TaskPhase.STOPPED:
            self.step(name)
        return task

    def step(self, name: str) -> None:
        """One step on: waiting, starting, running, ended by itself."""
        task = self.tasks[name]
        task.phase = ORDER[ORDER.index(task.phase) + 1]
        if task.phase is TaskPhase.RUNNING:
            task.started_at = self.clock.now()
            task.lines.append("hello from memory")
        if task.phase is TaskPhase.STOPPED:
            self.end(name, TaskEnd(cause=EndCause.EXITED, exit_code=self.exit_code))

    def end(self, name: str, end: TaskEnd) -> None:
        task = self.tasks[name]
        task.phase, task.stopped_at, task.end = TaskPhase.STOPPED, self.clock.now(), end
        self.on_exit(task)


class MemoryLog:
    def __init__(self, task: MemoryTask | None) -> None:
        self._task = task
        self._read = 0

    def read(self) -> Iterator[LogLine]:
        lines = self._task.lines[self._read :] if self._task is not None else []
        self._read += len(lines)
        yield from (LogLine(timestamp_ms=0, text=line) for line in lines)

    def last(self, count: int) -> list[LogLine]:
        lines = self._task.lines[-count:] if self._task is not None else []
        return [LogLine(timestamp_ms=0, text=line) for line in lines]


class MemoryExecutor:
    stop_within_s = 0

    def __init__(self, service: MemoryService) -> None:
        self.service = service

    def start(self, request: TaskRequest, check: Callable[[], None] = lambda: None) -> TaskHandle:
        names = request.spec.names
        while True:
            check()
            try:
                name = self.service.submit(f"{names.client_token}-{request.attempt}", names.cluster, request.attempt)
            except LostAnswer:
                continue
            return TaskHandle(id=name, place=names.cluster)

    def refuse_too_large(self, request: TaskRequest) -> None:
        """It takes everything."""

    def find(self, record: Record) -> TaskState | None:
        if record.handle is not None:
            return self.state(record.handle)
        for name, task in self.service.tasks.items():
            if (task.place, task.attempt) == (record.cluster, record.attempt):
                return self.state(TaskHandle(id=name, place=task.place))
        return None

    def state(self, handle: TaskHandle) -> TaskState | None:
        task = self.service.look(handle.id)
        if task is None:
            return None
        return TaskState(
            handle=handle,
            phase=task.phase,
            status=task.phase.value.upper(),
            attempt=task.attempt,
            billed_from=task.started_at,
            started_at=task.started_at,
            stopped_at=task.stopped_at,
            end=task.end,
        )

    def stop(self, handle: TaskHandle, reason: str) -> None:
        task = self.service.tasks.get(handle.id)
        if task is not None and task.phase is not TaskPhase.STOPPED:
            self.service.end(handle.id, TaskEnd(cause=EndCause.STOPPED, exit_code=143, text=reason))

    def is_gone(self, handle: TaskHandle) -> bool:
        return handle.place in self.service.gone

    def open_session(self, handle: TaskHandle, command: Sequence[str]) -> TaskSession:
        return TaskSession(arguments=(handle.id, *command))

    def log_source(self, record: Record, handle: TaskHandle) -> LogSource:
        return MemoryLog(self.service.tasks.get(handle.id))


class MemoryBackend:
    name = "memory"
    disk_limits = disk.FARGATE
    ending_s = 0
    shared_memory_mib = None
    waits = False
    boot_s = 0

    def __init__(self, aws: Aws, clock: Clock, service: MemoryService) -> None:
        self._aws = aws
        self._clock = clock
        self.service = service
        self.executor = MemoryExecutor(service)
        self.accepted: list[TaskHandle] = []

    def inspect(self, job: JobSpec) -> Offer:
        placement = NetworkPlacement(subnets=(), zones=(), security_groups=(), public_ip=False)
        hardware = HardwareEntry(backend=self.name, description="this process", vcpu=1, memory_mib=512, disk_gib=20)
        return Offer(network=placement, hardware=hardware)

    def offers(self, job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
        choice = Choice(
            backend=self.name, name="this process", spot=False, zones=(), vcpu=1, memory_mib=512, usable_memory_mib=512,
            arch="x86_64",
        )  # fmt: skip
        return (choice,), ()

    def shared_resources(
        self, job: JobSpec, *, account: str, region: str, tags: Mapping[str, str]
    ) -> tuple[Resource, ...]:
        return ()

    def stages(self, spec: RunSpec) -> tuple[Stage, ...]:
        return (Stage(resources=()),)

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        return ()

    def definition(self, spec: RunSpec, image: str) -> TaskDefinition:
        job: dict[str, Any] = {"name": "job", "image": image, "essential": True, "memory": 128}
        request = {"networkMode": "bridge", "containerDefinitions": [job]}
        return TaskDefinition(name=spec.names.family, request=request, tags=spec.tags)

    def raise_capacity(self, spec: RunSpec) -> None: ...

    def give_back(self, spec: RunSpec) -> None: ...

    def raise_again(self, spec: RunSpec) -> None: ...

    def on_task_accepted(self, spec: RunSpec, handle: TaskHandle, deadline: datetime, emit: Emit) -> None:
        self.accepted.append(handle)
        attempt = self.service.tasks[handle.id].attempt

        def save_result(task: MemoryTask) -> None:
            """What the container's entrypoint does as its last act."""
            end = task.end
            assert end is not None
            stopped = end.cause is EndCause.STOPPED
            result = {"reason": "stopped" if stopped else "exit", "exit_code": end.exit_code, "attempt": attempt}
            body = json.dumps({"version": 1, **result}).encode()
            self._aws.call("s3", "put_object", Bucket=spec.bucket, Key=spec.keys.result, Body=body)

        self.service.on_exit = save_result

    def on_task_placed(self, spec: RunSpec) -> None: ...

    def prepare_retry(self, spec: RunSpec) -> None: ...

    def check_capacity(self, spec: RunSpec, emit: Emit) -> None: ...

    def tried(self, spec: RunSpec) -> tuple[str, ...]:
        return ()

    def explain_waiting(self, record: Record) -> Advice:
        return Advice(sentence="It waits for its turn.", command=f"aws-run wait {record.run_id}")

    def usage(self, run_id: str, state: TaskState | None, now: datetime, *, public_ip: bool = True) -> Usage | None:
        if state is None or state.billed_from is None:
            return None
        return Usage(seconds=((state.stopped_at or now) - state.billed_from).total_seconds(), public_ip=False)

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]:
        return (Charge(what="this process", seconds=usage.seconds, usd_per_hour=None),)
