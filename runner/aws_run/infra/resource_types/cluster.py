"""The run's own ECS cluster. One a run, because a cluster's list of capacity providers is replaced as a whole:
two runs on one cluster would race for it. A cluster costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock, wait_until
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying
from aws_run.naming import run_of_name

_GONE = "ClusterNotFoundException"
_ACTIVE_WITHIN_S = 120
_SETTLED = ("ACTIVE", "FAILED")
_DEPROVISIONED_WITHIN_S = 300
# Deleted, and nothing of it bills. With capacity providers it is DEPROVISIONING first, for 20 s and more.
_GOING, _OVER = "DEPROVISIONING", ("INACTIVE", "DEPROVISIONING")
_BUSY = (
    "ClusterContainsContainerInstancesException",
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "ClusterContainsCapacityProviderException",
    "UpdateInProgressException",
    "ResourceInUseException",
)


@frozen
class Cluster:
    kind: ClassVar[Kind] = Kind("cluster")
    scope: ClassVar[Scope] = "run"
    name: str
    providers: tuple[str, ...] = ()  # FARGATE_SPOT; a group's own provider joins later
    tags: Mapping[str, str]


def create(aws: Aws, cluster: Cluster, clock: Clock) -> str:
    def attempt() -> dict[str, Any]:
        answer = aws.call(
            "ecs",
            "create_cluster",
            clusterName=cluster.name,
            capacityProviders=list(cluster.providers),
            tags=tags.lower(cluster.tags),
        )
        return dict(answer["cluster"])

    made = retrying(attempt, when=waits_for_own_role, for_s=60, clock=clock, first_wait_s=2)
    if cluster.providers:  # they are attached behind our back, and a task can't start before
        _wait_until_active(aws, cluster.name, str(made.get("status", "ACTIVE")), clock)
    return str(made["clusterArn"])


def waits_for_own_role(error: AwsCallError) -> bool:
    """An account's first cluster or provider makes ECS's service-linked role, which takes a moment (aws-facts §3)."""
    return "service linked role" in error.message.lower().replace("service-linked", "service linked")


def _wait_until_active(aws: Aws, name: str, status: str, clock: Clock) -> None:
    """`status`: as its creation was answered."""
    statuses = [status]

    def settled() -> bool:
        if statuses[-1] not in _SETTLED:
            shown = aws.call("ecs", "describe_clusters", clusters=[name]).get("clusters", ())
            statuses.append(str(shown[0]["status"]) if shown else "not listed")
        return statuses[-1] in _SETTLED

    wait_until(clock, settled, for_s=_ACTIVE_WITHIN_S)
    if statuses[-1] != "ACTIVE":
        raise AwsCallError(
            f"The cluster {name} did not become active (it is {statuses[-1]})",
            code="ClusterNotActive",
            operation="CreateCluster",
        )


def delete(aws: Aws, name: str, clock: Clock) -> None:
    def attempt() -> str:
        # Looked for each time: a task that was accepted seconds ago may not be listed yet.
        stop_tasks(aws, name)
        deregister_instances(aws, name)
        answer = _unless_gone(aws, "delete_cluster", cluster=name)
        return str((answer.get("cluster") or {}).get("status", ""))

    status = retrying(attempt, when=on_codes(*_BUSY), for_s=180, clock=clock, first_wait_s=1)
    if status == _GOING:
        _wait_until_deprovisioned(aws, name, clock)


def _wait_until_deprovisioned(aws: Aws, name: str, clock: Clock) -> None:
    """AWS finishes it by itself; after five minutes it is left to that."""

    def deprovisioned() -> bool:
        shown = aws.call("ecs", "describe_clusters", clusters=[name]).get("clusters", ())
        return all(cluster["status"] != _GOING for cluster in shown)

    wait_until(clock, deprovisioned, for_s=_DEPROVISIONED_WITHIN_S, first_wait_s=1.0)


def stop_tasks(aws: Aws, name: str) -> None:
    """Every one is tried; the first refusal is raised."""
    refusal: AwsCallError | None = None
    for arn in _list(aws, "list_tasks", "taskArns", name):
        try:
            _unless_gone(aws, "stop_task", cluster=name, task=arn, reason="aws-run cleanup")
        except AwsCallError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal


def has_tasks(aws: Aws, name: str) -> bool:
    """Whether any is there that was not told to stop; a cluster that is gone has none."""
    return bool(_list(aws, "list_tasks", "taskArns", name))


def deregister_instances(aws: Aws, name: str) -> None:
    """No task is placed on them any more, whatever still runs there."""
    for arn in _list(aws, "list_container_instances", "containerInstanceArns", name):
        _unless_gone(aws, "deregister_container_instance", cluster=name, containerInstance=arn, force=True)


def _list(aws: Aws, operation: str, key: str, name: str) -> list[str]:
    try:
        return list(aws.pages("ecs", operation, key, cluster=name))
    except AwsCallError as error:
        if is_gone(error):
            return []
        raise


def _unless_gone(aws: Aws, operation: str, **parameters: object) -> dict[str, Any]:
    """The answer, which is empty for what is gone already."""
    try:
        return aws.call("ecs", operation, **parameters)
    except AwsCallError as error:
        # A task or instance that has just gone is an InvalidParameterException; a cluster is told by its code.
        if error.code != "InvalidParameterException" and not is_gone(error):
            raise
        return {}


def is_gone(error: AwsCallError) -> bool:
    """A deleted cluster is listed as INACTIVE for a while, and then told by a text only (aws-facts §7)."""
    if error.code in ("InvalidParameterException", "ClientException"):
        return "inactive" in error.message.lower()
    return error.code == _GONE


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    shown = aws.call("ecs", "describe_clusters", clusters=[name], include=["TAGS"]).get("clusters", ())
    return next((tags.parse(cluster.get("tags")) for cluster in shown if cluster["status"] not in _OVER), None)


def absent(aws: Aws, name: str) -> bool:
    """INACTIVE counts as gone (aws-facts §7), and so does DEPROVISIONING: ECS takes a cluster so far only when no task
    is left on it, and then finishes by itself."""
    shown = aws.call("ecs", "describe_clusters", clusters=[name]).get("clusters", ())
    return all(cluster["status"] in _OVER for cluster in shown)


def _names(aws: Aws) -> Iterator[str]:
    for arn in aws.pages("ecs", "list_clusters", "clusterArns"):
        yield arn.rsplit("/", 1)[-1]


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    # Tasks and machines must be off it first, which takes more than a line.
    return (
        f"aws-run cleanup {run_of_name(name) or name} --region {region}",
        f"aws ecs delete-cluster --cluster {name} --region {region}",
    )


TYPE = ResourceType(
    value=Cluster,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="clusters", names=_names),),
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    keep_as="cluster",
    depends_on=(Kind("capacity-provider"),),  # spelled, since that type's file imports this one
    end_bill=lambda aws, name, clock: stop_tasks(aws, name),
)
