"""A private subnet behind a NAT gateway: the plan prices the way to S3, and the endpoint that makes it free is made,
found again and removed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.crash.story import Begin, Story, stories

from aws_run.errors import PreflightError, UsageError
from aws_run.local.sim.price_set import price_set
from aws_run.report.views import NetworkPrice
from aws_run.usecases import s3_endpoint
from aws_run.usecases.plan import plan

_BYTES = 3 * 1024**3  # of a sparse file


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one


def private_subnet(story: Story) -> str:
    """Its route table leads to a NAT gateway."""
    call = story.context.aws.call
    vpc = call("ec2", "create_vpc", CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zone = {"VpcId": vpc, "AvailabilityZone": "us-east-1a"}
    subnet = str(call("ec2", "create_subnet", CidrBlock="10.9.0.0/24", **zone)["Subnet"]["SubnetId"])
    address = call("ec2", "allocate_address", Domain="vpc")["AllocationId"]
    nat = call("ec2", "create_nat_gateway", SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    table = call("ec2", "describe_route_tables", Filters=within)["RouteTables"][0]["RouteTableId"]
    call("ec2", "create_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    return subnet


def network_price(story: Story, subnet: str) -> tuple[NetworkPrice | None, str]:
    view = plan(story.config(subnets=subnet, backend="fargate"), story.context)
    assert view.price is not None
    return view.price.network, "\n".join(view.estimate)


def test_the_way_to_s3_is_priced_and_the_command_in_the_plan_makes_it_free(begin: Begin) -> None:
    story = begin()
    subnet = private_subnet(story)
    with (story.home / "data" / "large.bin").open("wb") as file:
        file.truncate(_BYTES)
    priced, text = network_price(story, subnet)
    assert priced is not None
    assert priced.bytes >= _BYTES
    per_gb = price_set().flat("us-east-1", "nat_gateway_gb")
    assert priced.usd == per_gb * Decimal(priced.bytes) / 1024**3
    assert priced.command == f"aws-run network s3-endpoint --subnets {subnet}"
    assert "$0.1350" in text
    assert priced.command in text

    planned = s3_endpoint.create(story.context, (subnet,), {}, dry_run=True)
    assert [(one.makes, one.endpoint) for one in planned] == [(True, "")]
    assert s3_endpoint.ours(story.context) == ()
    made = s3_endpoint.create(story.context, (subnet,), {"CostCenter": "12"}, dry_run=False)
    assert s3_endpoint.ours(story.context) == (made[0].endpoint,)
    again = s3_endpoint.create(story.context, (subnet,), {}, dry_run=False)
    assert [(one.makes, one.endpoint) for one in again] == [(False, "")]
    assert network_price(story, subnet) == (None, network_price(story, subnet)[1])

    assert s3_endpoint.remove(story.context) == (made[0].endpoint,)
    assert s3_endpoint.ours(story.context) == s3_endpoint.remove(story.context) == ()
    assert network_price(story, subnet)[0] is not None


def test_subnets_that_there_are_not_are_refused(begin: Begin) -> None:
    story = begin()
    with pytest.raises(UsageError, match="no subnets"):
        s3_endpoint.create(story.context, (), {}, dry_run=False)
    with pytest.raises(PreflightError):
        s3_endpoint.create(story.context, ("subnet-0123456789abcdef0",), {}, dry_run=False)
