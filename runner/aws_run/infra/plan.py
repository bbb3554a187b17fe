"""Desired and observed in, steps out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from aws_run.frozen import frozen
from aws_run.infra.resource_types.base import Observation
from aws_run.infra.resources import Ref, Resource, ref

Action = Literal["create", "update", "reuse"]


@frozen
class Step:
    action: Action
    resource: Resource


def plan(desired: Iterable[Resource], observed: Mapping[Ref, Observation]) -> tuple[Step, ...]:
    """One step a resource, in the order given."""
    return tuple(Step(action=_action(observed.get(ref(resource))), resource=resource) for resource in desired)


def _action(observation: Observation | None) -> Action:
    if observation is None or not observation.present:
        return "create"
    return "reuse" if observation.current else "update"
