"""The one container of a task definition, as far as both backends have it in common. Pure."""

from __future__ import annotations

import json
from typing import Any

from aws_run import contract
from aws_run.backends.ecs import sizes
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.runs.spec import RunSpec

CONTAINER = "job"
NOTICE_DIR = "/run/aws-run"
STOP_TIMEOUT_S = 120  # the most Fargate allows (aws-facts §4)
_NEW_ROLE_S = 60  # the run's role is made seconds before its task
_STOP_GRACE_S = 90  # of which the job gets this at most, and less where much has to be saved


def definition(spec: RunSpec, request: dict[str, Any]) -> TaskDefinition:
    """UsageError where ECS takes none of that size."""
    sizes.check_definition(request)
    return TaskDefinition(name=spec.names.family, request=request, tags=spec.tags)


def container(spec: RunSpec, image: str) -> dict[str, Any]:
    """Names only what the user gave and what the contract lists; the run's deadline comes with RunTask."""
    job = spec.job
    return {
        "name": CONTAINER,
        "image": image,
        "essential": True,
        "environment": [{"name": name, "value": value} for name, value in sorted(_environment(spec).items())],
        "secrets": [{"name": name, "valueFrom": arn} for name, arn in sorted(job.secrets.items())],
        "stopTimeout": STOP_TIMEOUT_S,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": spec.project.log_group,
                "awslogs-region": spec.region,
                "awslogs-stream-prefix": spec.run_id,
                "mode": "blocking",  # the default drops lines silently (aws-facts §6)
            },
        },
    }


def _environment(spec: RunSpec) -> dict[str, str]:
    job = spec.job
    ours = {
        contract.RUN_ID: spec.run_id,
        contract.BUCKET: spec.bucket,
        contract.BUCKET_OWNER: spec.account,
        contract.PREFIX: spec.keys.prefix,
        contract.STOP_GRACE_S: str(_STOP_GRACE_S),
        contract.STOP_WINDOW_S: str(STOP_TIMEOUT_S),
        contract.NEW_ROLE_S: str(_NEW_ROLE_S),
        contract.SYNC_EVERY_S: str(job.sync_every_s),
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
    }
    if job.outputs == "required":
        ours[contract.OUTPUTS_REQUIRED] = "1"
    if job.checkpoint:
        ours[contract.CHECKPOINT_PATH] = job.checkpoint.path
        ours[contract.CHECKPOINT_EVERY_S] = str(job.checkpoint.every_s)
    if spec.command is not None:
        ours[contract.COMMAND] = json.dumps(spec.command)
    if job.args:
        ours[contract.ARGS] = json.dumps(job.args)
    if (job.arguments.input, job.arguments.output) != ("-i", "-o"):
        ours[contract.ARGUMENTS] = json.dumps([job.arguments.input, job.arguments.output])
    return {**{name: value for name, value in job.env.items() if value is not None}, **ours}


def log_stream(run_id: str, task_arn: str) -> str:
    """The stream the awslogs driver writes to: prefix/container/task-id."""
    return f"{run_id}/{CONTAINER}/{task_arn.rsplit('/', 1)[-1]}"
