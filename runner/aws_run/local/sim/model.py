"""What the embedded AWS keeps beside moto: groups, instances, tasks. Mutable, guarded by AccountState.lock."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_run.frozen import frozen

Tags = dict[str, str]
SPOT = "a spot interruption"  # why an instance or a task ended


@dataclass(kw_only=True)
class Activity:
    """One entry of DescribeScalingActivities."""

    id: str
    group: str
    description: str
    cause: str
    started_at: datetime
    ended_at: datetime | None = None
    status: str = "InProgress"
    message: str = ""
    progress: int = 50


@dataclass(kw_only=True)
class GroupInstance:
    """An instance a group launched; it bills from `launched_at` to `terminated_at`."""

    id: str
    type: str
    az: str
    group: str
    spot: bool
    launched_at: datetime
    tags: Tags
    image_id: str
    user_data: str
    disk_gib: int
    public_ip: bool
    activity: Activity
    lifecycle: str = "Pending"
    terminated_at: datetime | None = None
    spot_max_usd: str | None = None  # its group's SpotMaxPrice
    reclaimed: bool = False  # AWS took it back for its spot market
    protected: bool = False
    volumes: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    dead_role: bool = False  # its credentials are those of a deleted role that had the name of its own
    unlimited: bool = False  # a burstable type that is charged for CPU credits which it has not earned


@dataclass(kw_only=True)
class ScheduledAction:
    name: str
    group: str
    start_at: datetime
    min_size: int | None
    max_size: int | None
    desired: int | None
    generation: int  # a later put of the same name makes an armed callback void


@dataclass(kw_only=True)
class Group:
    name: str
    arn: str
    min_size: int
    max_size: int
    desired: int
    created_at: datetime
    launch_template: dict[str, Any] | None
    mixed: dict[str, Any] | None
    subnets: tuple[str, ...]
    azs: tuple[str, ...]
    tags: list[dict[str, Any]]
    instances: list[GroupInstance] = field(default_factory=list)
    ending: list[GroupInstance] = field(default_factory=list)  # still listed, as Terminating, until they are terminated
    suspended: set[str] = field(default_factory=set)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)
    deleting: bool = False
    retry_armed: bool = False
    protect_new: bool = False


@dataclass(kw_only=True)
class ContainerInstance:
    arn: str
    id: str
    cluster: str
    instance: GroupInstance
    provider: str | None
    cpu: int
    memory_mib: int
    gpus: tuple[str, ...]
    registered_at: datetime
    status: str = "ACTIVE"
    agent_dead: bool = False  # a test's: its tasks are told to stop and don't


@dataclass(kw_only=True)
class Container:
    name: str
    arn: str
    definition: dict[str, Any]
    status: str = "PENDING"
    exit_code: int | None = None
    reason: str | None = None
    runtime_id: str | None = None
    image_digest: str | None = None


@frozen
class Session:
    """A command that ECS Exec is to run in a container. `begin` (whether at a terminal) says what runs it there."""

    token: str
    begin: Callable[[bool], Mapping[str, Any]]


@dataclass(kw_only=True)
class Task:
    id: str
    arn: str
    cluster: str
    cluster_arn: str
    definition: dict[str, Any]
    overrides: dict[str, Any]
    containers: list[Container]
    created_at: datetime
    fargate: bool
    launch_type: str
    provider: str | None
    cpu: int
    memory_mib: int
    gpu: int
    group: str
    started_by: str | None
    tags: list[dict[str, str]]
    network: dict[str, Any] | None
    enable_execute_command: bool
    attachments: list[dict[str, Any]] = field(default_factory=list)
    zone: str | None = None  # of a task on Fargate
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    instance: ContainerInstance | None = None
    gpu_ids: tuple[str, ...] = ()
    stop_code: str | None = None
    stopped_reason: str | None = None
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None
    # Unguessable, because whoever knows them gets the task's credentials and metadata.
    credentials_id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    metadata_id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    stop: threading.Event = field(default_factory=threading.Event)
    kill: threading.Event = field(default_factory=threading.Event)  # the host is gone: no grace
    version: int = 1

    @property
    def is_tracked(self) -> bool:
        """Whether ECS counts it: not once it has stopped, nor when its instance was deregistered by force."""
        return self.status != "STOPPED" and (self.instance is None or self.instance.status != "INACTIVE")


@dataclass(kw_only=True)
class Provider:
    name: str
    arn: str
    group_arn: str
    managed_scaling: dict[str, Any]
    termination_protection: str
    draining: str
    tags: list[dict[str, str]]
    status: str = "ACTIVE"
    update_status: str | None = "CREATE_COMPLETE"


@dataclass(kw_only=True)
class Place:
    """One region's own state."""

    region: str
    groups: dict[str, Group] = field(default_factory=dict)
    instances: dict[str, GroupInstance] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    providers: dict[str, Provider] = field(default_factory=dict)
    container_instances: dict[str, ContainerInstance] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    past_tasks: list[Task] = field(default_factory=list)  # forgotten by DescribeTasks, not by the bill
    run_tokens: dict[tuple[str, str], tuple[str, list[str]]] = field(default_factory=dict)
