"""From what fits and what it costs to a ranked list of offers. Pure.

An offer is hardware in one market: an EC2 type on demand or on spot, or a Fargate size. The cheapest hour comes first:
machine, disk and address together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal

from aws_run.config import SpotPolicy
from aws_run.frozen import frozen
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.prices import FARGATE_FREE_STORAGE_GIB, HOURS_A_MONTH, Rate, RegionRates
from aws_run.runs.record import RateEntry

NAT_GB = "nat-gateway-gb"
INSTANCE, GP3, IPV4 = "instance", "gp3", "public-ipv4"
FARGATE_VCPU, FARGATE_GB, FARGATE_STORAGE = "fargate-vcpu", "fargate-gb", "fargate-storage"
_ON_DEMAND_CHOICES, _ON_DEMAND_CEILING = 4, Decimal("1.5")
_SPOT_CHOICES, _SPOT_CEILING = 8, Decimal(2)
_SPOT_ROOM = Decimal("1.5")


@frozen
class Choice:
    """One offer. `zones`: where it is to be had, for spot the cheapest first. `usd_per_hour`: all of it; None where a
    price is not known. `at_most`: the price is a bound, since the market's own is not known."""

    backend: str
    name: str
    spot: bool
    zones: tuple[str, ...]
    vcpu: float
    memory_mib: int
    usable_memory_mib: int
    arch: str
    gpus: int = 0
    gpu_model: str | None = None
    machine_usd_per_hour: Decimal | None = None
    usd_per_hour: Decimal | None = None
    on_demand_usd_per_hour: Decimal | None = None  # of the machine alone, whatever the market
    source: str = ""
    as_of: str = ""
    at_most: bool = False
    free_plan: bool = False

    @property
    def zone_of_price(self) -> str | None:
        """The one zone that the price holds in: that of a spot machine of EC2."""
        return self.zones[0] if self.spot and not self.at_most and self.backend == "ec2" else None


@frozen
class Beside:
    """What comes with every machine: its disk, and its address if it has one. USD an hour; None where not known."""

    disk_usd_per_hour: Decimal | None
    address_usd_per_hour: Decimal | None

    @property
    def usd_per_hour(self) -> Decimal | None:
        return total(self.disk_usd_per_hour, self.address_usd_per_hour)


def total(*parts: Decimal | None) -> Decimal | None:
    """The sum; None if a part is not known, because the rest would look like the whole."""
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def ec2_beside(rates: RegionRates, *, disk_gib: int, public_ip: bool) -> Beside:
    gp3 = rates.gp3_gb_month
    return Beside(
        disk_usd_per_hour=None if gp3 is None else disk_gib * gp3.usd / HOURS_A_MONTH,
        address_usd_per_hour=_address(rates, public_ip),
    )


def ec2_choices(
    types: Sequence[InstanceType],
    *,
    zones: Mapping[str, Sequence[str]],
    on_demand: Mapping[str, Rate],
    spot: Mapping[tuple[str, str], Rate],
    policy: SpotPolicy,
    beside: Beside,
) -> tuple[Choice, ...]:
    """The offers of `types` that some zone has, cheapest first. `auto` has both markets. A spot price that is not
    known, and one above the on-demand price, count as the on-demand price: AWS charges no more."""
    choices = []
    for kind in types:
        here = tuple(zones.get(kind.name, ()))
        if not here:
            continue
        base = on_demand.get(kind.name)
        if policy != "spot":
            choices.append(_ec2(kind, spot=False, zones=here, rate=base, base=base, beside=beside))
        if policy != "on-demand":
            prices = {zone: spot[kind.name, zone] for zone in here if (kind.name, zone) in spot}
            cheapest = min(prices.values(), key=lambda rate: rate.usd, default=None)
            bounded = cheapest is None or (base is not None and cheapest.usd > base.usd)
            order = sorted(here, key=lambda zone: (prices[zone].usd if zone in prices else Decimal("Infinity"), zone))
            rate = base if bounded else cheapest
            choices.append(
                _ec2(kind, spot=True, zones=tuple(order), rate=rate, base=base, beside=beside, at_most=bounded)
            )
    return ranked(choices)


