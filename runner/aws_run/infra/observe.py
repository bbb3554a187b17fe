"""What is there: reads AWS, changes nothing. Run-scoped names are new with each run and need no look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aws_run.aws.session import Aws
from aws_run.infra.resource_types.base import Observation
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Ref, Resource, ref


def observe(aws: Aws, resources: Iterable[Resource], types: Registry = RESOURCE_TYPES) -> Mapping[Ref, Observation]:
    """All at once; the first refusal is raised."""
    wanted = [resource for resource in resources if resource.scope != "run"]
    if not wanted:
        return {}
    with ThreadPoolExecutor(max_workers=len(wanted), thread_name_prefix="observe") as pool:
        observations = pool.map(lambda resource: observe_one(aws, resource, types), wanted)
        return {ref(resource): observation for resource, observation in zip(wanted, observations, strict=True)}


def observe_one(aws: Aws, resource: Resource, types: Registry = RESOURCE_TYPES) -> Observation:
    """TypeError for kinds whose names are new with each run."""
    look = types.of(resource.kind).observe
    if look is None:
        raise TypeError(f"{resource.kind} belongs to one run and is not looked for")
    return look(aws, resource)
