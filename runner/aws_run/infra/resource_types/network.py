"""The account's network in a region without a default VPC: public subnets, an internet gateway, a way to S3; `kept`.

All of it is free while nothing runs in it: a VPC, its subnets, its internet gateway and gateway endpoints have no price
(VPC's pricing page); a NAT gateway and endpoints with network interfaces do, so there are none.

EC2 gives no names: its parts are found by their tags, which each of them gets in the call that makes it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from aws_run import partition
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, PreflightError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import ABSENT, Observation, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying
from aws_run.naming import NETWORK

T = TypeVar("T")
_VPC_BLOCK = "10.0.0.0/16"
_SUBNET_BITS = 20  # 4,091 addresses in each
# What was made a moment ago is not known to all of EC2 ("Ensure idempotency and eventual consistency", EC2's guide).
_NOT_YET = (
    *("InvalidVpcID.NotFound", "InvalidSubnetID.NotFound", "InvalidRouteTableID.NotFound"),
    *("InvalidInternetGatewayID.NotFound", "InvalidGatewayID.NotFound"),
)
_GONE = {*_NOT_YET, "Gateway.NotAttached", "InvalidVpcEndpointId.NotFound"}


@frozen
class Network:
    """`zones`: in how many of the region's zones it has a subnet."""

    kind: ClassVar[Kind] = Kind("network")
    scope: ClassVar[Scope] = "kept"
    name: str = NETWORK
    account: str
    region: str
    zones: int = 2
    tags: Mapping[str, str]


def marked(account: str) -> list[dict[str, Any]]:
    """The filters by which EC2's Describe calls show the network's parts."""
    return [
        {"Name": f"tag:{tags.TAG_ACCOUNT}", "Values": [account]},
        {"Name": "tag:Name", "Values": [NETWORK]},
    ]


def config_digest(network: Network) -> str:
    return tags.config_digest("network-1", network.name, network.zones)


def observe(aws: Aws, network: Network) -> Observation:
    """By its VPC's tags; the tag of the configuration is put there last, when all of it is made."""
    vpcs = _vpcs(aws)
    if not vpcs:
        return ABSENT
    current = any(tags.parse(vpc.get("Tags")).get(tags.CONFIG_TAG) == config_digest(network) for vpc in vpcs)
    return Observation(present=True, current=current, value=str(vpcs[0]["VpcId"]))


def create(aws: Aws, network: Network, clock: Clock) -> str:
    """Makes what is missing of it; the VPC's id.

    No call here has a token that makes a repeated request the same one, so each part is looked for before it is made.
    """
    vpc = _vpc(aws, network, clock)
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    gateway = _gateway(aws, network, vpc, clock)
    table = _main_table(aws, within, clock)
    _name_table(aws, network, table, clock)
    subnets = {one["CidrBlock"]: one for one in _listed(aws, "describe_subnets", "Subnets", within)}
    for zone, block in zip(_zones(aws, network), _blocks(), strict=False):
        if block not in subnets:
            subnets[block] = _soon(
                lambda zone=zone, block=block: aws.call(  # type: ignore[misc]
                    "ec2", "create_subnet", VpcId=vpc, AvailabilityZone=zone, CidrBlock=block,
                    TagSpecifications=_tagged("subnet", network),
                ),
                clock,
            )["Subnet"]  # fmt: skip
        _soon(
            lambda block=block: aws.call(  # type: ignore[misc]
                "ec2", "modify_subnet_attribute",
                SubnetId=subnets[block]["SubnetId"], MapPublicIpOnLaunch={"Value": True},
            ),
            clock,
        )  # fmt: skip
    _default_route(aws, table, gateway, clock)
    _s3_endpoint(aws, network, vpc=vpc, table=table, clock=clock)
    marks = {tags.CONFIG_TAG: config_digest(network)}
    _soon(lambda: aws.call("ec2", "create_tags", Resources=[vpc], Tags=tags.upper(marks)), clock)
    return vpc


@frozen
class Described:
    """`parts`: what each is, and its id. `whole`: none is missing."""

    parts: tuple[tuple[str, str], ...]
    whole: bool


