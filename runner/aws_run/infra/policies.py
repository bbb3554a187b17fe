"""The IAM documents, as pure functions of names. Least that works; every statement is bound to the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aws_run.naming import RunKeys


def _document(*statements: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements if statement]}


def task_policy(*, account: str, bucket: str, project: str, run_id: str) -> dict[str, Any]:
    """What the job itself may do: read the project's inputs, read and write its own run, never rewrite its record."""
    arn = f"arn:aws:s3:::{bucket}"
    keys = RunKeys(run_id=run_id)
    ours = {"StringEquals": {"aws:ResourceAccount": account}}
    return _document(
        {
            "Sid": "Inputs",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"{arn}/inputs/{project}/*"],
            "Condition": ours,
        },
        {
            "Sid": "OwnRun",
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            "Resource": [f"{arn}/{keys.prefix}*"],
            "Condition": ours,
        },
        {
            "Sid": "NotTheRecord",
            "Effect": "Deny",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"{arn}/{keys.record}"],
        },
        {
            "Sid": "ListOwnRun",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": [arn],
            "Condition": {**ours, "StringLike": {"s3:prefix": [f"{keys.prefix}*"]}},
        },
    )


def execution_policy(
    *, account: str, region: str, repositories: Iterable[str], log_group: str, secrets: Iterable[str]
) -> dict[str, Any]:
    """What ECS does on the task's behalf: pull its image, write its log, read the secrets it names."""
    stores = sorted(set(secrets))
    # A task may name a part of a secret (…:secret:name-6chars:json-key:stage:version); IAM knows the secret alone.
    manager = sorted({":".join(arn.split(":")[:7]) for arn in stores if ":secretsmanager:" in arn})
    parameters = [arn for arn in stores if ":ssm:" in arn]
    return _document(
        {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [f"arn:aws:ecr:{region}:{account}:repository/{name}" for name in repositories],
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*"],
        },
        {"Sid": "Secrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": manager}
        if manager
        else None,
        {"Sid": "Parameters", "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": parameters}
        if parameters
        else None,
    )


def instance_policy(*, account: str, region: str, repository: str) -> dict[str, Any]:
    """The ECS agent's set (AmazonEC2ContainerServiceforEC2Role narrowed to the tool's clusters), and no S3."""
    clusters = f"arn:aws:ecs:{region}:{account}:cluster/arun-*"
    return _document(
        {
            "Sid": "Discover",
            "Effect": "Allow",
            "Action": ["ecs:DiscoverPollEndpoint", "ec2:DescribeTags"],
            "Resource": ["*"],
        },
        {
            "Sid": "Join",
            "Effect": "Allow",
            "Action": ["ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:SubmitTaskStateChange",
                       "ecs:SubmitContainerStateChange", "ecs:SubmitAttachmentStateChanges"],
            "Resource": [clusters],
        },
        {
            "Sid": "Work",
            "Effect": "Allow",
            "Action": ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState", "ecs:TagResource"],
            "Resource": ["*"],
            "Condition": {"ArnLike": {"ecs:cluster": clusters}},
        },
        {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [f"arn:aws:ecr:{region}:{account}:repository/{repository}"],
        },
    )  # fmt: skip


def stop_policy(*, account: str, region: str, cluster: str) -> dict[str, Any]:
    """EventBridge Scheduler may stop this run's task, and nothing else."""
    return _document(
        {
            "Sid": "Stop",
            "Effect": "Allow",
            "Action": ["ecs:StopTask"],
            "Resource": [f"arn:aws:ecs:{region}:{account}:task/{cluster}/*"],
        }
    )
