"""A run on a backend in memory and a bucket in a dict: the parts of its life can be tried one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.backends.memory import MemoryBackend, MemoryService
from tests.unit.fakes import BUCKET, RUN, FakeAccount, record, spec
from tests.unit.infra.removal_support import empty_cloud

from aws_run.backends.executor import EndCause, TaskEnd, TaskHandle, TaskRequest, TaskState
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import HardwareEntry, Record
from aws_run.runs.spec import Offer, RunSpec
from aws_run.runs.writer import RecordWriter

KEYS = RunKeys(run_id=RUN)
HARDWARE = HardwareEntry(backend="memory", description="this process", vcpu=1, memory_mib=512, disk_gib=20)


class MemoryRun(FakeAccount):
    """One recorded run; its task is started by `start_task`. `moves`: each look moves the task one step on."""

    def __init__(self, *, moves: bool = True, **changes: Any) -> None:
        super().__init__(empty_cloud())
        self.service = MemoryService(self.clock, moves=moves)
        self.backend = MemoryBackend(self.aws, self.clock, self.service)
        placed = spec().offer.network
        self.spec: RunSpec = spec(offer=Offer(network=placed, hardware=HARDWARE), **changes)
        self.context = replace(self.context, backends={"memory": self.backend})
        self.store.locks.mark_live(RUN)
        recorded = record(backend="memory", hardware=HARDWARE)
        self.writer = RecordWriter.begin(self.store, recorded, self.clock)

    @property
    def record(self) -> Record:
        """As it is in the bucket."""
        return self.store.read(RUN)[0]

    def request(self) -> TaskRequest:
        return TaskRequest(spec=self.spec, definition="demo:1", inputs=(), deadline=self.spec.deadline)

    def start_task(self) -> TaskHandle:
        """Started and recorded, as the client that submits leaves it."""
        handle = self.backend.executor.start(self.request())
        self.writer.change(lambda r: replace(r.with_handle(handle), state="running"), now=True)
        self.backend.on_task_accepted(self.spec, handle, self.spec.deadline, self.events.emit)
        return handle

    def run_task_to_its_end(self) -> None:
        for name in self.service.tasks:
            for _ in range(3):
                self.service.step(name)

    def save_result(self, **result: Any) -> None:
        body = json.dumps({"version": 1, **result}).encode()
        self.aws.call("s3", "put_object", Bucket=BUCKET, Key=KEYS.result, Body=body)


def detached(**changes: int) -> MemoryRun:
    """A run whose task was accepted and whose client has gone."""
    run = MemoryRun(moves=False)
    run.service.exit_code = changes.get("exit_code", 0)
    run.start_task()
    run.writer.change(lambda r: replace(r, detached=True), now=True)
    return run


class LookedAtRun(MemoryRun):
    """A run that its client has left; `then` is called at each look at its task, with the number of the look."""

    def __init__(self, *, exit_code: int = 0) -> None:
        super().__init__()
        self.looks = 0
        self.then: Callable[[int], None] = lambda look: None
        self.service.exit_code = exit_code
        look = self.backend.executor.state

        def state(handle: TaskHandle) -> TaskState | None:
            self.looks += 1
            self.then(self.looks)
            return look(handle)

        self.backend.executor.state = state  # type: ignore[method-assign]
        self.start_task()
        self.writer.change(lambda record: replace(record, detached=True), now=True)

    def lose_its_machine(self, look: int) -> None:
        """For `then`: its client lives, its first attempt is interrupted at the third look, and another one starts."""
        if look == 1:
            self.writer.change(lambda record: replace(record, detached=False), now=True)
        if look == 3:
            self.service.end("memory-1", TaskEnd(cause=EndCause.INTERRUPTED, text="attempt 1 lost its machine"))
        if look == 6:
            self.writer.change(lambda record: record.with_attempt(2), now=True)
            handle = self.backend.executor.start(replace(self.request(), attempt=2))
            self.writer.change(lambda record: record.with_handle(handle), now=True)
            self.backend.on_task_accepted(self.spec, handle, self.spec.deadline, self.events.emit)
