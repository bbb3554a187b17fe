"""The cost of a run, before and after it. Money is Decimal, times are in seconds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from aws_run.pricing import table

LEFT_OUT = ("data transfer out of AWS", "S3, ECR and log storage", "tax and discounts")
_MINIMUM_S = 60


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One line of a receipt. `amount_usd` None: the table has no price for it."""

    what: str
    seconds: float
    usd_per_hour: Decimal | None

    @property
    def amount_usd(self) -> Decimal | None:
        if self.usd_per_hour is None:
            return None
        billed_s = max(Decimal(str(self.seconds)), Decimal(_MINIMUM_S)) if self.seconds > 0 else Decimal(0)
        return self.usd_per_hour * billed_s / 3600


def ec2_charges(
    *, type_name: str, usd_per_hour: Decimal | None, spot: bool, disk_gib: int, public_ip: bool, seconds: float
) -> tuple[Charge, ...]:
    """An instance from launch to termination: EC2 and EBS bill by the second with a minimum of 60 (aws-facts §9)."""
    what = f"{type_name} (spot, at most)" if spot else type_name
    lines = [
        Charge(what=what, seconds=seconds, usd_per_hour=usd_per_hour),
        Charge(
            what=f"{disk_gib} GB gp3 disk",
            seconds=seconds,
            usd_per_hour=disk_gib * table.GP3_GB_MONTH / table.HOURS_A_MONTH,
        ),
    ]
    if public_ip:
        lines.append(Charge(what="public IPv4 address", seconds=seconds, usd_per_hour=table.PUBLIC_IPV4_HOUR))
    return tuple(lines)


def fargate_charges(
    *, vcpu: float, memory_mib: int, disk_gib: int, arch: str, spot: bool, public_ip: bool, seconds: float
) -> tuple[Charge, ...]:
    """A Fargate task from the image pull to its end, by the second with a minimum of 60."""
    suffix = " (spot, at most)" if spot else ""
    gib = Decimal(memory_mib) / 1024
    lines = [
        Charge(
            what=f"Fargate {vcpu:g} vCPU{suffix}",
            seconds=seconds,
            usd_per_hour=Decimal(str(vcpu)) * table.FARGATE_VCPU_HOUR[arch],
        ),
        Charge(
            what=f"Fargate {gib.normalize():f} GB memory{suffix}",
            seconds=seconds,
            usd_per_hour=gib * table.FARGATE_GB_HOUR[arch],
        ),
    ]
    extra_gib = disk_gib - table.FARGATE_FREE_STORAGE_GIB
    if extra_gib > 0:
        lines.append(
            Charge(
                what=f"{extra_gib} GB extra storage",
                seconds=seconds,
                usd_per_hour=extra_gib * table.FARGATE_STORAGE_GB_HOUR,
            )
        )
    if public_ip:
        lines.append(Charge(what="public IPv4 address", seconds=seconds, usd_per_hour=table.PUBLIC_IPV4_HOUR))
    return tuple(lines)


def total_usd(charges: Sequence[Charge]) -> Decimal | None:
    """The sum; None if a line has no price, because part of a sum would look like the whole."""
    amounts = [charge.amount_usd for charge in charges]
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
