"""Networks as companies have them: no default VPC, private subnets, endpoints. What leads nowhere is refused, by name,
before anything is made; and in the embedded AWS nothing starts there either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project, submit

NAMED = "arun-network"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    """An account whose default VPC is gone."""
    with cloud(
        tmp_path_factory.mktemp("home"), aws_session, default_vpc=False, closed_regions=("ap-east-1",)
    ) as running:
        yield running


def parts(aws: Cloud) -> dict[str, list[dict[str, Any]]]:
    """Everything of EC2's networks that carries the network's name."""
    ec2, named = aws.client("ec2"), [{"Name": "tag:Name", "Values": [NAMED]}]
    return {
        "vpcs": ec2.describe_vpcs(Filters=named)["Vpcs"],
        "subnets": ec2.describe_subnets(Filters=named)["Subnets"],
        "gateways": ec2.describe_internet_gateways(Filters=named)["InternetGateways"],
        "tables": ec2.describe_route_tables(Filters=named)["RouteTables"],
        "endpoints": [
            one for one in ec2.describe_vpc_endpoints(Filters=named)["VpcEndpoints"] if one["State"] != "deleted"
        ],
    }


def test_without_a_default_vpc_a_network_is_made_used_without_an_option_and_destroyed(
    aws: Cloud, tmp_path: Path
) -> None:
    folder = project(tmp_path / "demo")
    (folder / "aws-run.yaml").write_text("version: 1\ntags: {CostCenter: '1234'}\n")
    planned = aws.run("network", "create", "--dry-run", "--local", cwd=folder)
    assert planned.returncode == 0, planned.stderr
    assert "public subnets" in planned.stdout
    assert "$0.00" in planned.stderr
    assert not any(parts(aws).values())

    made = aws.run("network", "create", "--local", "--json", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["made"] is True
    there = parts(aws)
    assert {kind: len(each) for kind, each in there.items()} == {
        "vpcs": 1, "subnets": 2, "gateways": 1, "tables": 1, "endpoints": 1,
    }  # fmt: skip
    for one in (part for each in there.values() for part in each):
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert (tags["CostCenter"], tags["aws-run:account"]) == ("1234", aws.local.account)
    assert len({one["AvailabilityZone"] for one in there["subnets"]}) == 2

    again = aws.run("network", "create", "--local", cwd=folder)
    assert "nothing to make" in again.stderr
    assert parts(aws) == there

    done = aws.run(*submit(folder, tmp_path / "out", "--json"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.txt").read_text() == "hello"

    gone = aws.run("destroy", "--everything", "--yes", "--local", cwd=folder)
    assert gone.returncode == 0, gone.stderr
    assert not any(parts(aws).values())
    assert aws.left() == {}


class Private:
    """A VPC of a company's own with one subnet, from which nothing leads out."""

    def __init__(self, aws: Cloud, block: str) -> None:
        self.ec2 = aws.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"{block}.0.0/24", AvailabilityZone="us-east-1a"
        )["Subnet"]["SubnetId"]
        within = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = self.ec2.describe_route_tables(Filters=within)["RouteTables"][0]["RouteTableId"]

    def route(self, **to: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", **to)

    def gateway(self) -> str:
        gateway = str(self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return gateway

    def endpoint(self, service: str) -> None:
        name = f"com.amazonaws.us-east-1.{service}"
        if service == "s3":
            self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, RouteTableIds=[self.table])
        else:
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc, ServiceName=name, VpcEndpointType="Interface", SubnetIds=[self.subnet],
                PrivateDnsEnabled=True,
            )  # fmt: skip


def planned(aws: Cloud, folder: Path, private: Private, *more: object) -> Any:
    return aws.run(
        "plan", folder, "-i", folder / "data", "-o", folder.parent / "out", "--local", "--subnets", private.subnet,
        *more,
    )  # fmt: skip


def test_a_private_subnet_is_refused_until_endpoints_lead_to_all_that_a_run_needs(aws: Cloud, tmp_path: Path) -> None:
    folder, private = project(tmp_path / "demo"), Private(aws, "10.1")
    done = planned(aws, folder, private)
    assert done.returncode == 125
    assert f"Nothing leads from {private.subnet} ({private.vpc}) to ecr.api, ecr.dkr, logs and s3" in done.stderr
    assert f"aws ec2 create-vpc-endpoint --region us-east-1 --vpc-id {private.vpc}" in done.stderr
    assert "--service-name com.amazonaws.us-east-1.ecr.api" in done.stderr
    for service in ("ecr.api", "ecr.dkr", "logs"):
        private.endpoint(service)
    done = planned(aws, folder, private)
    assert f"({private.vpc}) to s3, which a run needs" in done.stderr
    assert f"--service-name com.amazonaws.us-east-1.s3 --route-table-ids {private.table}" in done.stderr
    private.endpoint("s3")
    assert planned(aws, folder, private).returncode == 0
    on_ec2 = planned(aws, folder, private, "--backend", "ec2")
    assert "to ecs, ecs-agent and ecs-telemetry, which a run needs" in on_ec2.stderr
    for service in ("ecs", "ecs-agent", "ecs-telemetry"):
        private.endpoint(service)
    assert planned(aws, folder, private, "--backend", "ec2").returncode == 0
    done = aws.run(*submit(folder, tmp_path / "out", "--subnets", private.subnet))
    assert done.returncode == 0, done.stderr


def test_a_subnet_that_leads_to_an_internet_gateway_needs_a_public_address(aws: Cloud, tmp_path: Path) -> None:
    folder, private = project(tmp_path / "demo"), Private(aws, "10.2")
    private.route(GatewayId=private.gateway())
    done = planned(aws, folder, private)
    assert done.returncode == 125
    assert "only with a public address" in done.stderr
    assert "AWS_RUN_PUBLIC_IP=yes" in done.stderr
    assert aws.run(
        "plan", folder, "-i", folder / "data", "-o", tmp_path / "out", "--local", "--subnets", private.subnet,
        AWS_RUN_PUBLIC_IP="yes",
    ).returncode == 0  # fmt: skip


def test_a_nat_gateway_is_a_way_out_until_it_is_gone(aws: Cloud, tmp_path: Path) -> None:
    folder, private = project(tmp_path / "demo"), Private(aws, "10.3")
    private.gateway()
    nat = private.ec2.create_nat_gateway(SubnetId=private.subnet, ConnectivityType="private")["NatGateway"]
    private.route(NatGatewayId=nat["NatGatewayId"])
    assert planned(aws, folder, private).returncode == 0
    done = aws.run("check", "--local", cwd=folder, AWS_RUN_SUBNETS=private.subnet)
    assert "1 private subnets in us-east-1a" in done.stdout


def test_a_region_that_the_account_has_not_enabled_is_said_to_be_why_its_keys_are_not_known(aws: Cloud) -> None:
    done = aws.run("ps", AWS_REGION="ap-east-1", AWS_DEFAULT_REGION="ap-east-1")
    assert done.returncode == 125
    assert "The region ap-east-1 is not enabled in this account" in done.stderr
    assert "aws account enable-region --region-name ap-east-1" in done.stderr
    wrong = aws.run("ps", AWS_REGION="eu-north-1", AWS_DEFAULT_REGION="eu-north-1", AWS_ACCESS_KEY_ID="AKIAWRONG")
    assert "AWS does not accept these credentials" in wrong.stderr
