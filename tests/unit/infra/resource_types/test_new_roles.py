"""A role that was made seconds ago, and a log group that is just going: what is waited for, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import START, FakeAws, FakeClock, job, refused
from tests.unit.infra.resource_samples import EVERY, made

from aws_run.errors import AwsCallError
from aws_run.infra import desired
from aws_run.infra.resource_types import group, log_group, schedule, task_definition
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.resource_types.schedule import Schedule
from aws_run.infra.resource_types.task_definition import TaskDefinition

DEFINITION = next(sample for sample in EVERY if isinstance(sample, TaskDefinition))
SCHEDULE = next(sample for sample in EVERY if isinstance(sample, Schedule))
LOG_GROUP = next(sample for sample in EVERY if isinstance(sample, LogGroup))

_DENIED = "User x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/aws-run/r"
_TOO_NEW = [
    refused("AccessDeniedException", _DENIED),
    refused("AccessDenied", _DENIED),
    refused("ClientException", "Role is not valid"),
]


@pytest.mark.parametrize("error", _TOO_NEW)
def test_a_definition_waits_for_roles_that_another_lane_is_just_making(error: AwsCallError) -> None:
    registered: dict[str, Any] = {"taskDefinition": {"taskDefinitionArn": "arn:1"}}
    aws = FakeAws().on("register_task_definition", error, error, registered)
    assert task_definition.create(aws, DEFINITION, FakeClock()) == "arn:1"


@pytest.mark.parametrize("error", _TOO_NEW)
def test_a_role_that_never_comes_is_told_after_a_minute(error: AwsCallError) -> None:
    clock = FakeClock()
    with pytest.raises(AwsCallError):
        task_definition.create(FakeAws().on("register_task_definition", error), DEFINITION, clock)
    assert 60 <= clock.elapsed_s < 70


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDeniedException", "not authorized to perform: ecs:RegisterTaskDefinition"),
        refused("ClientException", "Family contains invalid characters."),
    ],
)
def test_any_other_refusal_of_a_definition_is_told_at_once(error: AwsCallError) -> None:
    clock = FakeClock()
    with pytest.raises(AwsCallError):
        task_definition.create(FakeAws().on("register_task_definition", error), DEFINITION, clock)
    assert clock.elapsed_s == 0


def test_a_schedule_waits_until_its_role_may_be_passed() -> None:
    aws = made(FakeAws()).on("create_schedule", _TOO_NEW[0], {"ScheduleArn": "arn:s"})
    assert schedule.create(aws, SCHEDULE, FakeClock()) == "arn:s"


def test_a_log_group_that_is_just_going_is_made_a_little_later() -> None:
    aws = FakeAws().on("create_log_group", refused("OperationAbortedException"), {})
    log_group.create(aws, LOG_GROUP, FakeClock())
    assert aws.operations == ["create_log_group", "create_log_group", "put_retention_policy"]


def test_the_shutdown_is_scheduled_at_a_whole_second() -> None:
    aws = FakeAws()
    group.schedule_shutdown(aws, "g", START.replace(microsecond=816943))
    assert aws.sent("put_scheduled_update_group_action")[0]["StartTime"] == START


def test_the_owners_name_is_written_in_letters_that_every_service_takes() -> None:
    tags = desired.tags(job(), owner="assumed-role/dev/ann,bob (Ünal)")
    assert tags["aws-run:owner"] == "assumed-role/dev/ann-bob -Ünal-"
