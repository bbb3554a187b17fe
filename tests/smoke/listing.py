"""What an account still has of a project, by AWS's own listings. The calls are those that a caller's policy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.exceptions import ClientError

_ENDED = ("terminated", "shutting-down")  # nothing of it bills


def left(session: boto3.Session, project: str, bucket: str) -> dict[str, list[str]]:
    """Names by kind; kinds with nothing are left out. `bucket`: the account's, which goes with its last project."""

    def pages(service: str, operation: str, key: str, **parameters: Any) -> Iterable[Any]:
        for page in session.client(service).get_paginator(operation).paginate(**parameters):
            yield from page.get(key) or ()

    ecs = session.client("ecs")
    runs = f"arun-{project}-"
    named: dict[str, Callable[[], Iterable[str]]] = {
        "cluster": lambda: (arn.rsplit("/", 1)[-1] for arn in pages("ecs", "list_clusters", "clusterArns")),
        "capacity provider": lambda: (
            one["name"] for one in ecs.describe_capacity_providers()["capacityProviders"] if one["status"] == "ACTIVE"
        ),
        "task definition": lambda: pages(
            "ecs", "list_task_definition_families", "families", familyPrefix=runs, status="ACTIVE"
        ),
        "Auto Scaling group": lambda: (
            one["AutoScalingGroupName"]
            for one in pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
            if one.get("Status") != "Delete in progress"
        ),
        "launch template": lambda: (
            one["LaunchTemplateName"] for one in pages("ec2", "describe_launch_templates", "LaunchTemplates")
        ),
        "instance": lambda: (
            next((tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == "aws-run:run"), "")
            for reservation in pages("ec2", "describe_instances", "Reservations")
            for one in reservation["Instances"]
            if one["State"]["Name"] not in _ENDED
        ),
        "role": lambda: (one["RoleName"] for one in pages("iam", "list_roles", "Roles", PathPrefix="/aws-run/")),
        "log group": lambda: (
            one["logGroupName"]
            for one in pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=f"/aws-run/{project}")
        ),
        "schedule": lambda: (one["Name"] for one in pages("scheduler", "list_schedules", "Schedules")),
        "repository": lambda: _if_there(
            lambda: session.client("ecr").describe_repositories(repositoryNames=[f"arun/{project}"])["repositories"],
            f"arun/{project}",
        ),
        "bucket": lambda: _if_there(lambda: session.client("s3").head_bucket(Bucket=bucket), bucket),
    }
    found = {
        kind: sorted({name for name in names() if _is_of(name, project) or name == bucket})
        for kind, names in named.items()
    }
    return {kind: names for kind, names in found.items() if names}


def _is_of(name: str, project: str) -> bool:
    return name.startswith((f"arun-{project}-", f"{project}-", f"arun/{project}", f"/aws-run/{project}"))


def _if_there(look: Callable[[], Any], name: str) -> list[str]:
    try:
        return [name] if look() else []
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket", "RepositoryNotFoundException"):
            return []
        raise
