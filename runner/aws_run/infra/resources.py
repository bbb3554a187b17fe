"""Every AWS resource the tool can make, as frozen values.

`scope` says when it goes: `kept` only on request, `shared` when no run of the project uses it (free while idle),
`run` with its run. `lane` says which of the three start-up lanes makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

Scope = Literal["kept", "shared", "run"]
Kind = Literal[
    "bucket",
    "repository",
    "log-group",
    "role",
    "cluster",
    "launch-template",
    "group",
    "capacity-provider",
    "task-definition",
    "schedule",
]


@dataclass(frozen=True, kw_only=True)
class Bucket:
    kind: ClassVar[Kind] = "bucket"
    scope: ClassVar[Scope] = "kept"
    name: str
    region: str
    runs_retention_days: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Repository:
    kind: ClassVar[Kind] = "repository"
    scope: ClassVar[Scope] = "kept"
    name: str
    keep_images: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    kind: ClassVar[Kind] = "log-group"
    scope: ClassVar[Scope] = "shared"
    name: str
    retention_days: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Role:
    """An IAM role under /aws-run/ with one inline policy; with `instance_profile`, a profile of the same name."""

    kind: ClassVar[Kind] = "role"
    name: str
    scope: Scope
    service: str  # the principal that may assume it
    policy: Mapping[str, Any]
    trust_condition: Mapping[str, Any] = field(default_factory=dict)
    instance_profile: bool = False
    permissions_boundary: str | None = None
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    kind: ClassVar[Kind] = "cluster"
    scope: ClassVar[Scope] = "run"
    name: str
    providers: tuple[str, ...] = ()  # FARGATE, FARGATE_SPOT; a group's own provider joins later
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LaunchTemplate:
    kind: ClassVar[Kind] = "launch-template"
    scope: ClassVar[Scope] = "run"
    name: str
    image_id: str
    instance_type: str
    instance_profile: str
    user_data: str
    disk_gib: int
    security_groups: tuple[str, ...]
    public_ip: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Group:
    """An Auto Scaling group of exactly one instance, made at desired 0, armed, then raised."""

    kind: ClassVar[Kind] = "group"
    scope: ClassVar[Scope] = "run"
    name: str
    launch_template: str
    instance_types: tuple[str, ...]
    subnets: tuple[str, ...]
    spot: bool
    lease_s: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class CapacityProvider:
    kind: ClassVar[Kind] = "capacity-provider"
    scope: ClassVar[Scope] = "run"
    name: str
    group: str
    cluster: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TaskDefinition:
    """`request` is RegisterTaskDefinition's own parameters, less family and tags."""

    kind: ClassVar[Kind] = "task-definition"
    scope: ClassVar[Scope] = "run"
    name: str  # the family; one a run (aws-facts §3)
    request: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An EventBridge Scheduler one-shot that stops a Fargate task: AWS carries it out with no client alive."""

    kind: ClassVar[Kind] = "schedule"
    scope: ClassVar[Scope] = "run"
    name: str
    at: datetime
    cluster: str
    task_arn: str
    role_arn: str


Resource = (
    Bucket
    | Repository
    | LogGroup
    | Role
    | Cluster
    | LaunchTemplate
    | Group
    | CapacityProvider
    | TaskDefinition
    | Schedule
)


@dataclass(frozen=True, kw_only=True)
class Ref:
    """A resource by kind and name: enough to find it and to delete it, from any machine."""

    kind: Kind
    name: str
    scope: Scope


def ref(resource: Resource) -> Ref:
    return Ref(kind=resource.kind, name=resource.name, scope=resource.scope)