def describe(aws: Aws, network: Network) -> Described | None:
    """What there is of it, part by part; `network.zones` subnets are enough. None: there is none."""
    vpcs = _vpcs(aws)
    if not vpcs:
        return None
    vpc = str(vpcs[0]["VpcId"])
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = _listed(aws, "describe_subnets", "Subnets", within)
    tables = _listed(aws, "describe_route_tables", "RouteTables", within)
    endpoints = _endpoints(aws, within)
    gateways = _listed(
        aws, "describe_internet_gateways", "InternetGateways", [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    )
    routed = any(
        route.get("GatewayId") == gateway["InternetGatewayId"] and route.get("State") == "active"
        for gateway in gateways
        for table in tables
        for route in table.get("Routes") or ()
    )
    public = [one for one in subnets if one.get("MapPublicIpOnLaunch")]
    return Described(
        parts=(
            ("VPC", f"{vpc}, {vpcs[0].get('CidrBlock', '')}"),
            *(("public subnet", f"{one['SubnetId']} in {one['AvailabilityZone']}") for one in public),
            *(("route table", str(one["RouteTableId"])) for one in tables),
            *(("internet gateway", str(one["InternetGatewayId"])) for one in gateways),
            *(("endpoint", f"{one['VpcEndpointId']}, {one.get('ServiceName', '')}") for one in endpoints),
        ),
        whole=routed and len(public) >= network.zones and any(_is_s3(one, network) for one in endpoints),
    )


def _is_s3(endpoint: Mapping[str, Any], network: Network) -> bool:
    return str(endpoint.get("ServiceName")) == _s3_service(network)


def _s3_service(network: Network) -> str:
    return f"{partition.of_region(network.region).service_prefix}.{network.region}.s3"


def _vpcs(aws: Aws) -> list[dict[str, Any]]:
    """The oldest id first, so that everybody who sees two of them takes the same."""
    vpcs = _listed(aws, "describe_vpcs", "Vpcs", marked(aws.identity().account))
    return sorted(vpcs, key=lambda vpc: str(vpc["VpcId"]))


def _vpc(aws: Aws, network: Network, clock: Clock) -> str:
    there = _vpcs(aws)
    if there:
        return str(there[0]["VpcId"])
    made = aws.call("ec2", "create_vpc", CidrBlock=_VPC_BLOCK, TagSpecifications=_tagged("vpc", network))
    identity = str(made["Vpc"]["VpcId"])
    # botocore repeats a call whose answer was lost, and somebody else may have made one meanwhile: one is enough.
    first = min([identity, *(str(vpc["VpcId"]) for vpc in _vpcs(aws))])
    if first != identity:
        _unless_gone(lambda: aws.call("ec2", "delete_vpc", VpcId=identity))
    return first


def _gateway(aws: Aws, network: Network, vpc: str, clock: Clock) -> str:
    there = _listed(aws, "describe_internet_gateways", "InternetGateways", marked(aws.identity().account))
    attached = [one for one in there if any(each.get("VpcId") == vpc for each in one.get("Attachments") or ())]
    free = [one for one in there if not one.get("Attachments")]
    if attached:
        return str(attached[0]["InternetGatewayId"])
    if free:
        gateway = str(free[0]["InternetGatewayId"])
    else:
        made = aws.call("ec2", "create_internet_gateway", TagSpecifications=_tagged("internet-gateway", network))
        gateway = str(made["InternetGateway"]["InternetGatewayId"])
    try:
        _soon(lambda: aws.call("ec2", "attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc), clock)
    except AwsCallError as error:
        if error.code != "Resource.AlreadyAssociated":
            raise
    return gateway


def _main_table(aws: Aws, within: list[dict[str, Any]], clock: Clock) -> str:
    """The VPC brings it along, and every subnet that names no other uses it."""
    main = [*within, {"Name": "association.main", "Values": ["true"]}]

    def look() -> str:
        tables = _listed(aws, "describe_route_tables", "RouteTables", main)
        if not tables:
            raise AwsCallError(
                "The route table of the new VPC is not listed",
                code="InvalidRouteTableID.NotFound",
                operation="DescribeRouteTables",
            )
        return str(tables[0]["RouteTableId"])

    return _soon(look, clock)


def _name_table(aws: Aws, network: Network, table: str, clock: Clock) -> None:
    _soon(lambda: aws.call("ec2", "create_tags", Resources=[table], Tags=tags.upper(_tags(network))), clock)


def _zones(aws: Aws, network: Network) -> tuple[str, ...]:
    """The first of the region's own zones: no Local or Wavelength Zone, and none that the account must ask for."""
    answer = aws.call("ec2", "describe_availability_zones", Filters=[{"Name": "state", "Values": ["available"]}])
    names = sorted(
        str(zone["ZoneName"])
        for zone in answer["AvailabilityZones"]
        if zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone.get("OptInStatus", "opt-in-not-required") == "opt-in-not-required"
    )
    if not names:
        raise PreflightError(f"{aws.region} lists no zone that this account may use", hint="try another --region")
    return tuple(names[: network.zones])


def _blocks() -> list[str]:
    blocks = ipaddress.ip_network(_VPC_BLOCK).subnets(new_prefix=_SUBNET_BITS)
    return [str(block) for block in blocks]


def _default_route(aws: Aws, table: str, gateway: str, clock: Clock) -> None:
    try:
        _soon(
            lambda: aws.call(
                "ec2", "create_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
            ),
            clock,
        )
    except AwsCallError as error:
        if error.code != "RouteAlreadyExists":
            raise


def _s3_endpoint(aws: Aws, network: Network, *, vpc: str, table: str, clock: Clock) -> None:
    """What goes to S3 through it is the same price as over the internet gateway, which is none, and stays in AWS."""
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    if any(_is_s3(one, network) and table in (one.get("RouteTableIds") or ()) for one in _endpoints(aws, within)):
        return
    try:
        _soon(
            lambda: aws.call(
                "ec2", "create_vpc_endpoint", VpcId=vpc, ServiceName=_s3_service(network), VpcEndpointType="Gateway",
                RouteTableIds=[table], TagSpecifications=_tagged("vpc-endpoint", network),
            ),
            clock,
        )  # fmt: skip
    except AwsCallError as error:
        if error.code != "RouteAlreadyExists":  # somebody else has made it meanwhile
            raise


def delete(aws: Aws, name: str, clock: Clock) -> None:
    """Its own parts, its VPC last: while that is there, what is left can be found. What somebody else has put into the
    VPC is not touched, and holds up the removal of the VPC."""
    mine = marked(aws.identity().account)
    vpcs = _vpcs(aws)
    endpoints = [str(one["VpcEndpointId"]) for one in _endpoints(aws, mine)]
    if endpoints:
        _refuse_unsuccessful(aws.call("ec2", "delete_vpc_endpoints", VpcEndpointIds=endpoints))
    for subnet in _listed(aws, "describe_subnets", "Subnets", mine):
        _patiently(lambda subnet=subnet: aws.call("ec2", "delete_subnet", SubnetId=subnet["SubnetId"]), clock)  # type: ignore[misc]
    for one in _listed(aws, "describe_internet_gateways", "InternetGateways", mine):
        gateway = str(one["InternetGatewayId"])
        for vpc in (str(each["VpcId"]) for each in one.get("Attachments") or ()):
            _patiently(
                lambda gateway=gateway, vpc=vpc: aws.call(  # type: ignore[misc]
                    "ec2", "detach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc
                ),
                clock,
            )
        _patiently(lambda gateway=gateway: aws.call("ec2", "delete_internet_gateway", InternetGatewayId=gateway), clock)  # type: ignore[misc]
    for one in vpcs:
        _patiently(lambda one=one: aws.call("ec2", "delete_vpc", VpcId=one["VpcId"]), clock)  # type: ignore[misc]


def _refuse_unsuccessful(answer: Mapping[str, Any]) -> None:
    """DeleteVpcEndpoints answers 200 for what it did not delete."""
    for one in answer.get("Unsuccessful") or ():
        error = one.get("Error") or {}
        if error.get("Code") not in _GONE:
            raise AwsCallError(
                f"{one.get('ResourceId')} could not be deleted: {error.get('Message')} ({error.get('Code')})",
                code=str(error.get("Code")),
                operation="DeleteVpcEndpoints",
            )


def absent(aws: Aws, name: str) -> bool:
    return not _vpcs(aws)


def _listed(aws: Aws, operation: str, key: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(aws.pages("ec2", operation, key, Filters=filters))


def _endpoints(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that are at their end, which EC2 goes on to list for a while."""
    endpoints = _listed(aws, "describe_vpc_endpoints", "VpcEndpoints", filters)
    return [one for one in endpoints if str(one.get("State", "")).lower() not in ("deleting", "deleted", "failed")]


def _soon(action: Callable[[], T], clock: Clock) -> T:
    return retrying(action, when=on_codes(*_NOT_YET), for_s=60, clock=clock)


def _patiently(action: Callable[[], Any], clock: Clock) -> None:
    """A task's network interface goes a little later than its task, and an endpoint later than its deletion."""
    _unless_gone(lambda: retrying(action, when=on_codes("DependencyViolation"), for_s=120, clock=clock))


def _unless_gone(action: Callable[[], Any]) -> None:
    try:
        action()
    except AwsCallError as error:
        if error.code not in _GONE:
            raise


def _tags(network: Network) -> dict[str, str]:
    return {**network.tags, tags.TAG_ACCOUNT: network.account, "Name": network.name}


def _tagged(kind: str, network: Network) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags.upper(_tags(network))}]


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws-run network remove --region {region}",)  # its parts have no names, and an order


TYPE = ResourceType(
    value=Network,
    scopes=("kept",),
    create=create,
    observe=observe,
    delete=delete,
    absent=absent,
    manual_commands=manual_commands,
)
