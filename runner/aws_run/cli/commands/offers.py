"""`aws-run offers`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import OFFER_FLAGS, aws_options, file_options, some_run_options
from aws_run.cli.types import PATH

if TYPE_CHECKING:
    from aws_run.usecases.offers import RankedOffer

_SHOWN = 15


@click.command()
@click.argument("path", type=PATH, default=".")
@file_options
@some_run_options(OFFER_FLAGS)
@click.option(
    "--for", "duration", metavar="TIME", default="1h", help="How long the job is going to run.  [default: 1h]"
)
@click.option("-a", "--all", "everything", is_flag=True, help=f"List all offers, not only the {_SHOWN} cheapest.")
@aws_options
def offers(path: Path, duration: str, everything: bool, **flags: Any) -> int:
    """Rank the hardware that fits a request by its price: EC2 and Fargate, on demand and spot.

    With an aws-run.yaml in PATH its settings hold as they do for a submit. Nothing is made.
    """
    from aws_run.cli import compose
    from aws_run.cli.say import result_json, say
    from aws_run.config import units
    from aws_run.errors import UsageError
    from aws_run.hints import reaching
    from aws_run.report import make_reporter
    from aws_run.report.tables import table
    from aws_run.usecases.offers import offers as find

    try:
        duration_s = units.duration_s(duration)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    as_json, debug, local = flags.pop("as_json"), flags.pop("debug"), flags.pop("local")
    config = compose.load(path, flags.pop("file"), flags, for_run=False)
    with (
        make_reporter("json" if as_json else "auto", debug=debug) as reporter,
        compose.open_target(local, flags=flags) as target,
    ):
        aws = compose.open_aws(region=config.region, profile=config.profile, local=local)
        offered = find(config, compose.make_context(aws, reporter.emit, target), duration_s=duration_s)
    if as_json:
        result_json(
            {
                "duration_s": offered.duration_s,
                "region": aws.region,
                "offers": [as_data(one) for one in offered.offers],
                "notes": [reaching(note, target.flag) for note in offered.notes],
            }
        )
        return 0
    shown = offered.offers if everything else offered.offers[:_SHOWN]
    if not everything:
        shown += tuple(one for one in offered.offers[_SHOWN:] if one.taken)
    table("", columns_for(duration_s), [row_of(one) for one in shown])
    left = len(offered.offers) - len(shown)
    if left:
        say(f"{left} more offers: --all lists them")
    say(
        "*: what `aws-run submit` takes; !: over --max-price or the quota; prices with disk and address; "
        "quota: of the free vCPUs; how often AWS takes spot machines back is not known"
    )
    for note in offered.notes:
        say(f"note: {reaching(note, target.flag)}")
    return 0


def columns_for(duration_s: float) -> tuple[str, ...]:
    from aws_run.report.format import seconds

    whole = f"for {seconds(duration_s).removesuffix(' 00m')}"
    return ("", "type", "market", "zones", "vcpu", "memory", "gpu", "an hour", whole, "quota")


def row_of(one: RankedOffer) -> tuple[str, ...]:
    from aws_run.report.format import money

    return (
        "!" if not one.within or _over_quota(one) else "*" if one.taken else "",
        one.choice.name,
        "spot" if one.choice.spot else "on demand",
        _zones(one),
        f"{one.choice.vcpu:g}",
        f"{one.choice.memory_mib / 1024:g} GB",
        f"{one.choice.gpus} x {one.choice.gpu_model}" if one.choice.gpus else "",
        _hour(one),
        money(one.expected_usd) if one.expected_usd is not None else "not known",
        _quota(one),
    )


def _zones(one: RankedOffer) -> str:
    """Of spot the zone with that price, else how many there are."""
    return one.choice.zone_of_price or f"{len(one.choice.zones)}"


def _hour(one: RankedOffer) -> str:
    if one.choice.usd_per_hour is None:
        return "not known"
    from aws_run.report.format import money

    return f"{'at most ' if one.choice.at_most else ''}{money(one.choice.usd_per_hour)}"


def _over_quota(one: RankedOffer) -> bool:
    return one.quota is not None and one.quota.free < one.choice.vcpu


def _quota(one: RankedOffer) -> str:
    if one.quota is None:
        return ""
    return f"{one.choice.vcpu:g} of {one.quota.free:g}"


def as_data(one: RankedOffer) -> dict[str, Any]:
    """Money as text, so that no digit is lost."""
    choice, quota = one.choice, one.quota
    return {
        "backend": choice.backend,
        "type": choice.name,
        "market": "spot" if choice.spot else "on-demand",
        "zones": list(choice.zones),
        "vcpu": choice.vcpu,
        "memory_mib": choice.memory_mib,
        "usable_memory_mib": choice.usable_memory_mib,
        "arch": choice.arch,
        "gpus": choice.gpus,
        "gpu_model": choice.gpu_model,
        "usd_per_hour": None if choice.usd_per_hour is None else f"{choice.usd_per_hour:.8f}",
        "at_most": choice.at_most,
        "expected_usd": None if one.expected_usd is None else f"{one.expected_usd:.6f}",
        "price_source": choice.source,
        "priced_on": choice.as_of,
        "interruption": None,
        "quota": None
        if quota is None
        else {"code": quota.code, "name": quota.name, "limit": quota.limit, "used": quota.used, "free": quota.free},
        "within_max_price": one.within,
        "taken": one.taken,
    }
