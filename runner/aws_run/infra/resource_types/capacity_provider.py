"""The ECS capacity provider that joins the run's group to the run's cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock, wait_until
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types import cluster as clusters
from aws_run.infra.resource_types import group as groups
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying

_GONE_WITHIN_S = 300
_GRACE_S = 60  # a task's own time to stop
_BUSY = ("ResourceInUseException", "UpdateInProgressException")
# ECS tells these two by their text only (aws-facts §7): "… was not ACTIVE", "… is not in an ACTIVE state".
_UNTOLD = ("InvalidParameterException", "ClientException")
_NOT_ACTIVE = re.compile(r"not (in an )?active", re.I)


@frozen
class CapacityProvider:
    kind: ClassVar[Kind] = Kind("capacity-provider")
    scope: ClassVar[Scope] = "run"
    name: str
    group: str
    cluster: str
    tags: Mapping[str, str]


def create(aws: Aws, provider: CapacityProvider, clock: Clock) -> str:
    """Managed scaling is on only so that a task that can't be placed yet waits in PROVISIONING (aws-facts §2)."""

    def attempt() -> str:
        answer = aws.call(
            "ecs",
            "create_capacity_provider",
            name=provider.name,
            autoScalingGroupProvider={
                "autoScalingGroupArn": provider.group,  # a name will do, and saves asking for the ARN
                "managedScaling": {
                    "status": "ENABLED",
                    "targetCapacity": 100,
                    "minimumScalingStepSize": 1,
                    "maximumScalingStepSize": 1,
                },
                "managedTerminationProtection": "DISABLED",
                "managedDraining": "DISABLED",
            },
            tags=tags.lower(provider.tags),
        )
        return str(answer["capacityProvider"]["capacityProviderArn"])

    try:
        arn = retrying(attempt, when=clusters.waits_for_own_role, for_s=60, clock=clock, first_wait_s=2)
    except AwsCallError as error:
        if "already" not in error.message.lower():  # a duplicate name is a plain ClientException here
            raise
        arn = provider.name
    _attach(aws, provider.cluster, [provider.name], clock)
    return arn


def _attach(aws: Aws, cluster: str, names: list[str], clock: Clock, on_busy: Callable[[], None] = lambda: None) -> None:
    """`on_busy` is called when a task still needs one that is to be taken off."""

    def attempt() -> None:
        try:
            aws.call(
                "ecs",
                "put_cluster_capacity_providers",
                cluster=cluster,
                capacityProviders=names,
                defaultCapacityProviderStrategy=[{"capacityProvider": name, "weight": 1} for name in names],
            )
        except AwsCallError as error:
            if error.code == "ResourceInUseException":
                on_busy()
            raise

    retrying(
        attempt,
        when=lambda e: e.code in _BUSY or (e.code in _UNTOLD and _NOT_ACTIVE.search(e.message) is not None),
        for_s=120,
        clock=clock,
    )


def delete(aws: Aws, name: str, clock: Clock) -> None:
    """Off the cluster (which has the same name), then away; polled until AWS says INACTIVE or nothing (§7)."""
    began = clock.monotonic()

    def free() -> None:
        clusters.stop_tasks(aws, name)
        if clock.monotonic() - began > _GRACE_S:  # told to stop, and none does: its agent is dead
            clusters.deregister_instances(aws, name)

    try:
        _attach(aws, name, [], clock, on_busy=free)
    except AwsCallError as error:
        if not clusters.is_gone(error):
            raise

    def attempt() -> None:
        try:
            aws.call("ecs", "delete_capacity_provider", capacityProvider=name)
        except AwsCallError as error:
            # One whose group is gone turns INACTIVE by itself, and nobody has written down how ECS then refuses this.
            if not _is_gone(error) and not (error.code in _UNTOLD and _is_inactive(aws, name)):
                raise

    retrying(attempt, when=on_codes(*_BUSY), for_s=180, clock=clock)

    def gone() -> bool:
        if absent(aws, name):
            return True
        if _failed(aws, name):
            attempt()
        return False

    if not wait_until(clock, gone, for_s=_GONE_WITHIN_S, longest_wait_s=10):
        raise AwsCallError(
            f"The capacity provider {name} is still being deleted",
            code="StillDeleting",
            operation="DeleteCapacityProvider",
        )


def _is_gone(error: AwsCallError) -> bool:
    return error.code in ("ClientException", "InvalidParameterException") and (
        "not found" in error.message.lower()
        or "does not exist" in error.message.lower()
        or "not exist" in error.message.lower()
    )


def _describe(aws: Aws, name: str) -> list[dict[str, str]]:
    try:
        return list(
            aws.call("ecs", "describe_capacity_providers", capacityProviders=[name]).get("capacityProviders", ())
        )
    except AwsCallError as error:
        if _is_gone(error):
            return []
        raise


def _failed(aws: Aws, name: str) -> bool:
    return any(shown.get("updateStatus") == "DELETE_FAILED" for shown in _describe(aws, name))


def _is_inactive(aws: Aws, name: str) -> bool:
    return any(shown.get("status") == "INACTIVE" for shown in _describe(aws, name))


def absent(aws: Aws, name: str) -> bool:
    return all(shown.get("status") == "INACTIVE" for shown in _describe(aws, name))


def _names(aws: Aws) -> Iterator[str]:
    token: dict[str, str] = {}
    while True:  # this call has no paginator
        page = aws.call("ecs", "describe_capacity_providers", **token)
        for provider in page.get("capacityProviders", ()):
            if provider.get("status") != "INACTIVE":
                yield provider["name"]
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (
        f"aws ecs put-cluster-capacity-providers --cluster {name} --capacity-providers "
        f"--default-capacity-provider-strategy --region {region}",
        f"aws ecs delete-capacity-provider --capacity-provider {name} --region {region}",
    )


TYPE = ResourceType(
    value=CapacityProvider,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="capacity providers", names=_names),),
    manual_commands=manual_commands,
    keep_as="capacity-provider",
    depends_on=(groups.Group.kind,),
)
