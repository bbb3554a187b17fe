"""The cost of a run, before and after it. Money is Decimal, times are in seconds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from aws_run.frozen import frozen
from aws_run.pricing import offers
from aws_run.pricing.prices import FARGATE_FREE_STORAGE_GIB, HOURS_A_MONTH
from aws_run.runs.record import RateEntry

LEFT_OUT = (
    "data transfer out of AWS and through NAT gateways or endpoints",
    "S3, ECR and log storage and requests",
    "tax, credits and discounts",
)
_MINIMUM_S = 60
_FREE_IF_RECLAIMED_WITHIN_S = 3600  # AWS doesn't bill a spot instance that it takes back in its first hour (§9)


@frozen
class Charge:
    """One line of a receipt. `usd_per_hour` None: the price is not known. `source` and `as_of`: whose price, and its
    ISO date. `reclaimed`: AWS took the machine back. `free`: AWS does not bill it. `resources`: what AWS bills it by.
    `leads`: it is the machine or the task itself; the lines after it are what comes with it."""

    what: str
    seconds: float
    usd_per_hour: Decimal | None
    source: str = ""
    as_of: str = ""
    reclaimed: bool = False
    free: bool = False
    on_demand_usd_per_hour: Decimal | None = (
        None  # what the same cost outside of the spot market; None: it was not spot
    )
    resources: tuple[str, ...] = ()
    leads: bool = False

    @property
    def billed_s(self) -> Decimal:
        """AWS's minimum is a minute for each resource."""
        return max(Decimal(str(self.seconds)), Decimal(_MINIMUM_S)) if self.seconds > 0 else Decimal(0)

    @property
    def amount_usd(self) -> Decimal | None:
        if self.usd_per_hour is None:
            return None
        return Decimal(0) if self.free else self.usd_per_hour * self.billed_s / 3600

    @property
    def saved_usd(self) -> Decimal:
        """What spot saved against on-demand; 0 where nothing is known of it."""
        if self.on_demand_usd_per_hour is None or self.amount_usd is None:
            return Decimal(0)
        return self.on_demand_usd_per_hour * self.billed_s / 3600 - self.amount_usd


@frozen
class MachineUse:
    """One machine from launch to termination. `zone` None: not known. `reclaimed`: AWS took it back.
    `spot_usd_per_hour`: what the spot market took when it was launched, where that was read afterwards. `id`,
    `volumes` and `interfaces`: its ids and those of what comes with it, as far as they were seen."""

    seconds: float
    instance_type: str = ""
    zone: str | None = None
    spot: bool = False
    public_ip: bool = True
    reclaimed: bool = False
    spot_usd_per_hour: Decimal | None = None
    id: str = ""
    volumes: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()


def ec2_charges(machines: Sequence[MachineUse], *, disk_gib: int, rates: Iterable[RateEntry]) -> tuple[Charge, ...]:
    """Each instance with its disk and address, from launch to termination: EC2 and EBS bill by the second with a
    minimum of 60 (aws-facts §9)."""
    held = tuple(rates)
    return tuple(line for machine in machines for line in _machine_charges(machine, disk_gib, held))


def _machine_charges(machine: MachineUse, disk_gib: int, rates: tuple[RateEntry, ...]) -> list[Charge]:
    base = _instance_rate(rates, machine.instance_type, spot=False, zone=None)
    rate = _instance_rate(rates, machine.instance_type, spot=True, zone=machine.zone) if machine.spot else base
    usd = machine.spot_usd_per_hour if machine.spot else None
    bounded = machine.spot and usd is None and rate is None
    rate = base if bounded else rate
    market = " (spot, at most)" if bounded else " (spot)" if machine.spot else ""
    free = machine.spot and machine.reclaimed and machine.seconds < _FREE_IF_RECLAIMED_WITHIN_S
    gp3, address = find(rates, offers.GP3), find(rates, offers.IPV4)
    lines = [
        Charge(
            what=f"{machine.instance_type}{market}{', taken back in its first hour' if free else ''}",
            seconds=machine.seconds,
            usd_per_hour=usd if usd is not None else usd_of(rate),
            source=rate.source if rate else "",
            as_of=rate.as_of if rate else "",
            reclaimed=machine.reclaimed,
            free=free,
            on_demand_usd_per_hour=usd_of(base) if machine.spot else None,
            resources=(machine.id,) if machine.id else (),
            leads=True,
        ),
        Charge(
            what=f"{disk_gib} GB gp3 disk",
            seconds=machine.seconds,
            usd_per_hour=None if gp3 is None else disk_gib * Decimal(gp3.usd) / HOURS_A_MONTH,
            source=gp3.source if gp3 else "",
            as_of=gp3.as_of if gp3 else "",
            resources=machine.volumes,
        ),
    ]
    if machine.public_ip:
        lines.append(_address(address, machine.seconds, machine.interfaces))
    return lines


