"""What EC2 offers for a job: types that fit, ranked by price, the zones that have them, the quota, the machine image.
Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

from aws_run.amounts import money
from aws_run.aws.session import Aws
from aws_run.backends import network
from aws_run.backends.ec2 import ladder, quotas
from aws_run.config import SpotPolicy
from aws_run.errors import AwsCallError, PreflightError, UsageError
from aws_run.frozen import frozen
from aws_run.hints import command
from aws_run.pricing import burstable, hardware, known_prices, offers, packaged
from aws_run.pricing.catalogue import Catalogue, InstanceType
from aws_run.pricing.offers import Choice
from aws_run.pricing.prices import Prices, Rate, RegionRates
from aws_run.runs.record import HardwareEntry
from aws_run.runs.spec import JobSpec, NetworkPlacement, Offer, Rung

NAME = "ec2"
_DEFAULT_DISK_GIB = 40
_AMI_MIN_DISK_GIB = 30
_AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/{variant}recommended/image_id"


@frozen
class Market:
    """All that was read of one request: what fits and where, and what it costs."""

    types: tuple[InstanceType, ...]
    placement: NetworkPlacement
    zones: Mapping[str, tuple[str, ...]]  # of each type, within the placement
    on_demand: Mapping[str, Rate]
    spot: Mapping[tuple[str, str], Rate]
    rates: RegionRates
    disk_gib: int
    note: str | None = None  # what was named and left out

    def choices(self, policy: SpotPolicy) -> tuple[Choice, ...]:
        beside = offers.ec2_beside(self.rates, disk_gib=self.disk_gib, public_ip=self.placement.public_ip)
        return offers.ec2_choices(
            self.types, zones=self.zones, on_demand=self.on_demand, spot=self.spot, policy=policy, beside=beside
        )

    def spot_bound(self, choices: Sequence[Choice], names: Sequence[str], job: JobSpec) -> str | None:
        """What the run pays for a spot machine at most; None without a limit, and where on-demand may take its
        place."""
        limits = job.limits
        if job.spot_policy != "spot" or (limits.max_cost_usd is None and limits.max_price_usd_per_hour is None):
            return None
        limit = limits.max_price_usd_per_hour
        beside = offers.ec2_beside(self.rates, disk_gib=self.disk_gib, public_ip=self.placement.public_ip)
        most = offers.spot_bound(
            choices, names, max_usd_per_hour=None if limit is None else Decimal(str(limit)), beside=beside
        )
        return None if most is None else f"{most:f}"


class Ec2Offers:
    def __init__(self, aws: Aws, *, catalogue: Catalogue, prices: Prices, quotas: quotas.Quotas) -> None:
        self._aws = aws
        self._quotas = quotas
        self._catalogue = catalogue
        self._prices = prices

    def inspect(self, job: JobSpec) -> Offer:
        wanted = job.resources
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ec2-image") as pool:
            # A GPU type that was named needs the GPU image: its types have to be known first.
            early = (
                None if wanted.instance_types else pool.submit(self._image_id, gpu=bool(wanted.gpu), arch=wanted.arch)
            )
            market = self.market(job)
            spot = job.spot_policy != "on-demand"
            priced, unpriced = known_prices.with_known_price(market.choices(job.spot_policy), job)
            choices = _affordable(priced, job)
            if wanted.instance_types:  # best first, as their user wrote them
                choices = tuple(sorted(choices, key=lambda one: wanted.instance_types.index(one.name)))
            best = choices[0]
            quota = self._check_quota(best, market, job)
            named = bool(wanted.instance_types)
            names = offers.group_types(choices, spot=spot and any(one.spot for one in choices), named=named)
            usable = [kind for name in names for kind in market.types if kind.name == name]
            # A GPU type that was named is rented for its GPUs, requested or not.
            gpus = wanted.gpu.count if wanted.gpu else min(kind.gpus for kind in usable)
            image_id = early.result() if early else self._image_id(gpu=gpus > 0, arch=wanted.arch)
        rungs = self._ladder(job, choices, names, usable)
        launched = tuple(dict.fromkeys((*names, *(name for rung in rungs for name in rung.instance_types))))
        zones = {zone for name in launched for zone in market.zones[name]}
        return Offer(
            ladder=rungs,
            network=_within(market.placement, zones),
            machine_image=image_id,
            why=f"{_why(choices, named=named)}{quota}",
            notes=tuple(
                note
                for note in (
                    hardware.open_note(wanted),
                    market.note,
                    known_prices.left_out_note(unpriced),
                    self._catalogue.note,
                    self._prices.note,
                )
                if note
            ),
            hardware=HardwareEntry(
                backend=NAME,
                description=_describe(usable[0], spot, len(usable)),
                # The task must fit the smallest of the choices (aws-facts §2).
                vcpu=min(kind.vcpu for kind in usable),
                memory_mib=min(kind.usable_memory_mib for kind in usable),
                gpus=gpus,
                instance_types=names,
                spot=spot,
                disk_gib=market.disk_gib,
                arch=wanted.arch,
                spot_max_usd_per_hour=market.spot_bound(choices, names, job),
                rates=offers.ec2_rates(
                    launched,
                    sorted(zones),
                    market.on_demand,
                    market.spot if spot else {},
                    market.rates,
                    public_ip=market.placement.public_ip,
                    nat=bool(market.placement.s3_by_nat),
                ),
            ),
        )

    def _ladder(
        self, job: JobSpec, choices: Sequence[Choice], names: Sequence[str], usable: Sequence[InstanceType]
    ) -> tuple[Rung, ...]:
        """With `--max-cost` nothing dearer than the first choices: its time is reckoned with the dearest."""
        dearest = max((_most_usd(one, "auto") for one in choices if one.name in names), default=Decimal("Infinity"))

        def holds(one: Choice) -> bool:
            return (
                one.vcpu >= min(kind.vcpu for kind in usable)
                and one.usable_memory_mib >= min(kind.usable_memory_mib for kind in usable)
                and one.gpus >= min(kind.gpus for kind in usable)
                and (job.limits.max_cost_usd is None or _most_usd(one, "auto") <= dearest)
            )

        named = bool(job.resources.instance_types)
        return ladder.ladder(choices, names, job.spot_policy, named=named, holds=holds)

    def all(self, job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
        """Every choice, whatever it costs, and sentences on what they stand on."""
        market = self.market(job)
        notes = (market.note, self._catalogue.note, self._prices.note)
        return market.choices(job.spot_policy), tuple(note for note in notes if note)

    def market(self, job: JobSpec) -> Market:
        """PreflightError or UsageError where nothing fits, or no zone of the network has it."""
        with ThreadPoolExecutor(max_workers=3, thread_name_prefix="ec2-market") as pool:
            placed = pool.submit(network.find, self._aws, job, agent=True)
            flat = pool.submit(self._prices.region_rates)
            known = [kind.name for kind in packaged.load().types]
            everything = self._catalogue.types(job.resources)
            types = hardware.fitting(job, everything, known)
            absent = hardware.missing(job, everything)
            names = [kind.name for kind in types]
            offered = pool.submit(self._catalogue.zones, names)
            # Of on-demand too: it is what spot costs at most.
            on_demand = pool.submit(self._prices.on_demand, names)
            spot = self._prices.spot(names) if job.spot_policy != "on-demand" else {}
            placement, everywhere = placed.result(), offered.result()
            zones = {
                name: tuple(zone for zone in placement.zones if zone in everywhere.get(name, ())) for name in names
            }
            if not any(zones.values()):
                shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
                raise PreflightError(
                    f"{shown}: not offered in {', '.join(placement.zones)}",
                    hint="try another --region, other --subnets, or another --instance-type",
                )
            return Market(
                types=types,
                placement=placement,
                zones=zones,
                on_demand=burstable.at_full_load(
                    on_demand.result(), {kind.name: kind.vcpu for kind in types}, [n for n in names if zones[n]]
                ),
                spot=spot,
                rates=flat.result(),
                disk_gib=max(job.resources.disk_gib or _DEFAULT_DISK_GIB, _AMI_MIN_DISK_GIB),
                note=f"left out: {self._aws.region} has no {' and no '.join(absent)}" if absent else None,
            )

    def _check_quota(self, best: Choice, market: Market, job: JobSpec) -> str:
        """A quota of 0 is the rule for GPUs in a new account, and its other quotas are small: that is told before
        anything is built. How much of it the choice takes, for the plan; empty where nobody knows."""
        markets = {"spot": (True,), "on-demand": (False,), "auto": (True, False)}[job.spot_policy]
        short = self._quotas.look(best, markets)
        if short is None:
            return ""
        if short.free >= best.vcpu:
            return f"; {best.vcpu:g} of {short.free:g} vCPUs of the account's quota"
        used = f", of which {short.used:g} are in use" if short.used else ""
        near = self._quotas.nearest(_within_limit(market.choices("auto"), job), short)
        link = quotas.link(self._aws.region, "ec2", short.code)
        hint = "raise it: " + command("quota", "request", short.code) + f" (or {link})"
        raise PreflightError(
            f"{best.name} needs {best.vcpu:g} vCPUs, and this account may use {short.limit:g} ({short.name}){used}",
            hint=f"{_take(near)}, or " + hint if near is not None else hint,
        )

    def _image_id(self, *, gpu: bool, arch: str) -> str:
        variant = "gpu/" if gpu else "arm64/" if arch == "arm64" else ""
        if gpu and arch == "arm64":
            raise PreflightError("There is no ECS machine image for GPUs on arm64", hint="use --arch x86_64")
        name = _AMI.format(variant=variant)
        try:
            return str(self._aws.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"])
        except AwsCallError as error:
            if error.code == "ParameterNotFound":
                raise PreflightError(
                    f"ECS has no machine image for this in {self._aws.region} ({name})", hint="try another --region"
                ) from error
            raise


def _take(near: Choice) -> str:
    price = (
        ""
        if near.usd_per_hour is None
        else f" at {'at most ' if near.at_most else ''}{money(near.usd_per_hour)} an hour"
    )
    flags = f"--instance-type {near.name} --spot-policy {'spot' if near.spot else 'on-demand'}"
    return f"inside the quotas the nearest is {near.name} {'spot' if near.spot else 'on demand'}{price}: {flags}"


def _within_limit(choices: tuple[Choice, ...], job: JobSpec) -> tuple[Choice, ...]:
    limit = job.limits.max_price_usd_per_hour
    return tuple(
        one
        for one in choices
        if limit is None or _most_usd(one, "spot" if one.spot else "on-demand") <= Decimal(str(limit))
    )


def _affordable(choices: tuple[Choice, ...], job: JobSpec) -> tuple[Choice, ...]:
    """Without those over `--max-price`, which bounds all of an hour, or without a known price. UsageError, with the
    cheapest, where none is left. Where nobody knows the most that any may cost whoever keeps the limits refuses them
    (budget.py)."""
    limit = job.limits.max_price_usd_per_hour
    if limit is None or not any(_most_usd(one, job.spot_policy).is_finite() for one in choices):
        return choices
    within = tuple(one for one in choices if _most_usd(one, job.spot_policy) <= Decimal(str(limit)))
    if not within:
        cheapest = min(choices, key=lambda one: _most_usd(one, job.spot_policy))
        market = {"spot": "spot", "on-demand": "on demand", "auto": "on demand, which `auto` may take"}[job.spot_policy]
        most = _most_usd(cheapest, job.spot_policy)
        hour = f"{money(most)} with its disk and address" if most.is_finite() else "a price that is not known"
        raise UsageError(
            f"Nothing that fits costs at most ${limit:g} an hour",
            hint=f"the cheapest is {cheapest.name} {market} at {hour}",
        )
    return within


def _most_usd(choice: Choice, policy: SpotPolicy) -> Decimal:
    """What an hour of a choice may come to: with `auto` on-demand may take the place of spot."""
    hour, machine, base = choice.usd_per_hour, choice.machine_usd_per_hour, choice.on_demand_usd_per_hour
    if hour is None or machine is None or (policy == "auto" and base is None):
        return Decimal("Infinity")
    return hour - machine + base if policy == "auto" and base is not None else hour


def _within(placement: NetworkPlacement, zones: set[str]) -> NetworkPlacement:
    keep = [index for index, zone in enumerate(placement.zones) if zone in zones]
    return replace(
        placement,
        subnets=tuple(placement.subnets[index] for index in keep),
        zones=tuple(placement.zones[index] for index in keep),
        s3_by_nat=tuple(placement.subnets[index] for index in keep if placement.subnets[index] in placement.s3_by_nat),
    )


def _why(choices: Sequence[Choice], *, named: bool) -> str:
    """One sentence: what was compared, and what the first saves against the next."""
    best = choices[0]
    if named:
        return f"{best.name} is the first of the types that were named"
    if best.usd_per_hour is None:
        return f"{best.name} is the first of {len(choices)} that fit; their prices are not known"
    market = "spot" if best.spot else "on demand"
    others = [one for one in choices[1:] if one.usd_per_hour]
    text = f"{best.name} {market} at {money(best.usd_per_hour)} an hour is the cheapest of {len(choices)} offers"
    if not others or others[0].usd_per_hour is None:
        return text
    saved = 1 - best.usd_per_hour / others[0].usd_per_hour
    beside = f"{others[0].name} {'spot' if others[0].spot else 'on demand'}"
    text += f"; {saved:.0%} less than {beside}" if saved >= Decimal("0.005") else f"; {beside} costs the same"
    if best.spot and best.on_demand_usd_per_hour and best.machine_usd_per_hour:
        text += f", {1 - best.machine_usd_per_hour / best.on_demand_usd_per_hour:.0%} less than on demand"
    return text


def _describe(first: InstanceType, spot: bool, choices: int) -> str:
    gpu = f", {first.gpus} x {first.gpu_model}" if first.gpus else ""
    more = f" or one of {choices - 1} similar types" if choices > 2 else " or a similar type" if choices > 1 else ""
    return f"{first.name} ({first.vcpu} vCPU, {first.memory_mib / 1024:g} GB{gpu}{', spot' if spot else ''}){more}"
