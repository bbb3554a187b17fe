"""The writing half: one step at a time, by the resource's type."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import assert_never

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.infra import tags
from aws_run.infra.plan import Step
from aws_run.infra.resource_types import (
    bucket,
    capacity_provider,
    cluster,
    group,
    launch_template,
    log_group,
    repository,
    role,
    schedule,
    task_definition,
)
from aws_run.infra.resources import (
    Bucket,
    CapacityProvider,
    Cluster,
    Group,
    Kind,
    LaunchTemplate,
    LogGroup,
    Ref,
    Repository,
    Resource,
    Role,
    Schedule,
    TaskDefinition,
)


def apply(aws: Aws, step: Step, clock: Clock) -> str | None:
    """Carries one step out; the resource's id as AWS gives it, None where nothing had to be done."""
    match step.action:
        case "create":
            return create(aws, step.resource, clock)
        case "update":
            update(aws, step.resource, clock)
            return None
        case "reuse":
            return None
        case _:
            assert_never(step.action)


def create(aws: Aws, resource: Resource, clock: Clock) -> str:
    match resource:
        case Bucket():
            return bucket.create(aws, resource, clock)
        case Repository():
            return repository.create(aws, resource, clock)
        case LogGroup():
            return log_group.create(aws, resource, clock)
        case Role():
            return role.create(aws, resource, clock)
        case Cluster():
            return cluster.create(aws, resource, clock)
        case LaunchTemplate():
            return launch_template.create(aws, resource, clock)
        case Group():
            return group.create(aws, resource, clock)
        case CapacityProvider():
            return capacity_provider.create(aws, resource, clock)
        case TaskDefinition():
            return task_definition.create(aws, resource, clock)
        case Schedule():
            return schedule.create(aws, resource, clock)
        case _:
            assert_never(resource)


def update(aws: Aws, resource: Resource, clock: Clock) -> None:
    """Brings what exists to what is wanted. TypeError for kinds that are never changed once made."""
    match resource:
        case Bucket():
            bucket.configure(aws, resource, clock)
        case LogGroup():
            log_group.configure(aws, resource, clock)
        case Role():
            role.configure(aws, resource, clock)
        case _:
            raise TypeError(f"a {resource.kind} is not updated")


_Delete = Callable[[Aws, str, Clock], None]
_Absent = Callable[[Aws, str], bool]
_REMOVAL: dict[Kind, tuple[_Delete, _Absent]] = {
    "bucket": (bucket.delete, bucket.absent),
    "repository": (repository.delete, repository.absent),
    "log-group": (log_group.delete, log_group.absent),
    "role": (role.delete, role.absent),
    "cluster": (cluster.delete, cluster.absent),
    "launch-template": (launch_template.delete, launch_template.absent),
    "group": (group.delete, group.absent),
    "capacity-provider": (capacity_provider.delete, capacity_provider.absent),
    "task-definition": (task_definition.delete, task_definition.absent),
    "schedule": (schedule.delete, schedule.absent),
}


# Where one cheap read tells whose it is; the others have names that nobody else gives.
_TAGS: dict[Kind, Callable[[Aws, str], dict[str, str] | None]] = {
    "bucket": bucket.owner_tags,
    "repository": repository.owner_tags,
    "role": role.owner_tags,
    "cluster": cluster.owner_tags,
    "launch-template": launch_template.owner_tags,
    "group": group.owner_tags,
}


def is_foreign(aws: Aws, found: Ref) -> bool:
    """There is one of that name, and it doesn't carry our tag."""
    read = _TAGS.get(found.kind)
    theirs = read(aws, found.name) if read else None
    return theirs is not None and not tags.are_ours(theirs)


def delete(aws: Aws, removable: Ref, clock: Clock) -> None:
    _REMOVAL[removable.kind][0](aws, removable.name, clock)


def absent(aws: Aws, removable: Ref) -> bool:
    """By a listing of the cloud's own, never by what we believe."""
    return _REMOVAL[removable.kind][1](aws, removable.name)