def fargate_charges(
    *,
    vcpu: float,
    memory_mib: int,
    disk_gib: int,
    spot: bool,
    public_ip: bool,
    seconds: float,
    rates: Iterable[RateEntry],
    tasks: tuple[str, ...] = (),
    interfaces: tuple[str, ...] = (),
) -> tuple[Charge, ...]:
    """A Fargate task from the image pull to its end, by the second with a minimum of 60. `tasks`: the ARNs of all that
    the seconds are of; `interfaces`: the network interfaces that had their addresses."""
    held = tuple(rates)
    gib = Decimal(memory_mib) / 1024
    parts = [
        (offers.FARGATE_VCPU, Decimal(str(vcpu)), f"Fargate {vcpu:g} vCPU"),
        (offers.FARGATE_GB, gib, f"Fargate {gib.normalize():f} GB memory"),
    ]
    lines = []
    for item, amount, words in parts:
        base = find(held, item)
        rate = (find(held, item, spot=True) if spot else None) or base
        market = "" if not spot else " (spot)" if rate is not None and rate.spot else " (spot, at most)"
        lines.append(
            Charge(
                what=f"{words}{market}",
                seconds=seconds,
                usd_per_hour=None if rate is None else amount * Decimal(rate.usd),
                source=rate.source if rate else "",
                as_of=rate.as_of if rate else "",
                on_demand_usd_per_hour=amount * Decimal(base.usd) if spot and base else None,
                resources=tasks,
                leads=item == offers.FARGATE_VCPU,
            )
        )
    extra_gib = disk_gib - FARGATE_FREE_STORAGE_GIB
    if extra_gib > 0:
        storage = find(held, offers.FARGATE_STORAGE)
        lines.append(
            Charge(
                what=f"{extra_gib} GB extra storage",
                seconds=seconds,
                usd_per_hour=None if storage is None else extra_gib * Decimal(storage.usd),
                source=storage.source if storage else "",
                as_of=storage.as_of if storage else "",
                resources=tasks,
            )
        )
    if public_ip:
        lines.append(_address(find(held, offers.IPV4), seconds, interfaces))
    return tuple(lines)


def billed_together_s(seconds: Sequence[float]) -> float:
    """Several tasks as one: each of them is billed for a minute at the least."""
    if len(seconds) == 1:
        return seconds[0]
    return sum(max(each, float(_MINIMUM_S)) for each in seconds if each > 0)


def _address(rate: RateEntry | None, seconds: float, interfaces: tuple[str, ...]) -> Charge:
    return Charge(
        what="public IPv4 address",
        seconds=seconds,
        usd_per_hour=usd_of(rate),
        source=rate.source if rate else "",
        as_of=rate.as_of if rate else "",
        resources=interfaces,
    )


def find(rates: Iterable[RateEntry], item: str, *, spot: bool = False) -> RateEntry | None:
    return next((rate for rate in rates if rate.item == item and rate.spot is spot), None)


def _instance_rate(rates: Iterable[RateEntry], name: str, *, spot: bool, zone: str | None) -> RateEntry | None:
    """Of spot the zone's price, and where the zone is not known the dearest."""
    mine = [one for one in rates if one.item == offers.INSTANCE and one.instance_type == name and one.spot is spot]
    exact = [one for one in mine if one.zone == zone] if zone is not None else []
    return max(exact or mine, key=lambda one: Decimal(one.usd), default=None)


def usd_of(rate: RateEntry | None) -> Decimal | None:
    return None if rate is None else Decimal(rate.usd)


def total_usd(charges: Sequence[Charge]) -> Decimal | None:
    """The sum; None if a line has no price, because part of a sum would look like the whole."""
    amounts = [charge.amount_usd for charge in charges]
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def billed_s(charges: Sequence[Charge]) -> Decimal:
    """Of all machines or tasks together."""
    return sum((charge.billed_s for charge in charges if charge.leads), Decimal(0))


def saved_usd(charges: Sequence[Charge]) -> Decimal:
    """What the spot market saved over the whole run."""
    return sum((charge.saved_usd for charge in charges), Decimal(0))
