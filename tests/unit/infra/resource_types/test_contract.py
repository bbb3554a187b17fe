"""Every resource type of the registry keeps the contract; and the registry refuses types that don't fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from tests.unit.fakes import RUN
from tests.unit.infra.resource_types.contract import CONTRACT, Sample
from tests.unit.infra.resource_types.contract_samples import SAMPLES

from aws_run.config.value_types import KEEP_KINDS
from aws_run.infra.resource_types import bucket, cluster, group, schedule
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry, UnknownKindError
from aws_run.infra.resources import Kind, Ref, Scope


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.resource.kind}:{sample.resource.name}")
@pytest.mark.parametrize("holds", CONTRACT, ids=lambda holds: holds.__name__)
def test_every_type_keeps_the_contract(sample: Sample, holds: Callable[[Sample], None]) -> None:
    holds(sample)


def test_no_type_is_left_out() -> None:
    assert {sample.resource.kind for sample in SAMPLES} == {each.kind for each in RESOURCE_TYPES}


def test_every_word_of_keep_is_one_types() -> None:
    assert sorted(each.keep_as for each in RESOURCE_TYPES if each.keep_as) == sorted(KEEP_KINDS)


def test_every_scope_is_some_types() -> None:
    assert {scope for each in RESOURCE_TYPES for scope in each.scopes} == set(get_args(Scope))


def test_what_depends_on_each_other_is_one_lane_and_the_switch_is_last() -> None:
    assert RESOURCE_TYPES.lanes == (("group", "capacity-provider", "cluster", "schedule", "role"),)


@pytest.mark.parametrize(
    ("kind", "name", "ordered"),
    [
        ("group", f"arun-{RUN}", True),
        ("schedule", f"arun-{RUN}", True),
        ("role", f"arun-{RUN}-stop", True),
        ("role", f"arun-{RUN}-task", False),
        ("role", "arun-demo-us-east-1-execution", False),
        ("launch-template", f"arun-{RUN}", False),
        ("of-a-newer-version", f"arun-{RUN}", False),
    ],
)
def test_only_what_waits_or_is_waited_for_has_its_place_in_the_lane(kind: str, name: str, ordered: bool) -> None:
    assert RESOURCE_TYPES.is_ordered(Ref(kind=Kind(kind), name=name, scope="run")) is ordered


def test_a_kind_that_is_not_known_is_said_to_be_a_newer_versions() -> None:
    with pytest.raises(UnknownKindError, match="batch-queue") as caught:
        RESOURCE_TYPES.of(Kind("batch-queue"))
    assert "newer aws-run" in (caught.value.hint or "")


UNFIT: list[tuple[tuple[Any, ...], str]] = [
    ((bucket.TYPE, bucket.TYPE), "the same kind"),
    ((bucket.TYPE, replace(group.TYPE, keep_as="bucket")), "calls two resource types the same"),
    ((cluster.TYPE,), "depends on capacity-provider, which is not a resource type"),
    ((replace(group.TYPE, list_owned=()),), "could not be found by gc"),
    ((replace(bucket.TYPE, observe=None),), "can't be observed"),
    ((replace(group.TYPE, end_bill=None),), "no `end_bill`"),
    (
        (replace(cluster.TYPE, depends_on=("schedule",)), replace(schedule.TYPE, depends_on=("cluster",))),
        "in a circle",
    ),
]


@pytest.mark.parametrize(("types", "why"), UNFIT, ids=[why for _, why in UNFIT])
def test_types_that_do_not_fit_together_make_no_registry(types: tuple[Any, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Registry(*types)
