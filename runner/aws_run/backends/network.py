"""Subnets and security groups: those that were named, the default VPC's, or those of aws-run's own network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from aws_run import partition
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.backends import fargate_zones, routes
from aws_run.errors import AwsCallError, PreflightError
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.infra.resource_types import network
from aws_run.runs.spec import JobSpec, NetworkPlacement

# What a task calls before and while it runs (ECS's guide, "Amazon ECS interface VPC endpoints"): image's layers lie in
# S3. An ECS agent needs ECS's own three besides.
TASK_SERVICES = ("ecr.api", "ecr.dkr", "logs", "s3")
AGENT_SERVICES = ("ecs", "ecs-agent", "ecs-telemetry")


def find_for(aws: Aws, job: JobSpec, backend: str) -> NetworkPlacement:
    """`find`, as the backend of that name does it."""
    return find(aws, job, agent=backend == "ec2")


def find(aws: Aws, job: JobSpec, *, agent: bool) -> NetworkPlacement:
    """Where the job's machine goes. `agent`: the machine is one of ours, with an ECS agent on it.

    One call where there is a default VPC with public subnets; else also the routes and, where these lead nowhere, the
    VPC's endpoints are read. PreflightError when there is no network, a named subnet is not there, or nothing leads
    from a subnet to what a run needs.
    """
    wanted = job.network
    own = False
    notes: tuple[str, ...] = ()
    try:
        if wanted.subnets:
            subnets = aws.call("ec2", "describe_subnets", SubnetIds=list(wanted.subnets))["Subnets"]
        else:
            subnets = _with(aws, [{"Name": "default-for-az", "Values": ["true"]}])
            if not subnets:
                subnets = _with(aws, network.marked(aws.identity().account))
                own = bool(subnets)
                # Two clients that made it at the same moment may have left a second one.
                first = min((str(subnet["VpcId"]) for subnet in subnets), default="")
                subnets = [subnet for subnet in subnets if subnet["VpcId"] == first]
    except AwsCallError as error:
        if error.code in ("InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "InvalidSubnetID.Malformed"):
            raise PreflightError(
                f"{error.message}", hint="`aws ec2 describe-subnets` lists this region's subnets"
            ) from error
        raise
    if not subnets:
        raise PreflightError(
            f"There is no default VPC in {aws.region}, so there is nowhere to run",
            hint=quoted("network", "create")
            + " makes a network that costs nothing while it is idle, or pass --subnets of your own",
        )
    if not agent:
        subnets, unfit = _with_fargate(subnets)
        notes += unfit
    subnets.sort(key=lambda subnet: subnet["AvailabilityZone"])
    # Without a route of its own to ECR and S3 a task needs a public address: where the subnets give one, so do we.
    gives_one = all(subnet.get("MapPublicIpOnLaunch") for subnet in subnets)
    public = {"yes": True, "no": False, "auto": gives_one}[wanted.public_ip]
    nat: tuple[tuple[str, str], ...] = ()
    if own:
        shown = quoted("network", "show") + " tells of it"
        notes += (f"it runs in aws-run's own network, {subnets[0]['VpcId']}; " + shown,)
    if wanted.subnets or own or not public:
        seen = _check(aws, subnets, services(job, agent=agent), public_ip=public)
        notes, nat = notes + seen.notes, seen.s3_by_nat
    return NetworkPlacement(
        subnets=tuple(subnet["SubnetId"] for subnet in subnets),
        zones=tuple(subnet["AvailabilityZone"] for subnet in subnets),
        security_groups=wanted.security_groups,
        public_ip=public,
        notes=notes,
        s3_by_nat=tuple(subnet for subnet, _ in nat),
        nat_gateway=nat[0][1] if nat else "",
    )


def services(job: JobSpec, *, agent: bool) -> tuple[str, ...]:
    """What a machine of the job must reach, as AWS names these services in VPC endpoints."""
    secrets = {"secretsmanager" if ":secretsmanager:" in arn else "ssm" for arn in job.secrets.values()}
    return (*TASK_SERVICES, *(AGENT_SERVICES if agent else ()), *sorted(secrets))


def _with_fargate(subnets: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Those in zones that have Fargate, and a sentence on the others. PreflightError where none is left."""
    there = [one for one in subnets if fargate_zones.has_fargate(str(one.get("AvailabilityZoneId") or ""))]
    if len(there) == len(subnets):
        return subnets, ()
    without = _and(sorted({str(one["AvailabilityZone"]) for one in subnets if one not in there}))
    if not there:
        raise PreflightError(
            f"Fargate is not in {without}, and no subnet is in another zone",
            hint="name subnets of other zones with --subnets, or use --backend ec2",
        )
    return there, (f"its subnets in {without} are left out: Fargate is not there",)


