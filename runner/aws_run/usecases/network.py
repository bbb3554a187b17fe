"""`aws-run network`: the account's network in a region that has no default VPC."""

from __future__ import annotations

from collections.abc import Mapping

from aws_run.errors import AwsRunError, UsageError
from aws_run.frozen import frozen
from aws_run.hints import command, quoted
from aws_run.infra import apply, desired
from aws_run.infra.remove import Removal, remove
from aws_run.infra.resource_types.network import Network, describe
from aws_run.infra.resources import ref
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.report.format import count

Parts = tuple[tuple[str, str], ...]  # what each part is, and its name or id


@frozen
class NetworkPlan:
    """`action`: `create`, `complete` (a part is missing) or `reuse`. `parts`: what there will be."""

    action: str
    network: Network
    parts: Parts


def plan_create(context: AppContext, tags: Mapping[str, str], *, zones: int) -> NetworkPlan:
    """Reads only. UsageError where runs have the region's default VPC."""
    aws = context.aws
    identity = aws.identity()
    default = aws.call("ec2", "describe_subnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    if default:
        raise UsageError(
            f"{identity.region} has a default VPC, {default[0]['VpcId']}, and runs use that",
            hint="submit without --subnets; a network of aws-run's own is for regions without a default VPC",
        )
    wanted = desired.network(tags, account=identity.account, region=identity.region, zones=zones)
    there = describe(aws, wanted)
    action = "create" if there is None else "reuse" if there.whole else "complete"
    return NetworkPlan(action=action, network=wanted, parts=planned(wanted))


def planned(network: Network) -> Parts:
    zones = f"in {network.zones} zone{'s' if network.zones > 1 else ''}"
    return (
        ("VPC", f"{network.name}, 10.0.0.0/16"),
        ("public subnets", f"{network.zones}, {zones}"),
        ("internet gateway", "with a default route to it"),
        ("S3 gateway endpoint", "what goes to S3 stays inside AWS"),
    )


def create(context: AppContext, plan: NetworkPlan) -> Parts:
    """What is there then. A creation that fails leaves what it has made: the next one goes on with it."""
    try:
        apply.create(context.aws, plan.network, context.clock)
    except AwsRunError as error:
        error.hint = error.hint or quoted("network", "create") + " goes on where this stopped"
        raise
    made = describe(context.aws, plan.network)
    return made.parts if made else ()


def show(context: AppContext) -> tuple[Parts, bool] | None:
    """Its parts, and whether none is missing; None: there is none in this region."""
    identity = context.aws.identity()
    wanted = desired.network({}, account=identity.account, region=identity.region, zones=1)
    seen = describe(context.aws, wanted)
    return None if seen is None else (seen.parts, seen.whole)


def remove_network(context: AppContext) -> tuple[Removal, ...]:
    """AwsRunError while runs of this account are alive: they may stand on it."""
    identity = context.aws.identity()
    store = lookup.store(context)
    live = store.locks.live() if store.exists() else ()
    if live:
        raise AwsRunError(
            f"{count(len(live), 'run')} of this account may use the network: {', '.join(live)}",
            hint=command("cancel", next(iter(live))),
        )
    wanted = desired.network({}, account=identity.account, region=identity.region)
    if apply.absent(context.aws, ref(wanted)):
        return ()
    return remove(context.aws, [ref(wanted)], context.clock, context.emit)
