"""A gateway endpoint for S3 in somebody's own VPC: what goes to S3 then passes no NAT gateway. It has no price.

It is found by its tags, which it gets in the call that makes it: they are its record, and only what carries them is
removed. A route table has one route to S3, so a table that has an endpoint already is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_run import partition
from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError, PreflightError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.naming import S3_ENDPOINT

_AT_ITS_END = ("deleting", "deleted", "failed")


@frozen
class EndpointPlan:
    """One VPC: the route tables of the subnets that have no way to S3 of their own yet, and those that have."""

    vpc: str
    missing: tuple[str, ...]
    served: tuple[str, ...]


def plan(aws: Aws, subnets: Sequence[str]) -> tuple[EndpointPlan, ...]:
    """Reads only. PreflightError for a subnet that there is not, and for a VPC without a route table."""
    try:
        listed = aws.call("ec2", "describe_subnets", SubnetIds=list(subnets))["Subnets"]
    except AwsCallError as error:
        if error.code.startswith("InvalidSubnet"):
            raise PreflightError(
                error.message, hint="`aws ec2 describe-subnets` lists this region's subnets"
            ) from error
        raise
    vpcs = sorted({str(one["VpcId"]) for one in listed})
    within = [{"Name": "vpc-id", "Values": vpcs}]
    tables = list(aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=within))
    endpoints = [one for one in _listed(aws, within) if one.get("ServiceName") == _service(aws)]
    return tuple(
        _plan(vpc, [str(one["SubnetId"]) for one in listed if one["VpcId"] == vpc], tables, endpoints) for vpc in vpcs
    )


def _plan(
    vpc: str, subnets: Sequence[str], tables: Sequence[Mapping[str, Any]], endpoints: Sequence[Mapping[str, Any]]
) -> EndpointPlan:
    wanted: dict[str, None] = {}
    for subnet in subnets:
        own = [one for one in tables if any(a.get("SubnetId") == subnet for a in one.get("Associations") or ())]
        main = [
            one
            for one in tables
            if one.get("VpcId") == vpc and any(a.get("Main") for a in one.get("Associations") or ())
        ]
        if not own and not main:
            raise PreflightError(f"{subnet} has no route table that is listed", hint="allow ec2:DescribeRouteTables")
        wanted[str((own or main)[0]["RouteTableId"])] = None
    has = {str(table) for one in endpoints if one.get("VpcId") == vpc for table in one.get("RouteTableIds") or ()}
    return EndpointPlan(
        vpc=vpc,
        missing=tuple(table for table in wanted if table not in has),
        served=tuple(table for table in wanted if table in has),
    )


def create(aws: Aws, planned: EndpointPlan, given: Mapping[str, str]) -> str:
    """The endpoint's id. `given`: the tags of the configuration. AwsCallError where AWS refuses."""
    mine = {**given, tags.TAG_ACCOUNT: aws.identity().account, "Name": S3_ENDPOINT}
    made = aws.call(
        "ec2",
        "create_vpc_endpoint",
        VpcId=planned.vpc,
        ServiceName=_service(aws),
        VpcEndpointType="Gateway",
        RouteTableIds=list(planned.missing),
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags.upper(mine)}],
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def ours(aws: Aws) -> tuple[tuple[str, str], ...]:
    """Ids and VPCs of those that this tool has made in the region."""
    marks = [
        {"Name": f"tag:{tags.TAG_ACCOUNT}", "Values": [aws.identity().account]},
        {"Name": "tag:Name", "Values": [S3_ENDPOINT]},
    ]
    return tuple((str(one["VpcEndpointId"]), str(one["VpcId"])) for one in _listed(aws, marks))


def remove(aws: Aws) -> tuple[str, ...]:
    """The ids of those that are gone. AwsCallError for one that could not be deleted: the call itself answers 200."""
    mine = [identity for identity, _ in ours(aws)]
    if not mine:
        return ()
    answer = aws.call("ec2", "delete_vpc_endpoints", VpcEndpointIds=mine)
    for one in answer.get("Unsuccessful") or ():
        error = one.get("Error") or {}
        raise AwsCallError(
            f"{one.get('ResourceId')} could not be deleted: {error.get('Message')} ({error.get('Code')})",
            code=str(error.get("Code")),
            operation="DeleteVpcEndpoints",
        )
    return tuple(mine)


def _listed(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that are at their end, which EC2 goes on to list for a while."""
    listed = aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
    return [one for one in listed if str(one.get("State", "")).lower() not in _AT_ITS_END]


def _service(aws: Aws) -> str:
    return f"{partition.of_region(aws.region).service_prefix}.{aws.region}.s3"
