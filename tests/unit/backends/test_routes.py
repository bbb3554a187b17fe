"""What leads out of a subnet, from EC2's own descriptions of routes and endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import FakeAws, job, refused

from aws_run.backends import network, routes
from aws_run.errors import AwsCallError, PreflightError

SUBNET = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "us-east-1a", "MapPublicIpOnLaunch": False}
ANYWHERE = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
S3 = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"}


def table(*more: dict[str, Any], main: bool = True, **fields: Any) -> dict[str, Any]:
    return {
        "RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": main}], "Routes": [LOCAL, *more], **fields,
    }  # fmt: skip


def gateway(service: str, *tables: str, **more: Any) -> dict[str, Any]:
    return endpoint(service, VpcEndpointType="Gateway", RouteTableIds=list(tables), **more)


def endpoint(service: str, **more: Any) -> dict[str, Any]:
    name = f"com.amazonaws.us-east-1.{service}"
    return {"VpcId": "vpc-1", "State": "available", "VpcEndpointType": "Interface", "ServiceName": name, **more}


WAYS = [
    ("an internet gateway, with an address", [{**ANYWHERE, "GatewayId": "igw-1"}], True, "out"),
    ("an internet gateway, without", [{**ANYWHERE, "GatewayId": "igw-1"}], False, "public-only"),
    ("a NAT gateway", [{**ANYWHERE, "NatGatewayId": "nat-1"}], False, "out"),
    ("a NAT gateway that is gone", [{**ANYWHERE, "NatGatewayId": "nat-1", "State": "blackhole"}], False, "nowhere"),
    ("a transit gateway", [{**ANYWHERE, "TransitGatewayId": "tgw-1"}], False, "elsewhere"),
    ("an office's network alone", [{**ANYWHERE, "DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "vgw-1"}], False, "elsewhere"),
    ("an appliance", [{**ANYWHERE, "NetworkInterfaceId": "eni-1"}], True, "elsewhere"),
    ("IPv6 alone", [{"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}], False, "nowhere"),
    ("S3's gateway alone", [S3], True, "nowhere"),
    ("nothing", [], True, "nowhere"),
    ("the better of two", [{**ANYWHERE, "GatewayId": "igw-1"}, {**ANYWHERE, "TransitGatewayId": "tgw-1"}], False, "elsewhere"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "rows", "public", "leads"), WAYS, ids=[each[0] for each in WAYS])
def test_a_way_out(what: str, rows: list[dict[str, Any]], public: bool, leads: str) -> None:
    assert routes.way_out(table(*rows), public_ip=public).leads == leads


def test_a_subnets_own_table_comes_before_the_main_one_of_its_vpc_and_others_are_not_its() -> None:
    main, own = table(), table(RouteTableId="rtb-own", Associations=[{"SubnetId": "subnet-1"}])
    foreign = table(RouteTableId="rtb-2", VpcId="vpc-2")
    assert routes.table_of(SUBNET, [foreign, main, own]) == own
    assert routes.table_of(SUBNET, [foreign, main]) == main
    assert routes.table_of(SUBNET, [foreign]) is None
    assert routes.way_out(None, public_ip=False).leads == "elsewhere"  # nothing is known, so nothing is refused


@pytest.mark.parametrize(
    ("endpoints", "missing"),
    [
        ([], ("ecr.api", "s3")),
        ([endpoint("ecr.api"), gateway("s3", "rtb-1")], ()),
        ([endpoint("ecr.api"), endpoint("s3")], ()),
        ([endpoint("ecr.api", ServiceName="cn.com.amazonaws.us-east-1.ecr.api"), endpoint("s3")], ()),
        ([endpoint("ecr.api"), gateway("s3", "rtb-2")], ("s3",)),
        ([endpoint("ecr.api", VpcId="vpc-2"), gateway("s3", "rtb-1", State="deleted")], ("ecr.api", "s3")),
        ([endpoint("my-ecr.api"), endpoint("s3express")], ("ecr.api", "s3")),
    ],
)
def test_what_no_endpoint_brings_to_the_subnet(endpoints: list[dict[str, Any]], missing: tuple[str, ...]) -> None:
    assert (
        routes.without_endpoint(
            ("ecr.api", "s3"), subnet=SUBNET, table="rtb-1", endpoints=endpoints, region="us-east-1"
        )
        == missing
    )


def cloud(*rows: dict[str, Any], subnet: dict[str, Any] = SUBNET) -> FakeAws:
    return FakeAws().on("describe_subnets", {"Subnets": [subnet]}).on("describe_route_tables", [table(*rows)])


NAMED = job(network={"subnets": ("subnet-1",)})


def test_the_public_subnets_of_a_default_vpc_cost_one_call() -> None:
    aws = FakeAws().on("describe_subnets", {"Subnets": [{**SUBNET, "MapPublicIpOnLaunch": True}]})
    assert network.find(aws, job(), agent=True).notes == ()
    assert aws.operations == ["describe_subnets"]


def test_who_may_not_read_the_routes_is_told_and_not_refused() -> None:
    aws = cloud().on("describe_route_tables", refused("UnauthorizedOperation", "no, not you"))
    (note,) = network.find(aws, NAMED, agent=False).notes
    assert "not you" in note
    aws = cloud().on("describe_vpc_endpoints", refused("InternalError"))
    with pytest.raises(AwsCallError, match="InternalError"):
        network.find(aws, NAMED, agent=False)


def test_what_leads_elsewhere_is_told_and_not_refused() -> None:
    (note,) = network.find(cloud({**ANYWHERE, "TransitGatewayId": "tgw-1"}), NAMED, agent=False).notes
    assert "no endpoint of its own for ecr.api, ecr.dkr, logs and s3: tgw-1 has to lead there" in note


def test_a_job_with_secrets_needs_to_reach_their_stores() -> None:
    wanted = job(
        network={"subnets": ("subnet-1",)},
        secrets={"A": "arn:aws:secretsmanager:us-east-1:1:secret:a", "B": "arn:aws:ssm:us-east-1:1:parameter/b"},
    )
    with pytest.raises(PreflightError, match="logs, s3, secretsmanager and ssm") as caught:
        network.find(cloud(), wanted, agent=False)
    assert "(the same for ecr.dkr, logs, s3, secretsmanager and ssm)" in str(caught.value.hint)


def test_a_default_route_whose_target_is_gone_is_named() -> None:
    aws = cloud({**ANYWHERE, "NatGatewayId": "nat-9", "State": "blackhole"})
    with pytest.raises(PreflightError, match="leads to nat-9, which is no longer there"):
        network.find(aws, NAMED, agent=False)


def in_zones(*zone_ids: str) -> FakeAws:
    subnets = [
        {**SUBNET, "MapPublicIpOnLaunch": True, "SubnetId": f"subnet-{number}", "AvailabilityZone": f"zone-{number}",
         "AvailabilityZoneId": zone_id}
        for number, zone_id in enumerate(zone_ids)
    ]  # fmt: skip
    return FakeAws().on("describe_subnets", {"Subnets": subnets})


def test_subnets_in_zones_without_fargate_are_left_out_for_fargate_alone() -> None:
    zones = ("usw1-az1", "usw1-az2")
    there = network.find(in_zones(*zones), job(), agent=False)
    assert there.subnets == ("subnet-0",)
    assert there.notes == ("its subnets in zone-1 are left out: Fargate is not there",)
    assert network.find(in_zones(*zones), job(), agent=True).subnets == ("subnet-0", "subnet-1")
    assert network.find(in_zones("use1-az3", "", "apne1-az4"), job(), agent=False).notes == ()
    with pytest.raises(PreflightError, match="Fargate is not in zone-0"):
        network.find(in_zones("cnn1-az3"), job(), agent=False)
