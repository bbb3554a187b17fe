"""The writing half: one step at a time, by the resource's type. `types`: the resource types there are."""

from __future__ import annotations

from typing_extensions import assert_never

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.infra import tags
from aws_run.infra.plan import Step
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Ref, Resource


def apply(aws: Aws, step: Step, clock: Clock, types: Registry = RESOURCE_TYPES) -> str | None:
    """Carries one step out; the resource's id as AWS gives it, None where nothing had to be done."""
    match step.action:
        case "create":
            return create(aws, step.resource, clock, types)
        case "update":
            update(aws, step.resource, clock, types)
            return None
        case "reuse":
            return None
        case _:
            assert_never(step.action)


def create(aws: Aws, resource: Resource, clock: Clock, types: Registry = RESOURCE_TYPES) -> str:
    return types.of(resource.kind).create(aws, resource, clock)


def update(aws: Aws, resource: Resource, clock: Clock, types: Registry = RESOURCE_TYPES) -> None:
    """Brings what exists to what is wanted. TypeError for kinds that are never changed once made."""
    change = types.of(resource.kind).update
    if change is None:
        raise TypeError(f"a {resource.kind} is not updated")
    change(aws, resource, clock)


def is_foreign(aws: Aws, present: Ref, types: Registry = RESOURCE_TYPES) -> bool:
    """There is one of that name, and it doesn't carry our tag."""
    read = types.of(present.kind).owner_tags
    theirs = read(aws, present.name) if read else None
    return theirs is not None and not tags.are_ours(theirs)


def delete(aws: Aws, removable: Ref, clock: Clock, types: Registry = RESOURCE_TYPES) -> None:
    types.of(removable.kind).delete(aws, removable.name, clock)


def absent(aws: Aws, removable: Ref, types: Registry = RESOURCE_TYPES) -> bool:
    """By a listing of the cloud's own, never by what we believe."""
    return types.of(removable.kind).absent(aws, removable.name)
