"""What a use case asks of a backend, and the values that travel between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aws_run.config import Config
from aws_run.events import Emit
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.naming import ProjectNames, RunKeys, RunNames
from aws_run.pricing.receipt import Charge
from aws_run.runs.record import HardwareEntry


@dataclass(frozen=True, kw_only=True)
class Network:
    """Empty `security_groups`: the VPC's default one, which lets everything out and nothing in."""

    subnets: tuple[str, ...]
    zones: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool


@dataclass(frozen=True, kw_only=True)
class Site:
    """What was read from AWS before a run is planned; all of it read-only."""

    network: Network
    hardware: HardwareEntry
    image_id: str | None = None  # the AMI, on EC2


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run, decided: nothing in it changes any more."""

    run_id: str
    account: str
    region: str
    bucket: str
    repository: str
    config: Config
    site: Site
    execution_role: str
    task_role_arn: str
    tags: Mapping[str, str]
    created_at: datetime
    deadline: datetime
    timeout_s: int  # of all attempts together, from the first one's acceptance; a cost cap may have shortened it

    @property
    def names(self) -> RunNames:
        return RunNames(run_id=self.run_id)

    @property
    def project(self) -> ProjectNames:
        return ProjectNames(project=self.config.name, region=self.region)

    @property
    def keys(self) -> RunKeys:
        return RunKeys(run_id=self.run_id)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run used of its hardware, as far as AWS shows it; `seconds` from the first billed second to the last."""

    seconds: float
    instance_type: str | None = None
    public_ip: bool = True


class Backend(Protocol):
    name: str

    def inspect(self, config: Config) -> Site:
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

    def renew_lease(self, spec: RunSpec) -> None:
        """The client is alive and not ready yet: move the dead-man's switch away from now."""
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
