"""What the way to S3 costs: nothing without a NAT gateway, by the GB through one, unknown where its price is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.backends.test_routes import ANYWHERE, SUBNET, gateway, table
from tests.unit.fakes import FakeAws, job, spec

from aws_run.backends import network
from aws_run.pricing.network_path import nat_charge
from aws_run.runs.record import RateEntry
from aws_run.runs.spec import Offer

GB = 1024**3
NAT = {**ANYWHERE, "NatGatewayId": "nat-1"}
PRICE = RateEntry(item="nat-gateway-gb", unit="GB", usd="0.045", source="test", as_of="2026-01-01")


def offer(*, by_nat: bool = True, price: bool = True) -> Offer:
    made = spec().offer
    placed = replace(made.network, s3_by_nat=("subnet-1",) if by_nat else (), nat_gateway="nat-1" if by_nat else "")
    return replace(made, network=placed, hardware=replace(made.hardware, rates=(PRICE,) if price else ()))


def test_eighty_gigabytes_through_a_nat_gateway_are_three_dollars_sixty() -> None:
    charge = nat_charge(offer(), bytes_from_s3=80 * GB)  # 80 x 0.045
    assert charge is not None
    assert (charge.usd, charge.gateway) == (Decimal("3.600"), "nat-1")
    assert charge.command == "aws-run network s3-endpoint --subnets subnet-1"


def test_without_a_nat_gateway_or_bytes_there_is_no_charge_and_without_a_price_it_is_not_known() -> None:
    assert nat_charge(offer(by_nat=False), bytes_from_s3=GB) is None
    assert nat_charge(offer(), bytes_from_s3=0) is None
    unknown = nat_charge(offer(price=False), bytes_from_s3=GB)
    assert unknown is not None
    assert unknown.usd is None


@pytest.mark.parametrize(
    ("what", "endpoints", "by_nat"),
    [
        ("no endpoint", [], ("subnet-1",)),
        ("the table's gateway", [gateway("s3", "rtb-1")], ()),
        ("a gateway of another table", [gateway("s3", "rtb-9")], ("subnet-1",)),
        ("an endpoint of another service", [gateway("dynamodb", "rtb-1")], ("subnet-1",)),
    ],
)
def test_which_subnets_reach_s3_through_a_nat_gateway(
    what: str, endpoints: list[dict[str, object]], by_nat: tuple[str, ...]
) -> None:
    aws = FakeAws().on("describe_subnets", {"Subnets": [SUBNET]}).on("describe_route_tables", [table(NAT)])
    aws.on("describe_vpc_endpoints", endpoints)
    placed = network.find(aws, job(network={"subnets": ("subnet-1",)}), agent=False)
    assert placed.s3_by_nat == by_nat, what
    assert placed.nat_gateway == ("nat-1" if by_nat else "")


def test_a_run_in_the_default_vpc_makes_no_request_for_it() -> None:
    public = {**SUBNET, "MapPublicIpOnLaunch": True}
    aws = FakeAws().on("describe_subnets", {"Subnets": [public]})
    assert network.find(aws, job(), agent=False).s3_by_nat == ()
    assert aws.operations == ["describe_subnets"]
