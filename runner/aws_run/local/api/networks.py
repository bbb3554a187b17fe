"""EC2's networks, where moto is too lax or calls things default that are not."""

from __future__ import annotations

from dataclasses import replace

from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.interfaces import interfaces
from aws_run.local.sim.reach import give_default_gateway
from aws_run.local.sim.state import AccountState


def table() -> Table:
    return {
        ("ec2", "CreateSubnet"): create_subnet,
        ("ec2", "DeleteSubnet"): delete_subnet,
        ("ec2", "DeleteVpc"): delete_vpc,
        ("ec2", "CreateVpcEndpoint"): create_endpoint,
        ("ec2", "DescribeNetworkInterfaces"): describe_interfaces,
        ("ec2", "DescribeRouteTables"): with_default_gateway,
        ("ec2", "DescribeInternetGateways"): with_default_gateway,
    }


def describe_interfaces(world: AccountState, call: Call) -> Reply | Params:
    """Those of tasks, which moto knows nothing of, where they are asked for by name."""
    wanted = [str(name) for name in call.params().get("NetworkInterfaceIds") or ()]
    with world.lock:
        shown = interfaces(world.place(call.region))
    if wanted and all(name in shown for name in wanted):
        return {"NetworkInterfaces": [shown[name] for name in wanted]}
    return call.proceed()


def create_subnet(world: AccountState, call: Call) -> Reply:
    """moto calls the first subnet of a zone its default one; in AWS none that somebody creates is."""
    ec2 = world.moto("ec2", call.region)
    before = {name for zone in ec2.subnets.values() for name in zone}
    reply = call.proceed()
    for zone in ec2.subnets.values():
        for name, subnet in zone.items():
            if name not in before:
                subnet.default_for_az = subnet.map_public_ip_on_launch = False
    body = reply.body
    for member in (b"defaultForAz", b"mapPublicIpOnLaunch"):
        body = body.replace(b"<%s>true<" % member, b"<%s>false<" % member)
    length = [(name, value) for name, value in reply.headers if name.lower() != "content-length"]
    return replace(reply, headers=(*length, ("Content-Length", str(len(body)))), body=body)


def delete_subnet(world: AccountState, call: Call) -> Reply:
    """Refused while a task's or an instance's network interface is in it."""
    name = str(call.params().get("SubnetId"))
    with world.lock:
        place = world.place(call.region)
        tasks = any(
            detail.get("value") == name and task.status != "STOPPED"
            for task in place.tasks.values()
            for attachment in task.attachments
            for detail in attachment.get("details") or ()
        )
        instances = any(
            world.moto("ec2", call.region).get_instance(one.id).subnet_id == name
            for one in place.instances.values()
            if one.terminated_at is None
        )
    if tasks or instances:
        raise Refusal("DependencyViolation", f"The subnet '{name}' has dependencies and cannot be deleted.")
    return call.proceed()


def delete_vpc(world: AccountState, call: Call) -> Reply:
    """Refused while an internet gateway is attached, or an endpoint is there."""
    name = str(call.params().get("VpcId"))
    ec2 = world.moto("ec2", call.region)
    gateways = any(one.vpc is not None and one.vpc.id == name for one in ec2.internet_gateways.values())
    endpoints = any(one.vpc_id == name and one.state != "deleted" for one in ec2.vpc_end_points.values())
    if gateways or endpoints:
        raise Refusal("DependencyViolation", f"The vpc '{name}' has dependencies and cannot be deleted.")
    return call.proceed()


def create_endpoint(world: AccountState, call: Call) -> Reply:
    """A route table takes one gateway to each service."""
    p = call.params()
    if str(p.get("VpcEndpointType") or "Gateway").lower() == "gateway":
        service = str(p.get("ServiceName"))
        for one in list(world.moto("ec2", call.region).vpc_end_points.values()):
            shared = set(one.route_table_ids or ()) & set(p.get("RouteTableIds") or ())
            if one.service_name == service and one.state != "deleted" and shared:
                raise Refusal(
                    "RouteAlreadyExists",
                    f"route table {min(shared)} already has a route with destination-prefix-list-id "
                    f"{one.destination_prefix_list_id}",
                )
    reply = call.proceed()
    for one in list(world.moto("ec2", call.region).vpc_end_points.values()):
        one.vpc_endpoint_type = one.vpc_endpoint_type or "Gateway"  # AWS's default; moto can't delete one without
    return reply


def with_default_gateway(world: AccountState, call: Call) -> Reply:
    give_default_gateway(world, call.region)
    return call.proceed()
