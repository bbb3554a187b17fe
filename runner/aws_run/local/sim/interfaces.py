"""Network interfaces of tasks in mode awsvpc, as ECS and EC2 show them."""

from __future__ import annotations

import ipaddress
from typing import Any

from aws_run.local.sim.model import Place, Task
from aws_run.local.sim.state import AccountState

_RESERVED = 4  # of a subnet's first addresses, which AWS keeps for itself


def subnet_of(world: AccountState, place: Place, task: Task) -> Any | None:
    """moto's subnet of a task's interface; None for a task without one."""
    wanted = (task.network or {}).get("subnets") or [None]
    zones = world.moto("ec2", place.region).subnets.values()
    return next((subnet for zone in zones for subnet in zone.values() if subnet.id == wanted[0]), None)


def attach(world: AccountState, place: Place, task: Task, *, address: str | None) -> None:
    """`address`: where the task really listens; None: one of its subnet, where nobody does."""
    subnet = subnet_of(world, place, task)
    if subnet is not None and task.fargate:
        task.zone = subnet.availability_zone
    for attachment in task.attachments:
        attachment["status"] = "ATTACHED"
        if subnet is None:
            continue
        unique = world.new_id()
        network = ipaddress.ip_network(subnet.cidr_block)
        offset = _RESERVED + int(unique[:8], 16) % max(network.num_addresses - _RESERVED - 1, 1)
        given = address or str(network[offset])
        attachment["details"] = [
            {"name": "subnetId", "value": subnet.id},
            {"name": "networkInterfaceId", "value": f"eni-{unique[:17]}"},
            {"name": "macAddress", "value": "0a:" + ":".join(unique[at : at + 2] for at in range(0, 10, 2))},
            {"name": "privateDnsName", "value": f"ip-{given.replace('.', '-')}.ec2.internal"},
            {"name": "privateIPv4Address", "value": given},
        ]


def interfaces(place: Place) -> dict[str, dict[str, Any]]:
    """Those of tasks that have not stopped, by id, as DescribeNetworkInterfaces shows them."""
    shown = {}
    for task in place.tasks.values():
        for attachment in task.attachments if task.status != "STOPPED" else ():
            details = {one["name"]: one["value"] for one in attachment["details"]}
            name, address = details.get("networkInterfaceId"), details.get("privateIPv4Address")
            if name is None:
                continue
            public = (task.network or {}).get("assignPublicIp") == "ENABLED"
            association = {"Association": {"PublicIp": address, "IpOwnerId": "amazon"}} if public else {}
            shown[name] = {
                "NetworkInterfaceId": name,
                "SubnetId": details["subnetId"],
                "MacAddress": details["macAddress"],
                "PrivateIpAddress": address,
                "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address, **association}],
                "Status": "in-use",
                "InterfaceType": "interface",
                "Description": f"arn:aws:ecs:{place.region}:attachment/{attachment['id']}",
                **association,
            }
    return shown
