"""The project's log group, made by us so that it has a retention; `shared`."""

from __future__ import annotations

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.infra.resources import LogGroup


def observe(aws: Aws, group: LogGroup) -> int | None:
    """Its retention in days (0 = for ever), None when there is no such group."""
    answer = aws.call("logs", "describe_log_groups", logGroupNamePrefix=group.name)
    for found in answer.get("logGroups", ()):
        if found["logGroupName"] == group.name:
            return int(found.get("retentionInDays") or 0)
    return None


def create(aws: Aws, group: LogGroup, clock: Clock) -> str:
    try:
        aws.call("logs", "create_log_group", logGroupName=group.name, tags=dict(group.tags))
    except AwsCallError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    configure(aws, group, clock)
    return group.name


def configure(aws: Aws, group: LogGroup, clock: Clock) -> None:
    aws.call("logs", "put_retention_policy", logGroupName=group.name, retentionInDays=group.retention_days)


def delete(aws: Aws, name: str, clock: Clock) -> None:
    try:
        aws.call("logs", "delete_log_group", logGroupName=name)
    except AwsCallError as error:
        if error.code != "ResourceNotFoundException":
            raise


def absent(aws: Aws, name: str) -> bool:
    answer = aws.call("logs", "describe_log_groups", logGroupNamePrefix=name)
    return all(found["logGroupName"] != name for found in answer.get("logGroups", ()))
