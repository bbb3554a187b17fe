"""One resource of each kind, as a plan makes them, and a cloud that holds something of all."""

from __future__ import annotations

from typing import Any

from tests.unit.fakes import RUN, FakeAws
from tests.unit.infra.test_plan import EVERY

from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.capacity_provider import CapacityProvider
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.group import Group
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resource_types.role import Role

NAME = f"arun-{RUN}"


def one(kind: type) -> Any:
    return next(resource for resource in EVERY if isinstance(resource, kind))


BUCKET_, REPOSITORY, LOGS, CLUSTER, TEMPLATE, GROUP, PROVIDER = (
    one(kind) for kind in (Bucket, Repository, LogGroup, Cluster, LaunchTemplate, Group, CapacityProvider)
)
EXECUTION, INSTANCE = (resource for resource in EVERY if isinstance(resource, Role))


def with_something_in_it() -> FakeAws:
    """An AWS in which every list of a resource's parts has one entry."""
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": []})
    aws.on("list_object_versions", {"Versions": [{"Key": "k", "VersionId": "v"}]}, {})
    aws.on("list_tasks", ["task"]).on("list_container_instances", ["instance"])
    aws.on("list_attached_role_policies", [{"PolicyArn": "arn"}]).on("list_role_policies", ["aws-run"])
    return aws.on("list_task_definitions", [f"arn:aws:ecs:r:1:task-definition/{NAME}:1"])
