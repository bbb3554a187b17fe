"""Subnets and security groups: the default VPC's, or those that were named."""

from __future__ import annotations

from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError, PreflightError
from aws_run.runs.spec import JobSpec, NetworkPlacement


def find(aws: Aws, job: JobSpec) -> NetworkPlacement:
    """One call. PreflightError when there is no default VPC or a named subnet is not there."""
    wanted = job.network
    try:
        if wanted.subnets:
            subnets = aws.call("ec2", "describe_subnets", SubnetIds=list(wanted.subnets))["Subnets"]
        else:
            subnets = aws.call("ec2", "describe_subnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}])[
                "Subnets"
            ]
    except AwsCallError as error:
        if error.code in ("InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "InvalidSubnetID.Malformed"):
            raise PreflightError(
                f"{error.message}", hint="`aws ec2 describe-subnets` lists this region's subnets"
            ) from error
        raise
    if not subnets:
        region = aws.region
        raise PreflightError(
            f"There is no default VPC in {region}, so there is nowhere to run",
            hint=f"`aws ec2 create-default-vpc --region {region}` makes one (free), or pass --subnets of your own",
        )
    subnets.sort(key=lambda subnet: subnet["AvailabilityZone"])
    # Without a route of its own to ECR and S3 a task needs a public address: where the subnets give one, so do we.
    gives_one = all(subnet.get("MapPublicIpOnLaunch") for subnet in subnets)
    public = {"yes": True, "no": False, "auto": gives_one}[wanted.public_ip]
    return NetworkPlacement(
        subnets=tuple(subnet["SubnetId"] for subnet in subnets),
        zones=tuple(subnet["AvailabilityZone"] for subnet in subnets),
        security_groups=wanted.security_groups,
        public_ip=public,
    )
