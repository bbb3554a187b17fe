"""The run's ECS task definition: registered once a run, deregistered, then deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import retrying, role_is_too_new
from aws_run.naming import PREFIX


@frozen
class TaskDefinition:
    """`request` is RegisterTaskDefinition's own parameters, less family and tags."""

    kind: ClassVar[Kind] = Kind("task-definition")
    scope: ClassVar[Scope] = "run"
    name: str  # the family; one a run (aws-facts §3)
    request: Mapping[str, Any]
    tags: Mapping[str, str]


def create(aws: Aws, definition: TaskDefinition, clock: Clock) -> str:
    """The new revision's ARN. ECS checks the roles, which may have been made a moment ago."""

    def attempt() -> str:
        answer = aws.call(
            "ecs",
            "register_task_definition",
            family=definition.name,
            tags=tags.lower(definition.tags),
            **definition.request,
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    return retrying(attempt, when=role_is_too_new, for_s=60, clock=clock, first_wait_s=1, longest_wait_s=5)


def _revisions(aws: Aws, family: str, status: str) -> list[str]:
    listed = aws.pages("ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status=status)
    # familyPrefix is the whole family's name on AWS; a mere prefix would match other runs, so it is checked.
    return [arn for arn in listed if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]


def delete(aws: Aws, name: str, clock: Clock) -> None:
    for arn in _revisions(aws, name, "ACTIVE"):
        try:
            aws.call("ecs", "deregister_task_definition", taskDefinition=arn)
        except AwsCallError as error:
            # Somebody else (a `gc`, the same call before a lost answer) was here first.
            gone = "inactive" in error.message.lower() or "unable to describe" in error.message.lower()
            if error.code != "ClientException" or not gone:
                raise
    inactive = _revisions(aws, name, "INACTIVE")
    for start in range(0, len(inactive), 10):  # DeleteTaskDefinitions takes at most ten
        aws.call("ecs", "delete_task_definitions", taskDefinitions=inactive[start : start + 10])


def absent(aws: Aws, name: str) -> bool:
    """No ACTIVE revision: INACTIVE and DELETE_IN_PROGRESS ones can't be run and cost nothing."""
    return not _revisions(aws, name, "ACTIVE")


def _families(aws: Aws) -> Iterator[str]:
    prefix = f"{PREFIX}-"
    yield from aws.pages("ecs", "list_task_definition_families", "families", familyPrefix=prefix, status="ACTIVE")


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (  # every revision
        f"aws ecs list-task-definitions --family-prefix {name} --query 'taskDefinitionArns[]' "
        f"--output text --region {region} "
        f"| xargs -n 1 aws ecs deregister-task-definition --region {region} --task-definition",
    )


TYPE = ResourceType(
    value=TaskDefinition,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="task definitions", names=_families),),
    manual_commands=manual_commands,
    keep_as="task-definition",
)
