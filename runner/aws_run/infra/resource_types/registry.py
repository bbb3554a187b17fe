"""The resource types there are. This is their only list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from aws_run.errors import AwsRunError
from aws_run.infra.resource_types import (
    bucket,
    capacity_provider,
    cluster,
    group,
    launch_template,
    log_group,
    network,
    repository,
    role,
    schedule,
    task_definition,
)
from aws_run.infra.resource_types.base import ResourceType
from aws_run.infra.resources import Kind, Ref


class UnknownKindError(AwsRunError):
    """A record names a kind of resource that this version has no type for."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"This aws-run does not know the resource type {kind}",
            hint="the run was made by a newer aws-run: update this one, then run the same command again",
        )


class Registry:
    """Resource types by kind, in the order in which the cloud is listed. Never changed once made; another one, with a
    type more, is `Registry(*RESOURCE_TYPES, more)`. ValueError for types that don't fit together."""

    def __init__(self, *types: ResourceType[Any]) -> None:
        self._by_kind: dict[Kind, ResourceType[Any]] = {each.kind: each for each in types}
        if len(self._by_kind) < len(types):
            raise ValueError("two resource types have the same kind")
        words = [each.keep_as for each in types if each.keep_as]
        if len(set(words)) < len(words):
            raise ValueError("`keep:` calls two resource types the same")
        for each in types:
            _check(each, self._by_kind)
        self._awaited = {kind for each in types for kind in each.depends_on}
        self.lanes = _lanes(types)

    def __iter__(self) -> Iterator[ResourceType[Any]]:
        return iter(self._by_kind.values())

    def get(self, kind: Kind) -> ResourceType[Any] | None:
        return self._by_kind.get(kind)

    def of(self, kind: Kind) -> ResourceType[Any]:
        """UnknownKindError where there is none."""
        known = self.get(kind)
        if known is None:
            raise UnknownKindError(kind)
        return known

    def is_ordered(self, ref: Ref) -> bool:
        """Whether it is removed in its kind's lane: it waits for others, or others wait for its kind."""
        known = self.get(ref.kind)
        return known is not None and (ref.kind in self._awaited or known.waits(ref.name))


def _check(each: ResourceType[Any], known: Iterable[Kind]) -> None:
    """What can't be found again must not be made."""
    unknown = set(each.depends_on) - set(known)
    if unknown:
        raise ValueError(f"{each.kind} depends on {', '.join(sorted(unknown))}, which is not a resource type")
    if "run" in each.scopes and not each.list_owned:
        raise ValueError(f"a run's {each.kind} could not be found by gc: it is not listed")
    if set(each.scopes) != {"run"} and each.observe is None:
        raise ValueError(f"a {each.kind} outlives its run and can't be observed")
    if each.ends_bill_first and each.end_bill is None:
        raise ValueError(f"a {each.kind} has no `end_bill` to be called first")


def _lanes(types: Iterable[ResourceType[Any]]) -> tuple[tuple[Kind, ...], ...]:
    """The kinds that depend on each other, one lane for each such group, in the order of their removal. What lies
    between two kinds orders them even where a run has none of it."""
    order: TopologicalSorter[Kind] = TopologicalSorter()
    groups: list[set[Kind]] = []
    for each in types:
        if not each.depends_on:
            continue
        order.add(each.kind, *each.depends_on)
        linked = {each.kind, *each.depends_on}
        for group_ in [one for one in groups if one & linked]:
            groups.remove(group_)
            linked |= group_
        groups.append(linked)
    try:
        in_order = list(order.static_order())
    except CycleError as error:
        raise ValueError(f"resource types depend on each other in a circle: {' → '.join(error.args[1])}") from error
    return tuple(tuple(kind for kind in in_order if kind in linked) for linked in groups)


RESOURCE_TYPES = Registry(
    bucket.TYPE,
    repository.TYPE,
    log_group.TYPE,
    schedule.TYPE,
    group.TYPE,
    cluster.TYPE,
    capacity_provider.TYPE,
    launch_template.TYPE,
    task_definition.TYPE,
    role.TYPE,
    network.TYPE,
)
