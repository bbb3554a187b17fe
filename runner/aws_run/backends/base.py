"""What a use case asks of a backend, and the values that travel between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aws_run.events import Emit
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing.receipt import Charge
from aws_run.runs.record import HardwareEntry
from aws_run.runs.spec import JobSpec, Offer, RunSpec


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run used of its hardware, as far as AWS shows it; `seconds` from the first billed second to the last."""

    seconds: float
    instance_type: str | None = None
    public_ip: bool = True


class Backend(Protocol):
    name: str

    def inspect(self, job: JobSpec) -> Offer:
        """Reads what the run needs to know of the account. PreflightError or UsageError when it can't work."""
        ...

    def resources(self, spec: RunSpec) -> tuple[Resource, ...]:
        """The run's own resources in the order in which they are made, without the task definition. Pure."""
        ...

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        """What `accepted` is going to make, by name: intent is recorded before anything exists. Pure."""
        ...

    def task_definition(self, spec: RunSpec, image: str) -> TaskDefinition: ...

    def placement(self, spec: RunSpec) -> dict[str, Any]:
        """RunTask's parameters that differ between backends. Pure."""
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

    def on_task_accepted(self, spec: RunSpec, task_arn: str, deadline: datetime, emit: Emit) -> None:
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

    def usage(self, spec: RunSpec, task: Mapping[str, Any], now: datetime) -> Usage:
        """Asked before teardown and after it; `task` as DescribeTasks gives it."""
        ...

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]: ...
