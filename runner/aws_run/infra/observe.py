"""What is there: reads AWS, changes nothing. Run-scoped names are new with each run and need no look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aws_run.aws.session import Aws
from aws_run.infra.resource_types import bucket, log_group, repository, role
from aws_run.infra.resources import Bucket, LogGroup, Ref, Repository, Resource, Role, ref


@dataclass(frozen=True, kw_only=True)
class Observation:
    """`current`: it is as wanted. `value`: what AWS calls it (a repository's URI)."""

    present: bool
    current: bool = True
    value: str = ""


ABSENT = Observation(present=False, current=False)


def observe(aws: Aws, resources: Iterable[Resource]) -> Mapping[Ref, Observation]:
    """All at once; the first refusal is raised."""
    wanted = [resource for resource in resources if resource.scope != "run"]
    if not wanted:
        return {}
    with ThreadPoolExecutor(max_workers=len(wanted), thread_name_prefix="observe") as pool:
        found = pool.map(lambda resource: observe_one(aws, resource), wanted)
        return {ref(resource): observation for resource, observation in zip(wanted, found, strict=True)}


def observe_one(aws: Aws, resource: Resource) -> Observation:
    match resource:
        case Bucket():
            found = bucket.observe(aws, resource)
            if found is None:
                return ABSENT
            return Observation(present=True, current=bucket.is_current(found, resource))
        case Repository():
            uri = repository.observe(aws, resource)
            return Observation(present=True, value=uri) if uri else ABSENT
        case LogGroup():
            days = log_group.observe(aws, resource)
            return ABSENT if days is None else Observation(present=True, current=days == resource.retention_days)
        case Role():
            digest = role.observe(aws, resource)
            return _by_digest(digest, role.config_digest(resource))
        case _:
            raise TypeError(f"{resource.kind} belongs to one run and is not looked for")


def _by_digest(found: str | None, wanted: str) -> Observation:
    return ABSENT if found is None else Observation(present=True, current=found == wanted)
