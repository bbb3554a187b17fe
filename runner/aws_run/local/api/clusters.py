"""Clusters and capacity providers: moto keeps the clusters, the refusals and the providers are here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_run.local.api.tag_rules import check_tags
from aws_run.local.api.task_checks import FARGATE_PROVIDERS, active_cluster
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Handler, Table
from aws_run.local.sim.model import Place, Provider
from aws_run.local.sim.state import AccountState

# ECS's guide, "Access Amazon ECS features with account settings".
_SETTINGS = {
    **dict.fromkeys(
        ("serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat", "dualStackIPv6"), "enabled"
    ),
    **dict.fromkeys(("awsvpcTrunking", "containerInsights", "fargateFIPSMode"), "disabled"),
    "tagResourceAuthorization": "on",
    "fargateTaskRetirementWaitPeriod": "7",
    "defaultLogDriverMode": "non-blocking",
}
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")


def table() -> Table:
    return {
        ("ecs", "CreateCluster"): create_cluster,
        ("ecs", "DeleteCluster"): delete_cluster,
        ("ecs", "DescribeClusters"): describe_clusters,
        ("ecs", "ListAccountSettings"): list_settings,
        ("ecs", "ListClusters"): list_clusters,
        ("ecs", "PutClusterCapacityProviders"): put_providers,
        ("ecs", "CreateCapacityProvider"): _locked(_create_provider),
        ("ecs", "DescribeCapacityProviders"): _locked(_describe_providers),
        ("ecs", "UpdateCapacityProvider"): _locked(_update_provider),
        ("ecs", "DeleteCapacityProvider"): _locked(_delete_provider),
    }


def _locked(method: Any) -> Handler:
    def handler(world: AccountState, call: Call) -> Mapping[str, Any]:
        with world.lock:
            return dict(method(world, world.place(call.region), call.params()))

    return handler


def create_cluster(world: AccountState, call: Call) -> Reply:
    params = call.params()
    name = str(params.get("clusterName") or "default")
    if not _NAME.match(name):
        raise Refusal("InvalidParameterException", "Identifier is unexpected or longer than 255 characters")
    check_tags(params.get("tags"))
    with world.lock:
        place = world.place(call.region)
        _check_known(place, params.get("capacityProviders") or [])
        clusters = world.moto("ecs", call.region).clusters
        there = clusters.get(name)
        if there is not None and there.status == "DEPROVISIONING":
            text = "The specified cluster is being deleted. Please try again later."
            raise Refusal("UpdateInProgressException", text)
        if there is not None and there.status == "ACTIVE":
            # AWS answers with the cluster that is there.
            return call.reply({"cluster": _cluster_json(there)})
        return call.proceed()


def delete_cluster(world: AccountState, call: Call) -> Reply:
    with world.lock:
        place = world.place(call.region)
        cluster = active_cluster(world, place, call.params().get("cluster"))
        _check_idle(world, cluster)
        if any(t.cluster == cluster.name and t.is_tracked for t in place.tasks.values()):
            raise Refusal("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        if any(c.cluster == cluster.name for c in place.container_instances.values()):
            raise Refusal(
                "ClusterContainsContainerInstancesException",
                "The Cluster cannot be deleted while Container Instances are active or draining.",
            )
        services = world.moto("ecs", call.region).services.values()
        if any(s.cluster_name == cluster.name and s.status == "ACTIVE" for s in services):
            raise Refusal(
                "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
            )
        if not cluster.capacity_providers:
            return call.proceed()
        # With providers attached AWS takes them down first, FARGATE's too; what is left then is INACTIVE.
        cluster.status = "DEPROVISIONING"

        def ended() -> None:
            if cluster.status == "DEPROVISIONING":
                cluster.status = "INACTIVE"

        world.later(world.cluster_end_s, ended)
        return call.reply({"cluster": {**_cluster_json(cluster), "attachmentsStatus": "UPDATE_IN_PROGRESS"}})


def describe_clusters(world: AccountState, call: Call) -> Reply:
    """moto leaves empty tags out; AWS shows them."""
    reply = call.proceed()
    if reply.status != 200:
        return reply
    answer = json.loads(reply.body)
    for cluster in answer.get("clusters") or ():
        cluster.setdefault("tags", [])
    headers = tuple(header for header in reply.headers if header[0].lower() != "content-length")
    return replace(reply, headers=headers, body=json.dumps(answer).encode())


def list_settings(world: AccountState, call: Call) -> Reply | Mapping[str, Any]:
    """`effectiveSettings`: also those that nobody has set, as ECS has them for a new account."""
    p = call.params()
    if not p.get("effectiveSettings"):
        return call.proceed()
    ours = {one.name: one.value for one in world.moto("ecs", call.region).account_settings.values()}
    name, value = p.get("name"), p.get("value")
    principal = str(p.get("principalArn") or world.arn("iam", "", "root"))
    rows = [
        {"name": known, "value": held, "principalArn": principal, "type": "user"}
        for known, held in {**_SETTINGS, **ours}.items()
        if name in (None, known) and value in (None, held)
    ]
    return {"settings": rows}


def list_clusters(world: AccountState, call: Call) -> Mapping[str, Any]:
    clusters = list(world.moto("ecs", call.region).clusters.values())
    return {"clusterArns": [c.arn for c in clusters if c.status != "INACTIVE"]}


def put_providers(world: AccountState, call: Call) -> Reply:
    params = call.params()
    with world.lock:
        place = world.place(call.region)
        cluster = active_cluster(world, place, params.get("cluster"))
        _check_idle(world, cluster)
        wanted = [str(p).split("/")[-1] for p in params.get("capacityProviders") or []]
        _check_known(place, wanted)
        for item in params.get("defaultCapacityProviderStrategy") or []:
            if item["capacityProvider"] not in wanted:
                raise Refusal(
                    "InvalidParameterException",
                    "The specified capacity provider strategy cannot contain a capacity provider that is not "
                    "associated with the cluster.",
                )
        leaving = set(cluster.capacity_providers or []) - set(wanted)
        for task in place.tasks.values():
            if task.cluster == cluster.name and task.provider in leaving and task.is_tracked:
                raise Refusal(
                    "ResourceInUseException", "The specified capacity provider is in use and cannot be removed."
                )
        cluster.capacity_providers = wanted
        cluster.default_capacity_provider_strategy = params.get("defaultCapacityProviderStrategy") or []
        for row in place.container_instances.values():
            group = place.groups.get(row.instance.group)
            if row.cluster == cluster.name and group is not None:
                row.provider = next(
                    (p.name for p in place.providers.values() if p.group_arn == group.arn and p.name in wanted),
                    row.provider,
                )
        world.make_busy(cluster.arn)
        return call.reply({"cluster": {**_cluster_json(cluster), "attachmentsStatus": "UPDATE_IN_PROGRESS"}})


def _check_idle(world: AccountState, cluster: Any) -> None:
    if world.busy(cluster.arn):
        raise Refusal(
            "UpdateInProgressException",
            "The specified cluster is in a busy state. Please try again later.",
        )


def _check_known(place: Place, names: list[str]) -> None:
    for name in names:
        known = [n for n, row in place.providers.items() if row.update_status != "DELETE_IN_PROGRESS"]
        if name.split("/")[-1] not in (*FARGATE_PROVIDERS, *known):
            raise Refusal("InvalidParameterException", f"The specified capacity provider {name} was not found.")


def _create_provider(world: AccountState, place: Place, p: Params) -> Params:
    name = str(p["name"])
    check_tags(p.get("tags"))
    if re.match(r"(?i)(aws|ecs|fargate)", name) or not _NAME.match(name):
        raise Refusal(
            "InvalidParameterException",
            "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters "
            "(upper "
            "and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with 'aws', 'ecs', or "
            "'fargate'.",
        )
    if "managedInstancesProvider" in p:
        raise Refusal("UnsupportedFeatureException", "The embedded AWS has no ECS Managed Instances.")
    if name in place.providers and place.providers[name].status != "INACTIVE":
        raise Refusal(
            "InvalidParameterException",
            "The specified capacity provider already exists. To change the configuration of an existing capacity "
            "provider, update the capacity provider.",
        )
    requested = p.get("autoScalingGroupProvider") or {}
    arn = str(requested.get("autoScalingGroupArn") or "")
    group = next((g for g in place.groups.values() if arn in (g.arn, g.name)), None)
    if group is None:
        raise Refusal(
            "InvalidParameterException",
            "The specified Auto Scaling group ARN is invalid. Specify a valid Auto Scaling group ARN and try again.",
        )
    if any(other.group_arn == group.arn for other in place.providers.values()):
        raise Refusal(
            "InvalidParameterException",
            "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a "
            "unique Auto Scaling group ARN and try again.",
        )
    scaling = requested.get("managedScaling") or {}
    protection = requested.get("managedTerminationProtection") or "DISABLED"
    if protection == "ENABLED" and not group.protect_new:
        raise Refusal(
            "InvalidParameterException",
            "The managed termination protection setting for the capacity provider is invalid. To enable managed "
            "termination protection for a capacity provider, the Auto Scaling group must have instance protection "
            "from scale in enabled.",
        )
    provider = Provider(
        name=name,
        arn=world.arn("ecs", place.region, f"capacity-provider/{name}"),
        group_arn=group.arn,
        managed_scaling={
            "status": "DISABLED", "targetCapacity": 100, "minimumScalingStepSize": 1, "maximumScalingStepSize": 10000,
            "instanceWarmupPeriod": 300, **scaling,
        },
        termination_protection=protection,
        draining=requested.get("managedDraining") or "ENABLED",
        tags=[dict(t) for t in p.get("tags") or []],
    )  # fmt: skip
    place.providers[name] = provider
    return {"capacityProvider": _provider_json(provider)}


def _describe_providers(world: AccountState, place: Place, p: Params) -> Params:
    _retire_orphans(world, place)
    wanted = [str(n).split("/")[-1] for n in p.get("capacityProviders") or []]
    tags = "TAGS" in (p.get("include") or [])
    rows = [_provider_json(row, tags=tags) for row in place.providers.values() if not wanted or row.name in wanted]
    built_in = [n for n in FARGATE_PROVIDERS if not wanted or n in wanted]
    rows += [
        {"capacityProviderArn": world.arn("ecs", place.region, f"capacity-provider/{n}"), "name": n, "status": "ACTIVE"}
        for n in built_in
    ]
    missing = [n for n in wanted if n not in place.providers and n not in FARGATE_PROVIDERS]
    return {
        "capacityProviders": rows,
        "failures": [
            {"arn": world.arn("ecs", place.region, f"capacity-provider/{n}"), "reason": "MISSING"} for n in missing
        ],
    }


def _update_provider(world: AccountState, place: Place, p: Params) -> Params:
    provider = _provider(place, str(p["name"]))
    requested = p.get("autoScalingGroupProvider") or {}
    provider.managed_scaling |= requested.get("managedScaling") or {}
    provider.termination_protection = requested.get("managedTerminationProtection") or provider.termination_protection
    provider.draining = requested.get("managedDraining") or provider.draining
    provider.update_status = "UPDATE_COMPLETE"
    return {"capacityProvider": _provider_json(provider)}


def _retire_orphans(world: AccountState, place: Place) -> None:
    """A provider whose group is gone turns INACTIVE, once no cluster has it."""
    groups = {group.arn for group in place.groups.values()}
    attached = {
        name
        for cluster in list(world.moto("ecs", place.region).clusters.values())
        if cluster.status == "ACTIVE"
        for name in cluster.capacity_providers or []
    }
    for provider in place.providers.values():
        deleting = str(provider.update_status).startswith("DELETE_")
        if provider.group_arn not in groups and provider.name not in attached and not deleting:
            provider.status = "INACTIVE"


def _delete_provider(world: AccountState, place: Place, p: Params) -> Params:
    _retire_orphans(world, place)
    provider = _provider(place, str(p["capacityProvider"]))
    if provider.status == "INACTIVE":
        raise Refusal("ClientException", "The specified capacity provider is inactive and cannot be changed.")
    for cluster in list(world.moto("ecs", place.region).clusters.values()):
        if cluster.status == "ACTIVE" and provider.name in (cluster.capacity_providers or []):
            raise Refusal(
                "ClientException",
                f"The capacity provider cannot be deleted because it is associated with cluster: {cluster.name}. "
                "Remove the "
                "capacity provider from the cluster and try again.",
            )
    provider.update_status = "DELETE_IN_PROGRESS"

    def gone() -> None:
        if place.providers.get(provider.name) is provider:
            del place.providers[provider.name]
            provider.status, provider.update_status = "INACTIVE", "DELETE_COMPLETE"

    world.later(world.settle_s, gone)
    return {"capacityProvider": _provider_json(provider)}


def _provider(place: Place, name: str) -> Provider:
    provider = place.providers.get(name.split("/")[-1])
    if provider is None:
        raise Refusal(
            "InvalidParameterException",
            "The specified capacity provider does not exist. Specify a valid name or ARN and try again.",
        )
    return provider


def _provider_json(provider: Provider, *, tags: bool = True) -> Params:
    return {
        "capacityProviderArn": provider.arn,
        "name": provider.name,
        "status": provider.status,
        "updateStatus": provider.update_status,
        "autoScalingGroupProvider": {
            "autoScalingGroupArn": provider.group_arn,
            "managedScaling": provider.managed_scaling,
            "managedTerminationProtection": provider.termination_protection,
            "managedDraining": provider.draining,
        },
        **({"tags": provider.tags} if tags else {}),
    }


def _cluster_json(cluster: Any) -> Params:
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": cluster.registered_container_instances_count,
        "runningTasksCount": cluster.running_tasks_count,
        "pendingTasksCount": cluster.pending_tasks_count,
        "activeServicesCount": 0,
        "statistics": [],
        "tags": cluster.tags or [],
        "settings": cluster.settings,
        "capacityProviders": cluster.capacity_providers or [],
        "defaultCapacityProviderStrategy": cluster.default_capacity_provider_strategy or [],
    }
