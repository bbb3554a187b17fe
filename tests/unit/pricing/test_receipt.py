"""From prices and seconds to a receipt: exact to the last digit, AWS's minimums kept, nothing free that is not."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aws_run.pricing import offers, packaged
from aws_run.pricing.hardware import FARGATE_SIZES
from aws_run.pricing.prices import Rate
from aws_run.pricing.receipt import Charge, MachineUse, ec2_charges, fargate_charges, saved_usd, total_usd
from aws_run.runs.record import RateEntry

SECONDS = st.floats(min_value=0, max_value=14 * 86400)
PRICES = st.decimals(min_value="0.0001", max_value=100, places=5)
FLAT = packaged.load().region_rates("us-east-1")


def rates_of(usd: Decimal, spot: Decimal | None = None, zone: str = "us-east-1a") -> tuple[RateEntry, ...]:
    def rate(price: Decimal) -> Rate:
        return Rate(usd=price, source="test", as_of="2026-01-01")

    known = {} if spot is None else {("m", zone): rate(spot)}
    return offers.ec2_rates(["m"], [zone], {"m": rate(usd)}, known, FLAT, public_ip=True)


@given(seconds=SECONDS, price=PRICES, disk=st.integers(20, 1000), ip=st.booleans())
def test_an_ec2_receipt_is_exact_at_least_a_minute_and_the_sum_of_its_lines(
    seconds: float, price: Decimal, disk: int, ip: bool
) -> None:
    machine = MachineUse(seconds=seconds, instance_type="m", public_ip=ip)
    lines = ec2_charges((machine,), disk_gib=disk, rates=rates_of(price))
    holds(lines, seconds)
    assert len(lines) == 2 + ip


@given(
    seconds=SECONDS, vcpu=st.sampled_from(list(FARGATE_SIZES)), memory=st.sampled_from([512, 2048, 122880]),
    disk=st.integers(20, 200), arch=st.sampled_from(["x86_64", "arm64"]), spot=st.booleans(), ip=st.booleans(),
)  # fmt: skip
def test_a_fargate_receipt_is_too(
    seconds: float, vcpu: float, memory: int, disk: int, arch: str, spot: bool, ip: bool
) -> None:
    lines = fargate_charges(
        vcpu=vcpu,
        memory_mib=memory,
        disk_gib=disk,
        spot=spot,
        public_ip=ip,
        seconds=seconds,
        rates=offers.fargate_rates(FLAT, arch=arch, spot=spot, public_ip=True),
    )
    holds(lines, seconds)
    assert len(lines) == 2 + (disk > 20) + ip
    assert (saved_usd(lines) > 0) is (spot and seconds > 0)


def holds(lines: tuple[Charge, ...], seconds: float) -> None:
    amounts = [line.amount_usd for line in lines]
    for line, amount in zip(lines, amounts, strict=True):
        assert isinstance(amount, Decimal)
        assert amount >= 0
        assert line.usd_per_hour is not None
        assert line.source
        if seconds > 0:
            assert amount >= line.usd_per_hour * 60 / 3600
        else:
            assert amount == 0
    assert total_usd(lines) == sum((amount or Decimal(0) for amount in amounts), Decimal(0))


def test_part_of_a_sum_is_no_sum() -> None:
    unknown = Charge(what="x", seconds=60, usd_per_hour=None)
    assert unknown.amount_usd is None
    assert total_usd((unknown, Charge(what="y", seconds=60, usd_per_hour=Decimal(1)))) is None
    assert total_usd(()) == 0
    (machine, *_) = ec2_charges(
        (MachineUse(seconds=60, instance_type="unknown"),), disk_gib=30, rates=rates_of(Decimal(1))
    )
    assert machine.amount_usd is None


def test_a_spot_machine_costs_its_own_zones_price_and_at_most_on_demands() -> None:
    rates = rates_of(Decimal(2), Decimal("0.5"))
    here = MachineUse(seconds=3600, instance_type="m", zone="us-east-1a", spot=True, public_ip=False)
    assert ec2_charges((here,), disk_gib=30, rates=rates)[0].amount_usd == Decimal("0.5")
    assert saved_usd(ec2_charges((here,), disk_gib=30, rates=rates)) == Decimal("1.5")
    unknown = ec2_charges((here,), disk_gib=30, rates=rates_of(Decimal(2)))[0]
    assert unknown.amount_usd == Decimal(2)
    assert "at most" in unknown.what


def test_a_spot_machine_that_aws_takes_back_in_its_first_hour_costs_its_disk_and_address_only() -> None:
    rates = rates_of(Decimal(2), Decimal("0.5"))
    for seconds, free in ((3599, True), (3601, False)):
        taken = MachineUse(seconds=seconds, instance_type="m", zone="us-east-1a", spot=True, reclaimed=True)
        machine, disk, address = ec2_charges((taken,), disk_gib=30, rates=rates)
        assert (machine.amount_usd == 0) is free
        assert disk.amount_usd
        assert address.amount_usd
