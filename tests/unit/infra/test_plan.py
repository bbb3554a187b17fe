"""Desired and observed to steps, and each step to its kind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import FakeAws, FakeClock, refused
from tests.unit.infra.resource_samples import EVERY

from aws_run.errors import AwsCallError
from aws_run.infra import apply
from aws_run.infra.observe import observe, observe_one
from aws_run.infra.plan import Step, plan
from aws_run.infra.resource_types import bucket as buckets
from aws_run.infra.resource_types import role as roles
from aws_run.infra.resource_types.base import ABSENT, Observation
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Ref, Resource, ref

OBSERVATIONS = st.none() | st.builds(Observation, present=st.booleans(), current=st.booleans())


@given(found=st.lists(OBSERVATIONS, min_size=len(EVERY), max_size=len(EVERY)))
def test_a_plan_is_one_step_a_resource_in_order_and_changes_nothing_it_was_given(
    found: list[Observation | None],
) -> None:
    observed = {ref(r): o for r, o in zip(EVERY, found, strict=True) if o is not None}
    before = copy.deepcopy(observed)
    steps = plan(EVERY, observed)
    assert observed == before
    assert [step.resource for step in steps] == list(EVERY)
    assert plan(EVERY, observed) == steps
    for step, seen in zip(steps, found, strict=True):
        wanted = "create" if seen is None or not seen.present else "reuse" if seen.current else "update"
        assert step.action == wanted


@pytest.mark.parametrize("resource", EVERY, ids=lambda r: r.kind)
def test_a_reuse_asks_aws_for_nothing(resource: Resource) -> None:
    aws = FakeAws()
    assert apply.apply(aws, Step(action="reuse", resource=resource), FakeClock()) is None
    assert aws.calls == []


# -- observe ------------------------------------------------------------------------------------------------------

KEPT_AND_SHARED = [resource for resource in EVERY if resource.scope != "run"]
BUCKET_WANTED, REPOSITORY, LOGS, EXECUTION, INSTANCE = KEPT_AND_SHARED
assert isinstance(BUCKET_WANTED, Bucket)
assert isinstance(EXECUTION, Role)
assert isinstance(INSTANCE, Role)


def tagged(digest: str) -> list[dict[str, str]]:
    return [{"Key": "x", "Value": "y"}, {"Key": "aws-run:config", "Value": digest}]


def kept_for(days: str) -> list[dict[str, str]]:
    return [*tagged(buckets.config_digest(BUCKET_WANTED)), {"Key": "aws-run:runs-days", "Value": days}]


PRESENT: list[tuple[Resource, str, Any, Observation]] = [
    (BUCKET_WANTED, "get_bucket_tagging", {"TagSet": kept_for("90")}, Observation(present=True)),
    (BUCKET_WANTED, "get_bucket_tagging", {"TagSet": kept_for("365")}, Observation(present=True)),
    (BUCKET_WANTED, "get_bucket_tagging", {"TagSet": kept_for("89")}, Observation(present=True, current=False)),
    (BUCKET_WANTED, "get_bucket_tagging", {"TagSet": tagged(buckets.config_digest(BUCKET_WANTED))}, Observation(present=True, current=False)),
    (BUCKET_WANTED, "get_bucket_tagging", {"TagSet": tagged("old")}, Observation(present=True, current=False)),
    (BUCKET_WANTED, "get_bucket_tagging", refused("NoSuchTagSet"), Observation(present=True, current=False)),
    (BUCKET_WANTED, "get_bucket_tagging", refused("NoSuchBucket"), ABSENT),
    (REPOSITORY, "describe_repositories", {"repositories": [{"repositoryUri": "u"}]}, Observation(present=True, value="u")),
    (REPOSITORY, "describe_repositories", refused("RepositoryNotFoundException"), ABSENT),
    (LOGS, "describe_log_groups", {"logGroups": [{"logGroupName": "/aws-run/demo", "retentionInDays": 30}]}, Observation(present=True)),
    (LOGS, "describe_log_groups", {"logGroups": [{"logGroupName": "/aws-run/demo"}]}, Observation(present=True, current=False)),
    (LOGS, "describe_log_groups", {"logGroups": [{"logGroupName": "/aws-run/demo2", "retentionInDays": 30}]}, ABSENT),
    (EXECUTION, "get_role", {"Role": {"Tags": tagged(roles.config_digest(EXECUTION))}}, Observation(present=True)),
    (EXECUTION, "get_role", {"Role": {"Tags": tagged("old")}}, Observation(present=True, current=False)),
    (EXECUTION, "get_role", {"Role": {}}, Observation(present=True, current=False)),
    (EXECUTION, "get_role", refused("NoSuchEntity"), ABSENT),
    (INSTANCE, "get_instance_profile",
     {"InstanceProfile": {"Roles": [{}], "Tags": tagged(roles.config_digest(INSTANCE))}}, Observation(present=True)),
    (INSTANCE, "get_instance_profile",
     {"InstanceProfile": {"Roles": [], "Tags": tagged(roles.config_digest(INSTANCE))}}, Observation(present=True, current=False)),
    (INSTANCE, "get_instance_profile", refused("NoSuchEntity"), ABSENT),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "operation", "answer", "seen"), PRESENT)
def test_what_is_there_is_seen_with_one_call(
    resource: Resource, operation: str, answer: Any, seen: Observation
) -> None:
    aws = FakeAws().on(operation, answer)
    assert observe_one(aws, resource) == seen
    assert aws.operations == [operation]


def test_a_runs_own_resources_are_not_looked_for() -> None:
    aws = FakeAws()
    own = [resource for resource in EVERY if resource.scope == "run"]
    assert observe(aws, own) == {}
    assert aws.calls == []
    with pytest.raises(TypeError, match="belongs to one run"):
        observe_one(aws, own[0])


def test_all_is_observed_and_keyed_by_kind_and_name() -> None:
    aws = FakeAws()
    for row in reversed(PRESENT):
        aws.on(row[1], row[2])
    found = observe(aws, EVERY)
    assert set(found) == {ref(resource) for resource in KEPT_AND_SHARED}
    assert found[Ref(kind="repository", name="arun/demo", scope="kept")].value == "u"


def test_one_refusal_is_enough_to_stop() -> None:
    aws = FakeAws().on("describe_log_groups", refused("AccessDenied"))
    with pytest.raises(AwsCallError):
        observe(aws, [LOGS])
