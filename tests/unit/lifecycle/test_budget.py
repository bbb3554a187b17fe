"""`--max-cost` is a total: whatever AWS takes back, and however the spot market moves, a run costs no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import RUN, START, Events, FakeAws, FakeClock, ec2_backend, fargate_backend, job, spec

from aws_run.backends.base import Usage
from aws_run.config import Limits, Retry
from aws_run.errors import DeadlineError, UsageError
from aws_run.lifecycle import budget
from aws_run.pricing import offers, packaged
from aws_run.pricing.offers import Beside, Choice
from aws_run.pricing.prices import Rate
from aws_run.pricing.receipt import MachineUse, total_usd
from aws_run.runs.record import HardwareEntry, TaskHandle
from aws_run.runs.spec import NetworkPlacement, Offer

USD = st.decimals(min_value="0.01", max_value="30", places=4)
FLAT = packaged.load().region_rates("us-east-1")
PLACE = NetworkPlacement(subnets=("s",), zones=("us-east-1a",), security_groups=(), public_ip=True)


def rate(usd: Decimal) -> Rate:
    return Rate(usd=usd, source="test", as_of="2026-01-01")


@given(
    base=USD,
    share=st.decimals(min_value="0.1", max_value="1", places=2),
    most=st.decimals(min_value="0.05", max_value="50", places=2),
    spot=st.booleans(),
    idle_s=st.floats(min_value=0, max_value=900),
    attempts=st.lists(st.floats(min_value=1, max_value=7200), min_size=1, max_size=8),
    timeout_s=st.sampled_from([20, 45, 600, 7200, 14 * 86_400]),
    data=st.data(),
)
def test_a_capped_run_on_ec2_costs_no_more_whatever_is_taken_back(
    base: Decimal,
    share: Decimal,
    most: Decimal,
    spot: bool,
    idle_s: float,
    attempts: list[float],
    timeout_s: int,
    data: st.DataObject,
) -> None:
    backend = ec2_backend(FakeAws(), FakeClock())
    now = (base * share).quantize(Decimal("0.0001"))
    agreed = min(now * Decimal("1.5"), base).quantize(Decimal("0.0001")) if spot else None
    rates = offers.ec2_rates(
        ["m"], PLACE.zones, {"m": rate(base)}, {("m", "us-east-1a"): rate(now)} if spot else {}, FLAT, public_ip=True
    )
    hardware = HardwareEntry(
        backend="ec2", description="m", vcpu=2, memory_mib=8192, instance_types=("m",), spot=spot, disk_gib=40,
        rates=rates, spot_max_usd_per_hour=None if agreed is None else f"{agreed:f}",
    )  # fmt: skip
    wanted = job(limits=Limits(max_cost_usd=float(most)), timeout_s=timeout_s, retry=Retry(max=8))
    offer = Offer(network=PLACE, hardware=hardware)
    try:
        seconds = budget.timeout_s(wanted, offer, backend)
    except UsageError:
        return  # refused before anything is made
    run = spec(
        job=wanted, offer=offer, timeout_s=seconds, cap_s=budget.cap_s(wanted, offer, backend),
        ending_s=backend.ending_s, idle_s=budget.idle_s(backend, seconds),
    )  # fmt: skip
    try:
        left_s = float(budget.job_s(run, idle_s))
    except DeadlineError:
        return
    machines = []
    started_s = idle_s
    for number, attempt_s in enumerate(attempts):
        ran_s = min(attempt_s, left_s)
        last = number == len(attempts) - 1 or attempt_s >= left_s
        left_s -= ran_s + budget.unpaid_s(run, ran_s)
        # A spot price never passes what was agreed: AWS takes the machine back before it does.
        paid = data.draw(st.decimals(min_value="0.001", max_value=agreed, places=4)) if agreed else None
        machines.append(
            MachineUse(
                seconds=started_s + ran_s + (backend.ending_s if last else 0), instance_type="m", zone="us-east-1a",
                spot=spot, spot_usd_per_hour=paid, reclaimed=spot and not last,
            )
        )  # fmt: skip
        started_s = 0.0
        if last or left_s <= 60:
            break
    cost = total_usd(backend.charges(hardware, Usage(seconds=0, machines=tuple(machines))))
    hour = budget.hour_usd(backend, offer)
    assert cost is not None
    assert hour is not None
    assert cost <= most + hour * 60 / 3600, "a minute at the most, which is the least that AWS bills"


@given(
    most=st.decimals(min_value="0.05", max_value="50", places=2),
    spot=st.booleans(),
    attempts=st.lists(st.floats(min_value=1, max_value=7200), min_size=1, max_size=20),
)
def test_a_capped_run_on_fargate_costs_no_more_however_many_short_attempts_it_has(
    most: Decimal, spot: bool, attempts: list[float]
) -> None:
    backend = fargate_backend(FakeAws(), FakeClock())
    rates = offers.fargate_rates(FLAT, arch="x86_64", spot=spot, public_ip=True)
    hardware = HardwareEntry(
        backend="fargate", description="", vcpu=4, memory_mib=30720, spot=spot, disk_gib=100, rates=rates
    )  # fmt: skip
    wanted = job(limits=Limits(max_cost_usd=float(most)), timeout_s=14 * 86_400)
    offer = Offer(network=PLACE, hardware=hardware)
    try:
        seconds = budget.timeout_s(wanted, offer, backend)
    except UsageError:
        return
    run = spec(
        job=wanted, offer=offer, timeout_s=seconds, cap_s=budget.cap_s(wanted, offer, backend),
        ending_s=backend.ending_s,
    )  # fmt: skip
    left_s, cost = float(budget.job_s(run, 0)), Decimal(0)
    for number, attempt_s in enumerate(attempts):
        ran_s = min(attempt_s, left_s)
        last = number == len(attempts) - 1 or attempt_s >= left_s
        left_s -= ran_s + budget.unpaid_s(run, ran_s)
        charges = backend.charges(hardware, Usage(seconds=ran_s + (backend.ending_s if last else 0)))
        cost += total_usd(charges) or Decimal(0)
        if last or left_s <= 60:
            break
    hour = budget.hour_usd(backend, offer)
    assert hour is not None
    assert cost <= most + hour * 60 / 3600


@pytest.mark.parametrize("timeout_s", [1, 20, 45, 59, 60, 61, 90, 7200])
@pytest.mark.parametrize(("idle_s", "ending_s"), [(0, 60), (120, 240)])
def test_a_job_that_may_take_all_that_it_holds_gets_all_of_its_time_however_short_it_is(
    timeout_s: int, idle_s: int, ending_s: int
) -> None:
    run = budget.bounded(spec(timeout_s=timeout_s, idle_s=idle_s, ending_s=ending_s))
    assert budget.job_s(run, idle_s) == timeout_s
    assert run.cap_s is not None
    assert run.cap_s >= 60, "what is billed at the least"


def test_a_wait_that_has_used_up_the_cap_says_whose_it_was() -> None:
    held = budget.bounded(spec(timeout_s=600, idle_s=120, ending_s=240))
    with pytest.raises(DeadlineError, match="has used up what it may take of the allowance, so"):
        budget.job_s(held, 700)
    with pytest.raises(DeadlineError, match="has used up --max-cost, so"):
        budget.job_s(replace(held, job=job(limits=Limits(max_cost_usd=1.0))), 700)


def test_a_cap_that_buys_all_of_a_short_job_starts_it() -> None:
    backend = fargate_backend(FakeAws(), FakeClock())
    rates = offers.fargate_rates(FLAT, arch="x86_64", spot=False, public_ip=True)
    hardware = HardwareEntry(backend="fargate", description="F", vcpu=2, memory_mib=8192, disk_gib=20, rates=rates)
    offer = Offer(network=PLACE, hardware=hardware)
    hour = budget.hour_usd(backend, offer)
    assert hour is not None
    enough = Limits(max_cost_usd=float(hour * (46 + backend.ending_s) / 3600))
    assert budget.timeout_s(job(limits=enough, timeout_s=45), offer, backend) == 45
    with pytest.raises(UsageError, match="buys less than 60 s of F"):
        budget.timeout_s(job(limits=enough, timeout_s=600), offer, backend)


def choice(name: str, now: str, base: str) -> Choice:
    return Choice(
        backend="ec2", name=name, spot=True, zones=("a",), vcpu=2, memory_mib=1, usable_memory_mib=1, arch="x86_64",
        machine_usd_per_hour=Decimal(now), on_demand_usd_per_hour=Decimal(base),
    )  # fmt: skip


BESIDE = Beside(disk_usd_per_hour=Decimal("0.004"), address_usd_per_hour=Decimal("0.005"))


def test_what_is_paid_for_spot_at_most_is_more_than_now_less_than_on_demand_and_within_the_limit() -> None:
    def bound(limit: str | None, *choices: Choice) -> Any:
        most = None if limit is None else Decimal(limit)
        return offers.spot_bound(choices, [one.name for one in choices], max_usd_per_hour=most, beside=BESIDE)

    assert bound(None, choice("a", "0.10", "1"), choice("b", "0.20", "1")) == Decimal("0.3000")
    assert bound(None, choice("a", "0.10", "0.12")) == Decimal("0.1200")
    assert bound("0.129", choice("a", "0.10", "1")) == Decimal("0.1200")
    assert bound(None) is None


def test_awss_own_switch_ends_a_capped_run_within_what_its_cap_counts_on() -> None:
    """The container may hang and the client be dead: what AWS does by itself is what ends the bill then."""
    deadline = START + timedelta(hours=1)
    aws, clock = FakeAws(), FakeClock()
    aws.on("create_schedule", {"ScheduleArn": "arn"})
    ec2, fargate = ec2_backend(aws, clock), fargate_backend(aws, clock)
    handle = TaskHandle(id=f"arn:aws:ecs:us-east-1:123456789012:task/arun-{RUN}/1", place=f"arun-{RUN}")
    ec2.on_task_accepted(spec(cap_s=4000), handle, deadline, Events().emit)
    ec2.on_task_accepted(spec(), handle, deadline, Events().emit)
    capped, open_ = (one["StartTime"] for one in aws.sent("put_scheduled_update_group_action"))
    assert capped + timedelta(minutes=1) == deadline + timedelta(seconds=ec2.ending_s)
    assert open_ == deadline + timedelta(minutes=10)
    fargate.on_task_accepted(spec(cap_s=4000), handle, deadline, Events().emit)
    (sent,) = aws.sent("create_schedule")
    assert sent["ScheduleExpression"] == f"at({deadline + timedelta(seconds=fargate.ending_s):%Y-%m-%dT%H:%M:%S})"