def _ec2(
    kind: InstanceType,
    *,
    spot: bool,
    zones: tuple[str, ...],
    rate: Rate | None,
    base: Rate | None,
    beside: Beside,
    at_most: bool = False,
) -> Choice:
    machine = rate.usd if rate else None
    return Choice(
        backend="ec2",
        name=kind.name,
        spot=spot,
        zones=zones,
        vcpu=kind.vcpu,
        memory_mib=kind.memory_mib,
        usable_memory_mib=kind.usable_memory_mib,
        arch=kind.arch,
        gpus=kind.gpus,
        gpu_model=kind.gpu_model,
        machine_usd_per_hour=machine,
        usd_per_hour=total(machine, beside.usd_per_hour),
        on_demand_usd_per_hour=base.usd if base else None,
        source=rate.source if rate else "",
        as_of=rate.as_of if rate else "",
        at_most=at_most,
        free_plan=kind.free_plan,
    )


def fargate_choice(
    rates: RegionRates,
    *,
    vcpu: float,
    memory_mib: int,
    disk_gib: int,
    arch: str,
    spot: bool,
    zones: Sequence[str],
    public_ip: bool,
) -> Choice:
    """One Fargate size. Where its Spot price is not known it counts as what Fargate itself costs."""
    plain = _fargate_usd(rates.fargate_vcpu_hour.get(arch), rates.fargate_gb_hour.get(arch), vcpu, memory_mib)
    processor, memory = rates.fargate_vcpu_hour.get(arch), rates.fargate_gb_hour.get(arch)
    bounded = False
    if spot:
        own = rates.fargate_spot_vcpu_hour.get(arch), rates.fargate_spot_gb_hour.get(arch)
        bounded = None in own
        processor, memory = (processor, memory) if bounded else own
    machine = _fargate_usd(processor, memory, vcpu, memory_mib)
    extra_gib = max(disk_gib - FARGATE_FREE_STORAGE_GIB, 0)
    storage = rates.fargate_storage_gb_hour
    disk = Decimal(0) if extra_gib == 0 else extra_gib * storage.usd if storage else None
    return Choice(
        backend="fargate",
        name="Fargate",
        spot=spot,
        zones=tuple(zones),
        vcpu=vcpu,
        memory_mib=memory_mib,
        usable_memory_mib=memory_mib,
        arch=arch,
        machine_usd_per_hour=machine,
        usd_per_hour=total(machine, disk, _address(rates, public_ip)),
        on_demand_usd_per_hour=plain,
        source=processor.source if processor else "",
        as_of=processor.as_of if processor else "",
        at_most=bounded,
    )


def _fargate_usd(processor: Rate | None, memory: Rate | None, vcpu: float, memory_mib: int) -> Decimal | None:
    return total(
        Decimal(str(vcpu)) * processor.usd if processor else None,
        Decimal(memory_mib) / 1024 * memory.usd if memory else None,
    )


def _address(rates: RegionRates, public_ip: bool) -> Decimal | None:
    if not public_ip:
        return Decimal(0)
    return rates.public_ipv4_hour.usd if rates.public_ipv4_hour else None


