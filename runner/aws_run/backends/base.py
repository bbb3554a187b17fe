"""What the lifecycle of a run expects of a backend: what hardware there is, which resources it needs, what it costs.

A backend names its executor, which runs the tasks on that hardware (backends/executor.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from aws_run.backends.disk import DiskLimits
from aws_run.backends.executor import Executor, TaskHandle, TaskState
from aws_run.events import Emit
from aws_run.frozen import frozen
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing.offers import Choice
from aws_run.pricing.receipt import Charge, MachineUse
from aws_run.runs.record import HardwareEntry, Record
from aws_run.runs.spec import JobSpec, Offer, RunSpec


@frozen
class Usage:
    """What a run used of its hardware, as far as AWS shows it; `seconds` from the first billed second to the last, of
    all attempts together. `machines`: each of them, where the run has machines of its own. `reclaimed` in them: AWS
    took that one back. `tasks`: the ARNs of all that were billed themselves; `interfaces`: those of the last one."""

    seconds: float
    machines: tuple[MachineUse, ...] = ()
    public_ip: bool = True
    earlier_s: tuple[float, ...] = ()  # of the tasks of earlier attempts, where these and no machine are billed
    tasks: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()


@frozen
class Stage:
    """Resources of a run that are made side by side, when all of the stage before are there. `then_raise`: the hardware
    is asked for as soon as they are."""

    resources: tuple[Resource, ...]
    then_raise: bool = False


@frozen
class Advice:
    """One sentence on how a run stands, and one command that helps."""

    sentence: str
    command: str


class Backend(Protocol):
    """`ending_s`: what is billed at most between a job's deadline and the end of its hardware. `waits`: its hardware is
    asked for before image and input are there, and waits for them. `shared_memory_mib`: how large /dev/shm is; None: as
    large as the job's memory."""

    @property
    def name(self) -> str: ...

    @property
    def executor(self) -> Executor: ...

    @property
    def disk_limits(self) -> DiskLimits: ...

    @property
    def ending_s(self) -> int: ...

    @property
    def waits(self) -> bool: ...

    @property
    def shared_memory_mib(self) -> int | None: ...

    @property
    def boot_s(self) -> int:
        """What is billed, as a rule, before the job begins to run."""
        ...

    def inspect(self, job: JobSpec) -> Offer:
        """Reads what the run needs to know of the account. PreflightError or UsageError when it can't work."""
        ...

    def offers(self, job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
        """Everything that could run the job, cheapest first, and sentences on what that stands on. PreflightError or
        UsageError where there is nothing."""
        ...

    def shared_resources(
        self, job: JobSpec, *, account: str, region: str, tags: Mapping[str, str]
    ) -> tuple[Resource, ...]:
        """What all runs of the project on this backend use, besides what every backend needs. Pure."""
        ...

    def stages(self, spec: RunSpec) -> tuple[Stage, ...]:
        """The run's own resources in the order in which they are made, without the definition. Pure."""
        ...

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        """What `on_task_accepted` is going to make, by name: intent is recorded before anything exists. Pure."""
        ...

    def definition(self, spec: RunSpec, image: str) -> Resource:
        """What the executor starts a task from. Its id, once it is made, is the `definition` of a TaskRequest. Pure."""
        ...

    def raise_capacity(self, spec: RunSpec) -> None:
        """Everything is made and armed: ask for the hardware."""
        ...

    def give_back(self, spec: RunSpec) -> None:
        """The image or the input is not ready in time: end the hardware that waits for it. May be repeated."""
        ...

    def raise_again(self, spec: RunSpec) -> None:
        """What was given back is wanted now: arm a new lease and ask for the hardware again."""
        ...

    def on_task_accepted(self, spec: RunSpec, handle: TaskHandle, deadline: datetime, emit: Emit) -> None:
        """The task is accepted: arm the switch for the job's own deadline."""
        ...

    def on_task_placed(self, spec: RunSpec) -> None:
        """The task has its machine: from now on none takes its place."""
        ...

    def prepare_retry(self, spec: RunSpec) -> None:
        """AWS took the machine away and another attempt follows: let one take its place."""
        ...

    def check_capacity(self, spec: RunSpec, emit: Emit) -> None:
        """Called every few seconds while the task waits for a machine. CapacityError when none is going to come."""
        ...

    def tried(self, spec: RunSpec) -> tuple[str, ...]:
        """What AWS has refused this run so far, in sentences, as this client has seen it. Asks nobody."""
        ...

    def explain_waiting(self, record: Record) -> Advice:
        """Why the run's task still waits for a machine."""
        ...

    def usage(self, run_id: str, state: TaskState | None, now: datetime, *, public_ip: bool = True) -> Usage | None:
        """What the run has used by `now`; None where that can't be known. `state`: its task as it was last seen."""
        ...

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]: ...
