"""Twelve runs worked out by hand: the receipt is equal to the cent, and below it.

The amounts are written down as sums of what AWS bills: hours by price, with a minute at the least for each resource. A gp3
disk costs a 730th of its GB by the price of a GB-month an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.unit.fakes import FakeAws, FakeClock, ec2_backend, fargate_backend

from aws_run.backends.base import Backend, Usage
from aws_run.pricing import burstable, offers, packaged
from aws_run.pricing.prices import Rate
from aws_run.pricing.receipt import MachineUse, total_usd
from aws_run.runs.record import HardwareEntry

D = Decimal
HOUR = D(3600)


def machine(name: str, seconds: float, **more: object) -> MachineUse:
    return MachineUse(seconds=seconds, instance_type=name, **{"zone": "us-east-1a", "public_ip": True, **more})  # type: ignore[arg-type]


def ec2(
    *machines: MachineUse,
    disk_gib: int = 40,
    region: str = "us-east-1",
    spot: dict[tuple[str, str], str] | None = None,
) -> Decimal | None:
    table = packaged.load()
    names = list(dict.fromkeys(one.instance_type for one in machines))
    prices = {name: rate for name in names if (rate := table.on_demand(name, region)) is not None}
    prices |= {"t3.medium": Rate(usd=D("0.0416"), source="test", as_of="2025-06-30")} if "t3.medium" in names else {}
    prices = dict(burstable.at_full_load(prices, {"t3.medium": 2, "m7i.large": 2}, names))
    known = {key: Rate(usd=D(usd), source="test", as_of="2025-06-30") for key, usd in (spot or {}).items()}
    zones = sorted({zone for _, zone in known} | {"us-east-1a"})
    rates = offers.ec2_rates(names, zones, prices, known, table.region_rates(region), public_ip=True)
    hardware = HardwareEntry(
        backend="ec2", description="", vcpu=2, memory_mib=1, instance_types=tuple(names), spot=bool(spot),
        disk_gib=disk_gib, rates=rates,
    )  # fmt: skip
    return charge(ec2_backend(FakeAws(), FakeClock()), hardware, Usage(seconds=0, machines=machines))


def fargate(
    *seconds: float, vcpu: float, memory_gb: int, disk_gib: int = 20, arch: str = "x86_64", spot: bool = False,
    region: str = "us-east-1", public_ip: bool = True,
) -> Decimal | None:  # fmt: skip
    rates = offers.fargate_rates(packaged.load().region_rates(region), arch=arch, spot=spot, public_ip=public_ip)
    hardware = HardwareEntry(
        backend="fargate", description="", vcpu=vcpu, memory_mib=memory_gb * 1024, spot=spot, disk_gib=disk_gib,
        arch=arch, rates=rates,
    )  # fmt: skip
    *earlier, last = seconds
    usage = Usage(seconds=last, earlier_s=tuple(earlier), public_ip=public_ip)
    return charge(fargate_backend(FakeAws(), FakeClock()), hardware, usage)


def charge(backend: Backend, hardware: HardwareEntry, usage: Usage) -> Decimal | None:
    return total_usd(backend.charges(hardware, usage))


@dataclass(frozen=True)
class Case:
    what: str
    charged: Decimal | None
    expected: Decimal
    cents: str


DISK_40 = 40 * D("0.08") / 730
SPOT_THREE = {("m7i.large", "us-east-1a"): "0.0400", ("m7i.large", "us-east-1b"): "0.0350", ("m7i.large", "us-east-1c"): "0.0450"}  # fmt: skip
CASES = (
    Case(
        # 0.1008 + 40 x 0.08 / 730 (0.004384) + 0.005 = 0.110184
        "an hour of m7i.large on demand",
        ec2(machine("m7i.large", 3600)),
        D("0.1008") + DISK_40 + D("0.005"),
        "0.11",
    ),
    Case(
        # (0.1008 + 0.004384 + 0.005) x 60 / 3600 = 0.001836
        "45 seconds of it are billed as 60",
        ec2(machine("m7i.large", 45)),
        (D("0.1008") + DISK_40 + D("0.005")) / 60,
        "0.00",
    ),
    Case(
        # 0 for half an hour that AWS took back + 1.5 x 0.0350 + 1 x 0.0450 = 0.0975; disk and address of all 3 hours:
        # 3 x (0.004384 + 0.005) = 0.028151; together 0.125651
        "spot with two replacements: the first is taken back after 30 minutes and is free but for disk and address",
        ec2(
            machine("m7i.large", 1800, spot=True, reclaimed=True),
            machine("m7i.large", 5400, zone="us-east-1b", spot=True, reclaimed=True),
            machine("m7i.large", 3600, zone="us-east-1c", spot=True),
            spot=SPOT_THREE,
        ),
        D("1.5") * D("0.0350") + D("0.0450") + D(3) * (DISK_40 + D("0.005")),
        "0.13",
    ),
    Case(
        # an hour: 4 x 0.04048 (0.16192) + 16 x 0.004445 (0.07112) + 30 GB over 20 x 0.000111 (0.00333) + 0.005 = 0.24137;
        # two: 0.48274
        "Fargate, 4 vCPU and 16 GB with 50 GB of storage, two hours",
        fargate(7200, vcpu=4, memory_gb=16, disk_gib=50),
        2 * (4 * D("0.04048") + 16 * D("0.004445") + 30 * D("0.000111") + D("0.005")),
        "0.48",
    ),
    Case(
        # a minute of 0.25 x 0.04048 + 0.004445 + 0.005: 0.019565 / 60 = 0.000326
        "Fargate for 20 seconds",
        fargate(20, vcpu=0.25, memory_gb=1),
        (D("0.25") * D("0.04048") + D("0.004445") + D("0.005")) / 60,
        "0.00",
    ),
    Case(
        # 600 + 60 (ten seconds are a minute) + 3000 = 3660 s of 2 x 0.01288871 + 8 x 0.00141527 + 0.005 = 0.0421; 0.0428
        "Fargate Spot with two replacements, the second after ten seconds",
        fargate(600, 10, 3000, vcpu=2, memory_gb=8, spot=True),
        D(3660) / HOUR * (2 * D("0.01288871") + 8 * D("0.00141527") + D("0.005")),
        "0.04",
    ),
    Case(
        # 10 x (0.8048 + 100 x 0.08 / 730 (0.010959) + 0.005) = 8.207589
        "ten hours of one L4",
        ec2(machine("g6.xlarge", 36_000), disk_gib=100),
        10 * (D("0.8048") + 100 * D("0.08") / 730 + D("0.005")),
        "8.21",
    ),
    Case(
        # 1.5 x (0.145 + 0.004384 + 0.005) = 0.231575
        "ARM on EC2: c7g.xlarge for 90 minutes",
        ec2(machine("c7g.xlarge", 5400)),
        D("1.5") * (D("0.145") + DISK_40 + D("0.005")),
        "0.23",
    ),
    Case(
        # 0.03238 + 2 x 0.00356 = 0.0395
        "ARM on Fargate without an address",
        fargate(3600, vcpu=1, memory_gb=2, arch="arm64", public_ip=False),
        D("0.03238") + 2 * D("0.00356"),
        "0.04",
    ),
    Case(
        # 0.12075 + 40 x 0.0952 / 730 (0.005216) + 0.005 = 0.130966
        "another region: an hour of m7i.large in Frankfurt",
        ec2(machine("m7i.large", 3600), region="eu-central-1"),
        D("0.12075") + 40 * D("0.0952") / 730 + D("0.005"),
        "0.13",
    ),
    Case(
        # 0.0416 + 2 x (1 - 0.2) x 0.05 (0.08) + 0.1008 + 2 x (0.004384 + 0.005) (0.018767) = 0.241167
        "t3.medium beside another type, busy all the time: 1.6 of its vCPUs are above the baseline",
        ec2(machine("t3.medium", 3600), machine("m7i.large", 3600)),
        D("0.0416") + D("1.6") * D("0.05") + D("0.1008") + 2 * (DISK_40 + D("0.005")),
        "0.24",
    ),
    Case(
        # 0.1008 + 0.004384 = 0.105184; the bytes are in the plan and among what is left out (test_network_path.py, test_receipt_views.py)
        "through a NAT gateway: no address of its own, and the gateway's bytes are named beside the receipt",
        ec2(machine("m7i.large", 3600, public_ip=False)),
        D("0.1008") + DISK_40,
        "0.11",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_receipt_is_what_was_worked_out_by_hand(case: Case) -> None:
    assert case.charged is not None
    assert abs(case.charged - case.expected) < D("0.0000001")
    assert round(case.charged, 2) == D(case.cents)


def test_there_are_twelve_of_them() -> None:
    assert len(CASES) == len({case.what for case in CASES}) == 12