def ranked(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Cheapest first, those without a price last; at one price what can't be taken away goes before spot, and then the
    larger machine."""
    return tuple(
        sorted(
            choices,
            key=lambda one: (
                one.usd_per_hour is None, one.usd_per_hour or Decimal(0), one.spot, -one.vcpu, -one.memory_mib, one.name
            ),
        )
    )  # fmt: skip


def group_types(choices: Sequence[Choice], *, spot: bool, named: bool) -> tuple[str, ...]:
    """The types that one group may launch, best first: the best of its market and those that cost little more, so that
    one that is short is replaced. Types that were named are all taken."""
    if named:
        return tuple(one.name for one in choices if one.spot is spot)
    near = near_best(choices, spot=spot)[: _SPOT_CHOICES if spot else _ON_DEMAND_CHOICES]
    return tuple(one.name for one in near)


def near_best(choices: Sequence[Choice], *, spot: bool) -> list[Choice]:
    """The best of one market, and those that cost little more; all of them where the best one's price is not known."""
    market = [one for one in choices if one.spot is spot]
    if not market or market[0].usd_per_hour is None:
        return market
    most = market[0].usd_per_hour * (_SPOT_CEILING if spot else _ON_DEMAND_CEILING)
    return [one for one in market if one.usd_per_hour is not None and one.usd_per_hour <= most]


def spot_bound(
    choices: Sequence[Choice], names: Sequence[str], *, max_usd_per_hour: Decimal | None, beside: Beside
) -> Decimal | None:
    """The most that a run with a limit pays for an hour of a spot machine: half as much again as the dearest of its
    types costs now, on-demand's price at the most, and no more than `max_usd_per_hour` leaves for the machine. AWS
    holds it (SpotMaxPrice), so that a limit is true however the market moves. None where a price is not known."""
    mine = [one for one in choices if one.spot and one.name in names]
    now = [one.machine_usd_per_hour for one in mine if one.machine_usd_per_hour is not None]
    base = [one.on_demand_usd_per_hour for one in mine if one.on_demand_usd_per_hour is not None]
    extra = beside.usd_per_hour
    if len(now) < len(mine) or not mine or extra is None:
        return None
    most = max(now) * _SPOT_ROOM
    if len(base) == len(mine):
        most = min(most, max(base))
    if max_usd_per_hour is not None:
        most = min(most, max_usd_per_hour - extra)
    return most.quantize(Decimal("0.0001"), ROUND_DOWN)


# -- what a run's record holds of its prices ---------------------------------------------------------------------------


def ec2_rates(
    names: Sequence[str],
    zones: Sequence[str],
    on_demand: Mapping[str, Rate],
    spot: Mapping[tuple[str, str], Rate],
    rates: RegionRates,
    *,
    public_ip: bool,
    nat: bool = False,
) -> tuple[RateEntry, ...]:
    """The prices of everything that a group of these types may be billed for."""
    entries = [_entry(INSTANCE, "hour", on_demand[name], instance_type=name) for name in names if name in on_demand]
    entries += [
        _entry(INSTANCE, "hour", spot[name, zone], instance_type=name, zone=zone, spot=True)
        for name in names
        for zone in zones
        if (name, zone) in spot
    ]
    if rates.gp3_gb_month:
        entries.append(_entry(GP3, "GB-month", rates.gp3_gb_month))
    return (*entries, *_beside_entries(rates, public_ip=public_ip, nat=nat))


def fargate_rates(
    rates: RegionRates, *, arch: str, spot: bool, public_ip: bool = False, nat: bool = False
) -> tuple[RateEntry, ...]:
    """The prices of a Fargate task: of the spot market too, where `spot` and they are known."""
    parts = [
        (FARGATE_VCPU, "vCPU-hour", rates.fargate_vcpu_hour.get(arch), rates.fargate_spot_vcpu_hour.get(arch)),
        (FARGATE_GB, "GB-hour", rates.fargate_gb_hour.get(arch), rates.fargate_spot_gb_hour.get(arch)),
    ]
    entries = [_entry(item, unit, rate) for item, unit, rate, _ in parts if rate]
    if spot and all(rate is not None for *_, rate in parts):
        entries += [_entry(item, unit, rate, spot=True) for item, unit, _, rate in parts if rate]
    if rates.fargate_storage_gb_hour:
        entries.append(_entry(FARGATE_STORAGE, "GB-hour", rates.fargate_storage_gb_hour))
    return (*entries, *_beside_entries(rates, public_ip=public_ip, nat=nat))


def _beside_entries(rates: RegionRates, *, public_ip: bool, nat: bool) -> list[RateEntry]:
    """`nat`: what the run gets from S3 goes through a NAT gateway."""
    entries = []
    if public_ip and rates.public_ipv4_hour is not None:
        entries.append(_entry(IPV4, "hour", rates.public_ipv4_hour))
    if nat and rates.nat_gateway_gb is not None:
        entries.append(_entry(NAT_GB, "GB", rates.nat_gateway_gb))
    return entries


def _entry(
    item: str, unit: str, rate: Rate, *, instance_type: str | None = None, zone: str | None = None, spot: bool = False
) -> RateEntry:
    return RateEntry(
        item=item,
        unit=unit,
        usd=f"{rate.usd:f}",
        source=rate.source,
        as_of=rate.as_of,
        instance_type=instance_type,
        zone=zone,
        spot=spot,
    )
