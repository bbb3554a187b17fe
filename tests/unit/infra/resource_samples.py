"""One resource of each kind, as a plan makes them, and a cloud that holds something of all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.unit.fakes import ACCOUNT, BUCKET, REGION, RUN, START, FakeAws, job

from aws_run.infra import desired
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.capacity_provider import CapacityProvider
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.group import Group
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.resource_types.repository import Repository
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resource_types.schedule import Schedule
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Resource

TAGS = {"aws-run:run": RUN}
NAME = f"arun-{RUN}"
EVERY: tuple[Resource, ...] = (
    Bucket(name=BUCKET, region=REGION, runs_retention_days=90, tags={}),
    Repository(name="arun/demo", keep_images=50, tags=TAGS),
    LogGroup(name="/aws-run/demo", retention_days=30, tags=TAGS),
    desired.execution_role(job(), account=ACCOUNT, region=REGION, run_id=RUN, tags=TAGS),
    desired.instance_role(job(), account=ACCOUNT, region=REGION, tags=TAGS),
    Cluster(name=NAME, tags=TAGS),
    LaunchTemplate(
        name=NAME, image_id="ami-1", instance_type="m6i.large", instance_profile="p", user_data="#!/bin/bash\n",
        disk_gib=40, security_groups=(), public_ip=True, tags=TAGS,
    ),
    Group(
        name=NAME, launch_template=NAME, instance_types=("m6i.large",), subnets=("subnet-1",), spot=False, lease_s=1200,
        tags=TAGS,
    ),
    CapacityProvider(name=NAME, group=NAME, cluster=NAME, tags=TAGS),
    TaskDefinition(name=NAME, request={}, tags=TAGS),
    Schedule(name=NAME, at=START + timedelta(hours=2), cluster=NAME, task_arn="arn:task", role_arn="arn:role"),
)  # fmt: skip
# What the first call of each kind's create is answered with.
MADE: dict[str, Any] = {
    "create_repository": {"repository": {"repositoryUri": "uri"}},
    "create_cluster": {"cluster": {"clusterArn": "arn"}},
    "create_launch_template": {"LaunchTemplate": {"LaunchTemplateId": "lt-1"}},
    "create_capacity_provider": {"capacityProvider": {"capacityProviderArn": "arn"}},
    "register_task_definition": {"taskDefinition": {"taskDefinitionArn": "arn:1"}},
    "create_schedule": {"ScheduleArn": "arn:schedule"},
    "create_vpc": {"Vpc": {"VpcId": "vpc-1"}},
    "create_internet_gateway": {"InternetGateway": {"InternetGatewayId": "igw-1"}},
    "create_subnet": {"Subnet": {"SubnetId": "subnet-1"}},
}


def made(aws: FakeAws) -> FakeAws:
    for operation, answer in MADE.items():
        aws.on(operation, answer)
    return aws


def one(kind: type) -> Any:
    return next(resource for resource in EVERY if isinstance(resource, kind))


BUCKET_, REPOSITORY, LOGS, CLUSTER, TEMPLATE, GROUP, PROVIDER, DEFINITION, SCHEDULE = (
    one(kind)
    for kind in (
        *(Bucket, Repository, LogGroup, Cluster, LaunchTemplate, Group, CapacityProvider, TaskDefinition, Schedule),
    )
)
EXECUTION, INSTANCE = (resource for resource in EVERY if isinstance(resource, Role))


def with_something_in_it() -> FakeAws:
    """An AWS in which every list of a resource's parts has one entry."""
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": []})
    aws.on("list_object_versions", {"Versions": [{"Key": "k", "VersionId": "v"}]}, {})
    aws.on("list_tasks", ["task"]).on("list_container_instances", ["instance"])
    aws.on("list_attached_role_policies", [{"PolicyArn": "arn"}]).on("list_role_policies", ["aws-run"])
    return aws.on("list_task_definitions", [f"arn:aws:ecs:r:1:task-definition/{NAME}:1"])