def _with(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    subnets: list[dict[str, Any]] = aws.call("ec2", "describe_subnets", Filters=filters)["Subnets"]
    return subnets


@frozen
class _Seen:
    """`notes`: sentences for the plan. `s3_by_nat`: subnets whose way to S3 is a NAT gateway, and which."""

    notes: tuple[str, ...] = ()
    s3_by_nat: tuple[tuple[str, str], ...] = ()


def _check(aws: Aws, subnets: Sequence[dict[str, Any]], needs: tuple[str, ...], *, public_ip: bool) -> _Seen:
    """PreflightError where nothing leads from a subnet to what the run needs."""
    vpcs = [{"Name": "vpc-id", "Values": sorted({str(subnet["VpcId"]) for subnet in subnets})}]
    try:
        tables = list(aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=vpcs))
        ways = [(one, routes.way_out(routes.table_of(one, tables), public_ip=public_ip)) for one in subnets]
        closed = [(one, way) for one, way in ways if way.leads != "out"]
        by_nat = [(one, way) for one, way in ways if way.leads == "out" and way.target.startswith("nat-")]
        if not closed and not by_nat:
            return _Seen()
        endpoints = list(aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=vpcs))
    except AwsCallError as error:
        if error.code not in DENIED:
            raise
        return _Seen(
            notes=(f"nobody has checked that the subnets lead to ECR, S3 and CloudWatch Logs: {error.message}",)
        )
    notes = []
    for subnet, way in closed:
        missing = routes.without_endpoint(needs, subnet=subnet, table=way.table, endpoints=endpoints, region=aws.region)
        if not missing:
            continue
        if way.leads != "elsewhere":
            raise _closed(aws.region, subnet, way, missing)
        notes.append(
            f"{subnet['SubnetId']} has no endpoint of its own for {_and(missing)}: {way.target} has to lead there"
        )
    charged = [
        (str(subnet["SubnetId"]), way.target)
        for subnet, way in by_nat
        if routes.without_endpoint(("s3",), subnet=subnet, table=way.table, endpoints=endpoints, region=aws.region)
    ]
    return _Seen(notes=tuple(notes), s3_by_nat=tuple(charged))


def _closed(region: str, subnet: dict[str, Any], way: routes.Way, missing: tuple[str, ...]) -> PreflightError:
    here = f"{subnet['SubnetId']} ({subnet['VpcId']})"
    if way.leads == "public-only":
        return PreflightError(
            f"From {here} a run reaches {_and(missing)} only with a public address, and it would have none: "
            f"{way.table} leads to {way.target}, and the VPC has no endpoints for them",
            hint="set network.public_ip to yes (AWS_RUN_PUBLIC_IP=yes), or name private subnets that lead to a NAT "
            "gateway",
        )
    why = f"{way.table} has no route to the internet"
    if way.lost:
        why = f"the default route of {way.table} leads to {way.lost}, which is no longer there"
    return PreflightError(
        f"Nothing leads from {here} to {_and(missing)}, which a run needs: {why}, and the VPC has no endpoints for "
        "them",
        hint=f"add a route to a NAT gateway, or endpoints: {_command(region, subnet, way, missing)}",
    )


def _command(region: str, subnet: dict[str, Any], way: routes.Way, missing: tuple[str, ...]) -> str:
    """What makes the first endpoint that is missing; the others differ by their service's name alone."""
    prefix = partition.of_region(region).service_prefix
    make = f"aws ec2 create-vpc-endpoint --region {region} --vpc-id {subnet['VpcId']}"
    first = missing[0]
    if first == "s3":  # a gateway costs nothing
        return f"{make} --service-name {prefix}.{region}.s3 --route-table-ids {way.table}"
    also = f" (the same for {_and(missing[1:])})" if missing[1:] else ""
    return (
        f"{make} --vpc-endpoint-type Interface --private-dns-enabled --service-name {prefix}.{region}.{first} "
        f"--subnet-ids {subnet['SubnetId']}{also}"
    )


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
