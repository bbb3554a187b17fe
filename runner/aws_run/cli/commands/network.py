"""`aws-run network`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.confirm import confirm_removal
from aws_run.cli.help_text import WholeSentences
from aws_run.cli.options import aws_options, project_options, setting
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.config.options import option_of

_COST = "$0.00 while nothing runs in it; a run's public address costs what it costs in a default VPC"


@click.group(cls=WholeSentences)
def network() -> None:
    """A network for runs, in regions whose default VPC is gone.

    Runs find it without an option. It belongs to the account, not to a project.
    """


@network.command()
@click.option(
    "--zones", type=click.IntRange(1, 6), default=2, show_default=True, metavar="N",
    help="In how many zones it has a subnet: more zones offer more types of machines.",
)  # fmt: skip
@setting(option_of("tags"))
@click.option("--dry-run", is_flag=True, help="Only show what would be made.")
@project_options
@aws_options
def create(*, zones: int, dry_run: bool, **flags: Any) -> int:
    """Make it: public subnets, an internet gateway and a way to S3; nothing of it bills while it is idle.

    The tags of this folder's aws-run.yaml go onto all of it.
    """
    from aws_run.report.tables import table
    from aws_run.usecases import network as networks

    with session(flags) as here:
        plan = networks.plan_create(here.context, here.tags, zones=zones)
        made = None if dry_run or plan.action == "reuse" else networks.create(here.context, plan)
        if here.as_json:
            parts = plan.parts if made is None else made
            here.print_json({"action": plan.action, "made": made is not None, "cost_usd_per_hour": 0.0, **_data(parts)})
            return 0
        if plan.action == "reuse":
            say("the network exists and is complete: nothing to make")
            here.say_next("aws-run network show")
            return 0
        table("", ("part", "would be made" if made is None else "made"), plan.parts if made is None else made)
        say(f"cost: {_COST}")
        here.say_next("aws-run network create" if dry_run else "aws-run submit")
    return 0


@network.command()
@project_options
@aws_options
def show(**flags: Any) -> int:
    """Show what it consists of."""
    from aws_run.report.tables import table
    from aws_run.usecases import network as networks

    with session(flags) as here:
        seen = networks.show(here.context)
        if here.as_json:
            there = {"there": False} if seen is None else {"there": True, "whole": seen[1], **_data(seen[0])}
            here.print_json(there)
            return 0
        if seen is None:
            say("there is no network of aws-run's own in this region")
            return 0
        parts, whole = seen
        table("", ("part", "id"), parts)
        if not whole:
            say("a part is missing")
            here.say_next("aws-run network create")
    return 0


@network.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@project_options
@aws_options
def remove(yes: bool, **flags: Any) -> int:
    """Remove it. What somebody else has put into its VPC stays, and keeps the VPC."""
    from aws_run.cli import removal
    from aws_run.lifecycle.end import teardown
    from aws_run.usecases import network as networks

    with session(flags) as here:
        if not yes:
            at_stake = "All projects of the account may run in this network"
            confirm_removal("Remove the network of this account and region?", at_stake=at_stake, reporter=here.reporter)
        removed = networks.remove_network(here.context)
        if here.as_json:
            here.print_json(removal.data(removed))
        elif not removed:
            say("there is no network of aws-run's own in this region")
        teardown.TeardownResult(removed=removed, kept=()).raise_if_failed(removal.region(here))
    return 0


@network.command("s3-endpoint")
@setting(option_of("network.subnets"))
@click.option("--remove", "removing", is_flag=True, help="Remove those that this command has made in the region.")
@click.option("--dry-run", is_flag=True, help="Only show what would be made or removed.")
@setting(option_of("tags"))
@project_options
@aws_options
def s3_endpoint(*, removing: bool, dry_run: bool, **flags: Any) -> int:
    """Give your own subnets a free way to S3, past the NAT gateway that charges for each GB.

    A gateway endpoint takes the route to S3 of the subnets' route tables, so it changes it for all that is in them.
    """
    from aws_run.report.tables import table
    from aws_run.usecases import s3_endpoint as endpoints

    with session(flags) as here:
        if removing:
            gone = endpoints.ours(here.context) if dry_run else endpoints.remove(here.context)
            if here.as_json:
                here.print_json(
                    {"removed": [] if dry_run else list(gone), "would_remove": list(gone) if dry_run else []}
                )
            else:
                table("", ("would be removed" if dry_run else "removed",), [(one,) for one in gone])
            return 0
        done = endpoints.create(here.context, here.subnets, here.tags, dry_run=dry_run)
        if here.as_json:
            here.print_json(
                {"cost_usd_per_hour": 0.0, "dry_run": dry_run, "endpoints": [one.to_json() for one in done]}
            )
            return 0
        rows = [(one.vpc, ", ".join(one.tables), one.endpoint or ("to make" if one.makes else "there")) for one in done]
        table("", ("vpc", "route tables", "endpoint"), rows)
        say("cost: $0.00; nothing that goes to S3 from these subnets passes a NAT gateway any more")
        if any(one.endpoint for one in done):
            here.say_next("aws-run network s3-endpoint --remove")
    return 0


def _data(parts: Any) -> dict[str, Any]:
    return {"parts": [{"part": part, "id": name} for part, name in parts]}
