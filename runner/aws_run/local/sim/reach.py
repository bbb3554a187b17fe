"""What a machine in a subnet reaches: by its VPC's routes, internet gateways, NAT gateways and endpoints.

Reads moto's own objects. Security groups and network ACLs let everything pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aws_run.local.sim.model import GroupInstance, Task
from aws_run.local.sim.state import AccountState

AGENT_SERVICES = ("ecs", "ecs-agent", "ecs-telemetry")
_ANYWHERE = "0.0.0.0/0"


def out_of_reach(
    world: AccountState, region: str, subnet_id: str | None, services: Iterable[str], *, public_ip: bool
) -> str | None:
    """The first of `services` (`ecr.api`, `s3`, …) that a machine there does not reach."""
    ec2 = world.moto("ec2", region)
    give_default_gateway(world, region)
    subnet = next((zone[subnet_id] for zone in list(ec2.subnets.values()) if subnet_id in zone), None)
    if subnet is None:
        return None  # a group without subnets: EC2 takes the default VPC's
    table = _table(ec2, subnet)
    if table is not None and _leads_out(ec2, table, public_ip=public_ip):
        return None
    endpoints = [one for one in list(ec2.vpc_end_points.values()) if one.vpc_id == subnet.vpc_id]
    served = {one.service_name for one in endpoints if one.state == "available" and _serves(one, table)}
    return next((one for one in services if not any(name.endswith(f".{region}.{one}") for name in served)), None)


def task_lacks(world: AccountState, region: str, task: Task) -> str | None:
    """What ECS or its agent says of a task that does not reach what it needs; None: it reaches all of it. Words of
    ECS's guide ("Stopped tasks error messages")."""
    services = ("ecr.api", "logs", "ecr.dkr", "s3")
    if task.fargate:
        network = task.network or {}
        public = network.get("assignPublicIp") == "ENABLED"
        lacks = out_of_reach(world, region, (network.get("subnets") or [None])[0], services, public_ip=public)
    else:
        lacks = None if task.instance is None else host_lacks(world, region, task.instance.instance, services)
    if lacks is None:
        return None
    if lacks == "logs":
        return (
            "ResourceInitializationError: failed to validate logger args: signal: killed. The task cannot reach Amazon "
            "CloudWatch Logs. Check your task network configuration."
        )
    if lacks == "ecr.api":
        return (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth "
            "from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network "
            f'configuration. RequestError: send request failed caused by: Post "https://api.ecr.{region}.amazonaws.com/"'
            ": dial tcp: i/o timeout"
        )
    return (
        "CannotPullContainerError: The task cannot pull its image. Check your network configuration. failed to do "
        f"request: {lacks}: dial tcp: i/o timeout"
    )


def host_lacks(world: AccountState, region: str, instance: GroupInstance, services: Iterable[str]) -> str | None:
    """The first of `services` that an instance does not reach."""
    subnet = world.moto("ec2", region).get_instance(instance.id).subnet_id
    return out_of_reach(world, region, subnet, services, public_ip=instance.public_ip)


def give_default_gateway(world: AccountState, region: str) -> None:
    """An internet gateway and a route to it for the default VPC, which moto's comes without; once a region."""
    with world.lock:
        if region in world.networked:
            return
        world.networked.add(region)
        ec2 = world.moto("ec2", region)
        for vpc in list(ec2.vpcs.values()):
            if str(vpc.is_default).lower() != "true":
                continue
            table = next(one for one in ec2.route_tables.values() if one.vpc_id == vpc.id and one.main_association_id)
            gateway = ec2.create_internet_gateway()
            ec2.attach_internet_gateway(gateway.id, vpc.id)
            ec2.create_route(table.id, _ANYWHERE, gateway_id=gateway.id)


def _table(ec2: Any, subnet: Any) -> Any | None:
    tables = [one for one in list(ec2.route_tables.values()) if one.vpc_id == subnet.vpc_id]
    own = [one for one in tables if any(each.get("SubnetId") == subnet.id for each in one.associations)]
    return next(iter(own or [one for one in tables if one.main_association_id]), None)


def _leads_out(ec2: Any, table: Any, *, public_ip: bool) -> bool:
    for route in table.routes:
        if route.destination_cidr_block != _ANYWHERE:
            continue
        if route.nat_gateway is not None:
            return bool(route.nat_gateway.state == "available")
        if str(route.gateway_id or "").startswith("igw-"):
            return public_ip and route.gateway_id in ec2.internet_gateways
        return True  # a transit gateway, an appliance: what is behind it is not a part of this account
    return False


def _serves(endpoint: Any, table: Any | None) -> bool:
    if str(endpoint.vpc_endpoint_type).lower() != "gateway":
        return True
    return table is not None and table.id in (endpoint.route_table_ids or [])
