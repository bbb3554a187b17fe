"""What leads out of a subnet: whether a machine there reaches the services that a run needs. Pure.

Only what certainly leads nowhere is refused. A transit gateway, a peering, a private gateway or an appliance may lead
to an office's own way out, or to endpoints in another VPC, and nothing that can be read here tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from aws_run.frozen import frozen

_ANYWHERE = "0.0.0.0/0"
Description = Mapping[str, Any]  # as EC2's Describe calls return it


@frozen
class Way:
    """Where a subnet's routes lead. `out`: to the internet; `elsewhere`: to another network, whose own routes decide;
    `public-only`: to the internet, for who has a public address; `nowhere`. `target`: the route's."""

    leads: Literal["out", "elsewhere", "public-only", "nowhere"]
    target: str = ""
    table: str = ""
    lost: str = ""  # the target of a default route that is there no more (a blackhole)


def table_of(subnet: Description, tables: Iterable[Description]) -> Description | None:
    """The route table of a subnet: its own, else its VPC's main one."""
    main = None
    for table in tables:
        for association in table.get("Associations") or ():
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main") and table.get("VpcId") == subnet["VpcId"]:
                main = table
    return main


def way_out(table: Description | None, *, public_ip: bool) -> Way:
    """Where the routes of `table` lead a machine that has a public address or has none."""
    if table is None:  # not listed: then nothing is known, and nothing refused
        return Way(leads="elsewhere", target="a route table that is not listed")
    name = str(table.get("RouteTableId") or "")
    ways: list[Way] = []
    lost = ""
    for route in table.get("Routes") or ():
        target = _target(route)
        if target in ("", "local"):
            continue
        if route.get("State") == "blackhole":
            lost = target if route.get("DestinationCidrBlock") == _ANYWHERE else lost
            continue
        if target.startswith(("vpce-", "eigw-")):  # an endpoint's own; IPv6 alone
            continue
        if target.startswith("igw-"):
            leads: Literal["out", "public-only"] = "out" if public_ip else "public-only"
            ways.append(Way(leads=leads, target=target, table=name))
        elif target.startswith("nat-") and route.get("DestinationCidrBlock") == _ANYWHERE:
            ways.append(Way(leads="out", target=target, table=name))
        else:
            ways.append(Way(leads="elsewhere", target=target, table=name))
    order = ("out", "elsewhere", "public-only")
    ways.sort(key=lambda way: order.index(way.leads))
    return ways[0] if ways else Way(leads="nowhere", table=name, lost=lost)


def _target(route: Description) -> str:
    """The one of a route's many members that names where it leads (EC2's API Reference, Route)."""
    members = (
        *("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId"),
        *("InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "EgressOnlyInternetGatewayId"),
        "OdbNetworkArn",
    )
    return next((str(route[name]) for name in members if route.get(name)), "")


def without_endpoint(
    services: Sequence[str], *, subnet: Description, table: str, endpoints: Iterable[Description], region: str
) -> tuple[str, ...]:
    """Those of `services` (`ecr.api`, `s3`, …) that no VPC endpoint brings to the subnet: one with network interfaces
    serves its whole VPC, a gateway the route tables that it names."""
    here = [
        one
        for one in endpoints
        if one.get("VpcId") == subnet["VpcId"]
        and str(one.get("State", "")).lower() == "available"
        and (one.get("VpcEndpointType") != "Gateway" or table in (one.get("RouteTableIds") or ()))
    ]
    names = [str(one.get("ServiceName")) for one in here]
    return tuple(service for service in services if not any(name.endswith(f".{region}.{service}") for name in names))
