"""The descriptions of AWS's services that botocore's clients are made from, cut down to what commands call each day.

botocore reads a service's whole description and makes a method for each of its operations: for EC2, 750 of them and
a tenth of a second of processor time, of which a command calls a handful. What is left out is called through a client
of the whole description, so the cut is never seen but in time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader

from aws_run.aws.cache import Cache

# What `ps`, `status` and `plan` call, and a run in which nothing goes wrong. Another operation costs time, no more.
ROUTINE: Mapping[str, frozenset[str]] = {
    "autoscaling": frozenset(
        {
            "CreateAutoScalingGroup",
            "DeleteAutoScalingGroup",
            "DescribeAutoScalingGroups",
            "LaunchInstances",
            "PutScheduledUpdateGroupAction",
            "SuspendProcesses",
            "UpdateAutoScalingGroup",
        }
    ),
    "ec2": frozenset(
        {
            "CreateLaunchTemplate",
            "DeleteLaunchTemplate",
            "DescribeInstances",
            "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes",
            "DescribeLaunchTemplates",
            "DescribeRouteTables",
            "DescribeSecurityGroups",
            "DescribeSpotPriceHistory",
            "DescribeSubnets",
            "DescribeVpcEndpoints",
            "DescribeVpcs",
            "TerminateInstances",
        }
    ),
    "ecr": frozenset({"DescribeImages", "DescribeRepositories", "GetAuthorizationToken"}),
    "ecs": frozenset(
        {
            "CreateCapacityProvider",
            "CreateCluster",
            "DeleteCapacityProvider",
            "DeleteCluster",
            "DeleteTaskDefinitions",
            "DeregisterTaskDefinition",
            "DescribeCapacityProviders",
            "DescribeClusters",
            "DescribeContainerInstances",
            "DescribeTasks",
            "ListClusters",
            "ListContainerInstances",
            "ListTaskDefinitionFamilies",
            "ListTaskDefinitions",
            "ListTasks",
            "PutClusterCapacityProviders",
            "RegisterTaskDefinition",
            "RunTask",
            "StopTask",
        }
    ),
    "iam": frozenset(
        {
            "AddRoleToInstanceProfile",
            "CreateInstanceProfile",
            "CreateRole",
            "DeleteRole",
            "DeleteRolePolicy",
            "GetInstanceProfile",
            "GetRole",
            "ListAttachedRolePolicies",
            "ListRolePolicies",
            "ListRoles",
            "PutRolePolicy",
        }
    ),
    "logs": frozenset({"DescribeLogGroups", "GetLogEvents"}),
    "s3": frozenset(
        {"DeleteObject", "GetBucketTagging", "GetObject", "HeadBucket", "HeadObject", "ListObjectsV2", "PutObject"}
    ),
}
# The services that are called, by the prefix of their addresses. botocore knows the addresses of 300.
ADDRESSES = frozenset(
    {
        "api.ecr",
        "api.pricing",
        "autoscaling",
        "bcm-data-exports",
        "ce",
        "ec2",
        "ecs",
        "iam",
        "kms",
        "logs",
        "s3",
        "scheduler",
        "servicequotas",
        "ssm",
        "sts",
    }
)
_PARTS = frozenset({"metadata", "operations", "shapes"})
_KEPT_FOR_S = 30 * 24 * 3600.0

Model = dict[str, Any]  # a botocore service-2.json, parsed


class ModelLoader(Loader):
    """botocore's loader, which looks for no more than is needed, and hands out cut descriptions while `whole` is False.

    `places`: folders of the user's own descriptions (AWS_DATA_PATH). A description is cut and kept in `cache` when the
    whole one is first read; so a machine's first command sees whole ones.
    """

    def __init__(self, places: list[str], cache: Cache | None) -> None:
        super().__init__(places)
        self._cuts = cache
        self.whole = False

    def list_available_services(self, type_name: str) -> list[str]:
        """By name alone: botocore's own looks into the folder of each of its 400 services before it makes a client of
        one. A service that lacks the file of that type is refused when it is read."""
        folders = filter(os.path.isdir, self.search_paths)
        return sorted({entry.name for folder in folders for entry in os.scandir(folder) if entry.is_dir()})

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Model:
        operations = ROUTINE.get(service_name)
        as_botocore_has_it = type_name == "service-2" and api_version is None and not self._is_of_the_user(service_name)
        if self._cuts is None or operations is None or self.whole or not as_botocore_has_it:
            return self._whole(service_name, type_name, api_version)
        key = _key(f"model of {service_name}", operations)
        kept = self._cuts.read(key, most_age_s=_KEPT_FOR_S)
        if kept is not None and isinstance(kept.document, dict) and kept.document.keys() >= _PARTS:
            return kept.document
        whole = self._whole(service_name, type_name, api_version)
        self._cuts.write(key, cut(whole, operations))
        return whole

    def load_data_with_path(self, name: str) -> tuple[Model, str]:
        if name != "endpoints" or self._cuts is None or self._has_own_addresses():
            return self._whole_data(name)
        key = _key("addresses", ADDRESSES)
        kept = self._cuts.read(key, most_age_s=_KEPT_FOR_S)
        if kept is not None and isinstance(kept.document, dict) and isinstance(kept.document.get("partitions"), list):
            return kept.document, os.path.join(self.BUILTIN_DATA_PATH, name)  # noqa: PTH118 - botocore wants text
        whole, path = self._whole_data(name)
        self._cuts.write(key, cut_addresses(whole))
        return whole, path

    def _has_own_addresses(self) -> bool:
        """Whether AWS_DATA_PATH or ~/.aws/models has a list of addresses of its own."""
        folders = [folder for folder in self.search_paths if folder != self.BUILTIN_DATA_PATH]
        return any(True for folder in folders for _ in Path(folder).glob("endpoints.json*"))

    def _whole_data(self, name: str) -> tuple[Model, str]:
        whole: tuple[Model, str] = super().load_data_with_path(name)
        return whole

    def _is_of_the_user(self, service_name: str) -> bool:
        """Whether AWS_DATA_PATH or ~/.aws/models has a description of its own of this service."""
        folders = [folder for folder in self.search_paths if folder != self.BUILTIN_DATA_PATH]
        return any((Path(folder) / service_name).is_dir() for folder in folders)

    def _whole(self, service_name: str, type_name: str, api_version: str | None) -> Model:
        model: Model = super().load_service_model(service_name, type_name, api_version)
        return model


def cut(model: Model, operations: frozenset[str]) -> Model:
    """The description with these operations alone, and the shapes that these lead to, without their prose."""
    kept = {name: entry for name, entry in model["operations"].items() if name in operations}
    shapes: dict[str, Any] = {}
    todo = [name for operation in kept.values() for name in _shapes_of(operation)]
    while todo:
        name = todo.pop()
        if name not in shapes:
            shapes[name] = _without_prose(model["shapes"][name])
            todo += _shapes_of(shapes[name])
    return {**model, "operations": {name: _without_prose(kept[name]) for name in kept}, "shapes": shapes}


def cut_addresses(document: Model) -> Model:
    """botocore's endpoints.json with the services of ADDRESSES alone; its partitions and regions stay."""
    partitions = []
    for partition in document["partitions"]:
        kept = {name: entry for name, entry in partition["services"].items() if name in ADDRESSES}
        partitions.append({**partition, "services": kept})
    return {**document, "partitions": partitions}


def _shapes_of(value: Any) -> list[str]:
    """The names under the key `shape`, at any depth. A default or an enumeration may hold such a key; none does."""
    if isinstance(value, list):
        return [name for item in value for name in _shapes_of(item)]
    if not isinstance(value, dict):
        return []
    below = [name for item in value.values() for name in _shapes_of(item)]
    return [*below, value["shape"]] if isinstance(value.get("shape"), str) else below  # a member may be called "shape"


def _without_prose(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A member may be called "documentation"; then it is a mapping.
    return {
        key: _without_prose(item)
        for key, item in value.items()
        if not (key == "documentation" and isinstance(item, str))
    }


def _key(what: str, names: frozenset[str]) -> str:
    digest = hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:16]
    return f"{what} in botocore {botocore.__version__} with {digest}"
