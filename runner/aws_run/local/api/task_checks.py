"""What ECS checks before it takes a task, and where it would run the task."""

from __future__ import annotations

import json
import re
from typing import Any

from aws_run.local.api.roles import can_be_assumed
from aws_run.local.http.protocol import Params, Refusal
from aws_run.local.sim.model import Place
from aws_run.local.sim.state import AccountState

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
_WITHOUT_FARGATE = (
    "usw1-az2",
    "apne1-az3",
    "cnn1-az3",
)  # ECS's guide, "Supported Regions for Amazon ECS on AWS Fargate"
# The API reference has no blank, but ecs-deploy's users have run tasks as "ECS Deploy" for years.
_STARTED_BY = re.compile(r"^[A-Za-z0-9_/ -]{1,128}$")


def active_cluster(world: AccountState, place: Place, name: Any) -> Any:
    cluster = world.moto("ecs", place.region).clusters.get(str(name or "default").split("/")[-1])
    if cluster is None:
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    if cluster.status in ("INACTIVE", "DEPROVISIONING"):
        raise Refusal("ClusterNotFoundException", "The referenced cluster was inactive.")
    return cluster


def check_assumable(world: AccountState, arn: str) -> None:
    """ClientException, as ECS says it, for a role that is not there, is too new, or does not trust ECS tasks."""
    if not can_be_assumed(world, arn, "ecs-tasks.amazonaws.com"):
        raise Refusal(
            "ClientException",
            f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role "
            "being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
            "pass this role.",
        )


def check_counts(p: Params) -> None:
    """What the API reference limits and the service model does not."""
    count = int(1 if p.get("count") is None else p["count"])
    if not 1 <= count <= 10:
        raise Refusal("InvalidParameterException", "Task count should be between 1 and 10.")
    started_by = p.get("startedBy")
    if started_by is not None and not _STARTED_BY.match(str(started_by)):
        raise Refusal("InvalidParameterException", "startedBy contains invalid characters.")


def target_of(place: Place, cluster: Any, p: Params) -> tuple[str, str | None]:
    launch_type, strategy = p.get("launchType"), p.get("capacityProviderStrategy")
    if launch_type and strategy:
        raise Refusal(
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        )
    if launch_type:
        if launch_type not in ("EC2", "FARGATE"):
            raise Refusal("InvalidParameterException", "Launch type should be one of [EC2,FARGATE,EXTERNAL]")
        return str(launch_type), None
    strategy = strategy or cluster.default_capacity_provider_strategy
    if not strategy:
        return "EC2", None
    provider = str(strategy[0]["capacityProvider"]).split("/")[-1]
    if provider not in (cluster.capacity_providers or []):
        raise Refusal(
            "InvalidParameterException",
            f"The specified capacity provider {provider} is not associated with cluster {cluster.name}.",
        )
    if provider not in FARGATE_PROVIDERS and provider not in place.providers:
        raise Refusal("InvalidParameterException", "The specified capacity provider was not found.")
    return "FARGATE" if provider in FARGATE_PROVIDERS else "", provider


def check_network(world: AccountState, place: Place, network: Params, *, fargate: bool) -> None:
    ec2 = world.moto("ec2", place.region)
    subnets = {s.id: s for zone in ec2.subnets.values() for s in zone.values()}
    for subnet in network.get("subnets") or []:
        zone = subnets[subnet].availability_zone_id if subnet in subnets else ""
        if fargate and zone in _WITHOUT_FARGATE:
            # EKS's words; nobody has shown those of ECS.
            raise Refusal("InvalidParameterException", f"Fargate is not supported in the requested zone: {zone}")
        if subnet not in subnets:
            raise Refusal(
                "InvalidParameterException",
                "Error retrieving subnet information for "
                f"[{subnet}]: The subnet ID '{subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
            )
    for group in network.get("securityGroups") or []:
        if ec2.get_security_group_from_id(group) is None:
            raise Refusal(
                "InvalidParameterException",
                "Error retrieving security group information for "
                f"[{group}]: The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)",
            )


def check_overrides(definition: Any, overrides: Params) -> None:
    names = {c["name"] for c in definition.container_definitions}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            raise Refusal(
                "InvalidParameterException",
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition.",
            )
    if len(json.dumps(overrides)) > 8192:
        raise Refusal("InvalidParameterException", "Container Overrides length must be at most 8192")


def needs(definition: Any, overrides: Params) -> tuple[int, int, int]:
    """CPU units, MiB and GPUs a task asks of its host."""
    own = {o["name"]: o for o in overrides.get("containerOverrides") or []}
    cpu = memory = gpu = 0
    for container in definition.container_definitions:
        override = own.get(container["name"], {})
        cpu += int(override.get("cpu") or container.get("cpu") or 0)
        memory += int(
            override.get("memoryReservation") or override.get("memory")
            or container.get("memoryReservation") or container.get("memory") or 0
        )  # fmt: skip
        for requirement in override.get("resourceRequirements") or container.get("resourceRequirements") or []:
            gpu += int(requirement["value"]) if requirement["type"] == "GPU" else 0
    task_cpu, task_memory = overrides.get("cpu") or definition.cpu, overrides.get("memory") or definition.memory
    return int(task_cpu or cpu), int(task_memory or memory), gpu
