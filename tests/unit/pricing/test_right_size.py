"""What would have been enough: from real offers, cheaper by a tenth, and never without room above the peak."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fakes import FakeAws, FakeClock, ec2_backend, fargate_backend, job

from aws_run.config import Amount, Gpu, Resources
from aws_run.pricing.right_size import smaller, smaller_job
from aws_run.runs.record import HardwareEntry, SmallerEntry, UsedEntry

GIB = 1024**3
HOUR = Decimal(3600)
SUBNETS = {"Subnets": [{"SubnetId": "s", "AvailabilityZone": "us-east-1a", "VpcId": "v", "MapPublicIpOnLaunch": True}]}


def used(memory_gib: float | None, cpu: int | None = 100, **more: Any) -> UsedEntry:
    peak = None if memory_gib is None else int(memory_gib * GIB)
    return UsedEntry(**{"samples": 600, "peak_memory_bytes": peak, "peak_cpu_percent": cpu, **more})


def fargate(vcpu: float, memory_gb: int, **more: Any) -> HardwareEntry:
    return HardwareEntry(backend="fargate", description="", vcpu=vcpu, memory_mib=memory_gb * 1024, disk_gib=20, **more)


def ec2(name: str, vcpu: int, memory_gb: int, **more: Any) -> HardwareEntry:
    return HardwareEntry(
        backend="ec2", description="", vcpu=vcpu, memory_mib=memory_gb * 1024, instance_types=(name,), disk_gib=40,
        **more,
    )  # fmt: skip


def find(
    hardware: HardwareEntry, what: UsedEntry, paid: str = "100", resources: Resources | None = None
) -> SmallerEntry | None:
    """Among the packaged table's offers. `paid`: for an hour."""
    wanted = smaller_job(job(resources=resources or Resources()), hardware, what)
    if wanted is None:
        return None
    aws = FakeAws().on("describe_subnets", SUBNETS)
    backend = (fargate_backend if hardware.backend == "fargate" else ec2_backend)(aws, FakeClock())
    choices, _ = backend.offers(wanted)
    return smaller(wanted, hardware, what, choices, billed_s=HOUR, paid_usd=Decimal(paid))


def test_fargate_with_much_too_much_memory() -> None:
    # 2 vCPU and 16 GB: 2 x 0.04048 + 16 x 0.004445 + 0.005 = 0.15708. A peak of 2.1 GB with a quarter above it is
    # 2.625 GB, one busy core with a tenth above it 1.1, so 2 vCPU stay, whose smallest memory is 4 GB:
    # 2 x 0.04048 + 4 x 0.004445 + 0.005 = 0.10374.
    found = find(fargate(2, 16), used(2.1), "0.15708")
    assert found == SmallerEntry(
        options="--cpu 2+ --memory 4GB", hardware="Fargate, 2 vCPU, 4 GB", usd="0.103740", instead_of_usd="0.157080"
    )


def test_fargate_with_too_many_processors() -> None:
    # A peak of 0.7 of 4 vCPU needs 0.77, so 1; 5 GB of 16 need 6.25, so 7 on 1 vCPU (2 to 8 GB):
    # 0.04048 + 7 x 0.004445 + 0.005 = 0.076595.
    found = find(fargate(4, 16), used(5.0, 70), "0.23804")
    assert found is not None
    assert (found.hardware, found.usd) == ("Fargate, 1 vCPU, 7 GB", "0.076595")


def test_ec2_is_searched_among_all_types_and_disk_and_address_are_counted() -> None:
    found = find(ec2("r7i.2xlarge", 8, 64), used(3.0, 150), "0.60")
    assert found is not None
    assert found.options == "--backend ec2 --cpu 2+ --memory 4.5GB"
    assert "2 vCPU" in found.hardware
    assert Decimal(found.usd) < Decimal("0.15")


def test_a_gpu_that_nothing_used_is_left_out() -> None:
    hardware = ec2("g6.xlarge", 4, 16, gpus=1)
    idle = used(3.0, 150, peak_gpu_percent=0, peak_gpu_memory_mib=3)
    found = find(hardware, idle, "0.81", Resources(gpu=Gpu(model="L4", count=1)))
    assert found is not None
    assert "without the GPU that nothing used" in found.hardware
    assert found.options.startswith("--backend ec2 ")
    assert "--gpu" not in found.options


def test_a_gpu_that_was_used_stays_of_its_model() -> None:
    busy = used(6.0, 150, peak_gpu_percent=80, peak_gpu_memory_mib=9000)
    found = find(ec2("g6.4xlarge", 16, 64, gpus=1), busy, "1.40", Resources(gpu=Gpu(model="L4", count=1)))
    assert found is not None
    assert found.hardware.startswith("g6.xlarge")
    assert "--gpu L4:1" in found.options
    assert find(ec2("g6.4xlarge", 16, 64, gpus=1), busy, "1.40", Resources(gpu=Gpu(count=1))) is None


@pytest.mark.parametrize(
    ("why", "hardware", "what"),
    [
        ("nothing smaller holds it", fargate(2, 4), used(3.5, 190)),
        ("nobody measured memory", fargate(4, 16), used(None)),
        ("it ran for too short a time", fargate(4, 16), used(1.0, samples=19)),
        ("the whole machine was counted", fargate(4, 16), used(23.0, 200)),
        ("nobody saw the GPU", ec2("g6.xlarge", 4, 16, gpus=1), used(1.0, 50)),
    ],
)
def test_there_is_no_suggestion(why: str, hardware: HardwareEntry, what: UsedEntry) -> None:
    assert find(hardware, what) is None, why


def test_what_saves_less_than_a_tenth_is_no_suggestion() -> None:
    assert find(fargate(2, 16), used(2.1), "0.11") is None
    assert find(fargate(2, 16), used(2.1), "0.12") is not None


def test_processors_that_nobody_measured_stay() -> None:
    wanted = smaller_job(job(), fargate(4, 16), used(2.0, None))
    assert wanted is not None
    assert wanted.resources.cpu == Amount(value=4, at_least=True)


@settings(max_examples=40, deadline=None)
@given(
    memory_gib=st.floats(min_value=0.01, max_value=60),
    cpu=st.integers(0, 1600),
    size=st.sampled_from([fargate(1, 8), fargate(4, 30), fargate(16, 64), ec2("r7i.2xlarge", 8, 64)]),
)
def test_a_suggestion_always_holds_the_peak_with_room(memory_gib: float, cpu: int, size: HardwareEntry) -> None:
    memory_gib, cpu = min(memory_gib, size.memory_mib / 1024), min(cpu, int(size.vcpu * 100))
    what = used(memory_gib, cpu)
    wanted = smaller_job(job(), size, what)
    if wanted is None:
        return
    aws = FakeAws().on("describe_subnets", SUBNETS)
    backend = (fargate_backend if size.backend == "fargate" else ec2_backend)(aws, FakeClock())
    choices, _ = backend.offers(wanted)
    found = smaller(wanted, size, what, choices, billed_s=HOUR, paid_usd=Decimal(100))
    if found is None:
        return
    taken = next(one for one in choices if not one.spot)
    assert taken.usable_memory_mib >= min(memory_gib * 1024 * 1.25, size.memory_mib)
    assert taken.vcpu * 100 >= min(cpu * 1.1, size.vcpu * 100)
