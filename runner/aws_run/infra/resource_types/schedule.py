"""The EventBridge Scheduler one-shot behind a Fargate run's deadline (aws-facts §2)."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.infra.resources import Schedule
from aws_run.infra.retry import retrying

_AT = "at(%Y-%m-%dT%H:%M:%S)"
_TARGET = "arn:aws:scheduler:::aws-sdk:ecs:stopTask"
_GONE = "ResourceNotFoundException"


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
                "Arn": _TARGET,
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
            when=lambda e: e.code == "ValidationException" and "assume" in e.message.lower(),
            for_s=60,
            clock=clock,
            first_wait_s=2,
        )
    except AwsCallError as error:
        if error.code != "ConflictException":
            raise
        return attempt("update_schedule")  # a lost answer, or an earlier attempt's task


def delete(aws: Aws, name: str, clock: Clock) -> None:
    try:
        aws.call("scheduler", "delete_schedule", Name=name)
    except AwsCallError as error:
        if error.code != _GONE:
            raise


def fires_at(aws: Aws, name: str) -> datetime | None:
    """When it is going to stop its task; None where there is none (any more: it goes when it has fired)."""
    try:
        expression = str(aws.call("scheduler", "get_schedule", Name=name)["ScheduleExpression"])
    except AwsCallError as error:
        if error.code == _GONE:
            return None
        raise
    try:
        return datetime.strptime(expression, _AT).replace(tzinfo=timezone.utc)
    except ValueError:  # none of ours
        return None


def absent(aws: Aws, name: str) -> bool:
    try:
        aws.call("scheduler", "get_schedule", Name=name)
    except AwsCallError as error:
        if error.code == _GONE:
            return True
        raise
    return False
