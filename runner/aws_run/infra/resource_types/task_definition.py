"""The run's ECS task definition: registered once a run, deregistered, then deleted."""

from __future__ import annotations

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.infra import tags
from aws_run.infra.resources import TaskDefinition


def create(aws: Aws, definition: TaskDefinition, clock: Clock) -> str:
    """The new revision's ARN."""
    answer = aws.call(
        "ecs",
        "register_task_definition",
        family=definition.name,
        tags=tags.lower(definition.tags),
        **definition.request,
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def _revisions(aws: Aws, family: str, status: str) -> list[str]:
    found = aws.pages("ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status=status)
    # familyPrefix is the whole family's name on AWS; a mere prefix would match other runs, so it is checked.
    return [arn for arn in found if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]


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
