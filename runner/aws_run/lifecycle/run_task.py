"""RunTask: one request, the same for a repeated call, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aws_run import contract
from aws_run.aws.errors import is_transient
from aws_run.backends.base import Backend
from aws_run.backends.ecs import container
from aws_run.data import InputSnapshot
from aws_run.errors import AwsCallError, CapacityError
from aws_run.events import Notice
from aws_run.infra.retry import retrying
from aws_run.lifecycle.context import AppContext
from aws_run.runs.spec import RunSpec


def request(
    spec: RunSpec,
    backend: Backend,
    *,
    definition: str,
    inputs: tuple[InputSnapshot, ...],
    command: tuple[str, ...] | None,
    deadline: datetime,
    attempt: int = 1,
) -> dict[str, Any]:
    """RunTask's parameters. Attempts of one run differ by their number and token only."""
    sources = [
        {"name": one.label, "snapshot_key": one.snapshot_key, "version_id": one.version_id, "into": one.into}
        for one in inputs
    ]
    environment = {
        contract.INPUTS: json.dumps(sources, separators=(",", ":")),
        contract.DEADLINE: str(int(deadline.timestamp())),
        contract.ATTEMPT: str(attempt),
    }
    if command is not None:
        environment[contract.COMMAND] = json.dumps(command)
    token = spec.names.client_token
    return {
        "cluster": spec.names.cluster,
        "taskDefinition": definition,
        "count": 1,
        "clientToken": token if attempt == 1 else f"{token}-{attempt}",
        "startedBy": spec.run_id[:36],
        "propagateTags": "TASK_DEFINITION",
        "enableECSManagedTags": True,
        "overrides": {
            "containerOverrides": [
                {
                    "name": container.CONTAINER,
                    "environment": [{"name": name, "value": value} for name, value in environment.items()],
                }
            ]
        },
        **backend.placement(spec),
    }


def attempt_of(task: Mapping[str, Any]) -> int:
    """Which attempt of its run a task of DescribeTasks is, as `request` wrote it."""
    for override in task.get("overrides", {}).get("containerOverrides", ()):
        for variable in override.get("environment", ()):
            if variable["name"] == contract.ATTEMPT:
                return int(variable["value"])
    return 1


def accept(context: AppContext, asked: Mapping[str, Any], check: Callable[[], None] = lambda: None) -> str:
    """The accepted task's ARN. `check` is called before each attempt and may raise.

    What was not answered, or in a way that nobody can read, is asked again with the same token, for which ECS gives the
    task that it has accepted before. CapacityError for `failures[]`, which is how RunTask refuses (aws-facts §3).
    """

    def attempt() -> dict[str, Any]:
        check()
        answer = context.aws.call("ecs", "run_task", **asked)
        if not answer.get("tasks") and not answer.get("failures"):
            text = "ECS did not accept the task: no reason given"
            raise AwsCallError(text, code="ConnectionError", operation="run_task")
        return answer

    try:
        answer = retrying(
            attempt, when=lambda e: _heals(e) or is_transient(e), for_s=120, clock=context.clock, first_wait_s=2
        )
    except AwsCallError as error:
        if error.code != "ConflictException" and not is_transient(error):
            raise
        # The token was used before, or nobody can tell: the task may be there, whatever happened to the answer.
        there = _accepted_before(context, asked)
        if there is None:
            raise
        context.emit(Notice(text="found the task that was already accepted", level="debug"))
        return there
    if answer.get("tasks"):
        return str(answer["tasks"][0]["taskArn"])
    reasons = sorted({str(f.get("reason", "unknown")) for f in answer.get("failures", ())}) or ["no reason given"]
    said = "; ".join(reasons)
    raise CapacityError(f"ECS did not accept the task: {said}", hint=_failure_hint(said))


def _accepted_before(context: AppContext, asked: Mapping[str, Any]) -> str | None:
    """The task of this attempt on the run's cluster; one of an earlier attempt may still be stopping there."""
    arns = context.aws.call("ecs", "list_tasks", cluster=asked["cluster"])["taskArns"]
    if attempt_of(asked) > 1 and arns:
        tasks = context.aws.call("ecs", "describe_tasks", cluster=asked["cluster"], tasks=arns)["tasks"]
        arns = [task["taskArn"] for task in tasks if attempt_of(task) == attempt_of(asked)]
    return str(arns[0]) if arns else None


def _heals(error: AwsCallError) -> bool:
    """A role or a capacity provider made seconds ago (aws-facts §3)."""
    said = error.message.lower()
    if "unable to assume the" in said:  # "… role", "… service linked role"
        return True
    passing = "capacity provider" in said or "not active" in said or "not in an active" in said
    return error.code in ("InvalidParameterException", "ClientException") and passing


def _failure_hint(reasons: str) -> str | None:
    if "RESOURCE:GPU" in reasons:
        return "the instance has fewer GPUs than asked for: name another with --instance-type"
    if "RESOURCE:" in reasons:
        return "the task does not fit the instance: ask for less CPU or memory, or a larger --instance-type"
    return None
