"""The project's log group, made by us so that it has a retention; `shared`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra.resource_types.base import ABSENT, Listing, Observation, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying
from aws_run.naming import LOG_GROUPS


@frozen
class LogGroup:
    kind: ClassVar[Kind] = Kind("log-group")
    scope: ClassVar[Scope] = "shared"
    name: str
    retention_days: int
    kms_key: str | None = None
    tags: Mapping[str, str]


def observe(aws: Aws, group: LogGroup) -> Observation:
    answer = aws.call("logs", "describe_log_groups", logGroupNamePrefix=group.name)
    for listed in answer.get("logGroups", ()):
        if listed["logGroupName"] == group.name:
            # Without a retention CloudWatch keeps it for ever, which is never what is wanted.
            current = listed.get("retentionInDays") == group.retention_days
            return Observation(present=True, current=current and group.kms_key in (None, listed.get("kmsKeyId")))
    return ABSENT


def create(aws: Aws, group: LogGroup, clock: Clock) -> str:
    key = {"kmsKeyId": group.kms_key} if group.kms_key else {}
    try:
        # The last run's teardown may have deleted it seconds ago, and CloudWatch is still at it.
        retrying(
            lambda: aws.call("logs", "create_log_group", logGroupName=group.name, tags=dict(group.tags), **key),
            when=on_codes("OperationAbortedException"),
            for_s=60,
            clock=clock,
        )
    except AwsCallError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
        configure(aws, group, clock)
        return group.name
    _retain(aws, group)
    return group.name


def _retain(aws: Aws, group: LogGroup) -> None:
    aws.call("logs", "put_retention_policy", logGroupName=group.name, retentionInDays=group.retention_days)


def configure(aws: Aws, group: LogGroup, clock: Clock) -> None:
    _retain(aws, group)
    if group.kms_key:
        aws.call("logs", "associate_kms_key", logGroupName=group.name, kmsKeyId=group.kms_key)


def delete(aws: Aws, name: str, clock: Clock) -> None:
    try:
        aws.call("logs", "delete_log_group", logGroupName=name)
    except AwsCallError as error:
        if error.code != "ResourceNotFoundException":
            raise


def absent(aws: Aws, name: str) -> bool:
    answer = aws.call("logs", "describe_log_groups", logGroupNamePrefix=name)
    return all(listed["logGroupName"] != name for listed in answer.get("logGroups", ()))


def _names(aws: Aws) -> Iterator[str]:
    for group in aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=LOG_GROUPS):
        yield group["logGroupName"]


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws logs delete-log-group --log-group-name {name} --region {region}",)


TYPE = ResourceType(
    value=LogGroup,
    scopes=("shared",),
    create=create,
    update=configure,
    observe=observe,
    delete=delete,
    absent=absent,
    manual_commands=manual_commands,
    keep_as="log-group",
    idle_cost="costs nothing but the storage of its lines until their retention ends; `aws-run destroy` removes it",
    list_shared=(Listing(what="log groups", names=_names),),
)
