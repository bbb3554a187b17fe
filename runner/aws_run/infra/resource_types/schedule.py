"""The EventBridge Scheduler one-shot behind a Fargate run's deadline (aws-facts §2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import ClassVar

from aws_run import partition
from aws_run.aws.absence import call_unless_gone
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra.resource_types import cluster as clusters
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import retrying, role_is_too_new
from aws_run.naming import PREFIX

_AT = "at(%Y-%m-%dT%H:%M:%S)"
_TARGET = "aws-sdk:ecs:stopTask"
_GONE = ("ResourceNotFoundException",)


@frozen
class Schedule:
    """An EventBridge Scheduler one-shot that stops a Fargate task: AWS carries it out with no client alive."""

    kind: ClassVar[Kind] = Kind("schedule")
    scope: ClassVar[Scope] = "run"
    name: str
    at: datetime
    cluster: str
    task_arn: str
    role_arn: str


def create(aws: Aws, schedule: Schedule, clock: Clock) -> str:
    """Its ARN. Scheduler checks that it can assume the role, which may have been made seconds ago."""

    def attempt(operation: str = "create_schedule") -> str:
        answer = aws.call(
            "scheduler",
            operation,
            Name=schedule.name,
            ScheduleExpression=schedule.at.strftime(_AT),
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": partition.arn("scheduler", "", "", _TARGET, of=aws.region),
                "RoleArn": schedule.role_arn,
                "Input": json.dumps(
                    {"Cluster": schedule.cluster, "Task": schedule.task_arn, "Reason": "aws-run: past its deadline"}
                ),
                "RetryPolicy": {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 3600},
            },
        )
        return str(answer["ScheduleArn"])

    try:
        return retrying(
            attempt,
            when=lambda e: (e.code == "ValidationException" and "assume" in e.message.lower()) or role_is_too_new(e),
            for_s=60,
            clock=clock,
            first_wait_s=2,
        )
    except AwsCallError as error:
        if error.code != "ConflictException":
            raise
        return attempt("update_schedule")  # a lost answer, or an earlier attempt's task


def delete(aws: Aws, name: str, clock: Clock) -> None:
    call_unless_gone(aws, _GONE, "scheduler", "delete_schedule", Name=name)


def fires_at(aws: Aws, name: str) -> datetime | None:
    """When it is going to stop its task; None where there is none (any more: it goes when it has fired)."""
    schedule = call_unless_gone(aws, _GONE, "scheduler", "get_schedule", Name=name)
    if schedule is None:
        return None
    try:
        return datetime.strptime(str(schedule["ScheduleExpression"]), _AT).replace(tzinfo=timezone.utc)
    except ValueError:  # none of ours
        return None


def absent(aws: Aws, name: str) -> bool:
    return call_unless_gone(aws, _GONE, "scheduler", "get_schedule", Name=name) is None


def _names(aws: Aws) -> Iterator[str]:
    for schedule in aws.pages("scheduler", "list_schedules", "Schedules", NamePrefix=f"{PREFIX}-"):
        yield schedule["Name"]


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws scheduler delete-schedule --name {name} --region {region}",)


TYPE = ResourceType(
    value=Schedule,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="schedules", names=_names),),
    manual_commands=manual_commands,
    # It is there for the case that the rest can't be removed: it goes last.
    depends_on=(clusters.Cluster.kind,),
    is_deadline_switch=lambda name: True,
)
