"""From what is asked to what is rented and paid: nothing too small, nothing that AWS does not have, no lost cent."""

from __future__ import annotations

from decimal import Decimal

import moto.ec2.models.instance_types as moto_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import job

from aws_run.config import Amount, Gpu, Resources
from aws_run.errors import UsageError
from aws_run.pricing import hardware, table
from aws_run.pricing.hardware import FARGATE_SIZES, backend_for, fargate_size, instance_types
from aws_run.pricing.receipt import Charge, ec2_charges, fargate_charges, total_usd

# aws-facts §4, written down a second time on purpose.
VALID_FARGATE = {
    0.25: [512, 1024, 2048],
    0.5: [1024 * gb for gb in range(1, 5)],
    1: [1024 * gb for gb in range(2, 9)],
    2: [1024 * gb for gb in range(4, 17)],
    4: [1024 * gb for gb in range(8, 31)],
    8: [1024 * gb for gb in range(16, 61, 4)],
    16: [1024 * gb for gb in range(32, 121, 8)],
}
CPUS = st.none() | st.builds(
    Amount, value=st.sampled_from([0.25, 0.5, 1, 2, 3, 4, 6, 8, 16, 20]), at_least=st.booleans()
)
MEMORIES = st.none() | st.builds(Amount, value=st.integers(256, 140 * 1024), at_least=st.booleans())
REAL = moto_types.INSTANCE_TYPES


def test_the_fargate_table_is_awss() -> None:
    assert {size: list(memories) for size, memories in FARGATE_SIZES.items()} == VALID_FARGATE


@given(cpu=CPUS, memory=MEMORIES)
def test_a_fargate_size_is_one_that_exists_and_never_smaller_than_asked(
    cpu: Amount | None, memory: Amount | None
) -> None:
    asked = Resources(cpu=cpu, memory_mib=memory)
    fits = [
        (vcpu, mib)
        for vcpu, sizes in VALID_FARGATE.items()
        for mib in sizes
        if (cpu is None or vcpu == cpu.value or (cpu.at_least and vcpu > cpu.value))
        and (memory is None or mib >= memory.value)
    ]
    if not fits:
        with pytest.raises(UsageError, match="Fargate has no size"):
            fargate_size(asked)
        return
    size = fargate_size(asked)
    assert size.memory_mib in VALID_FARGATE[size.vcpu]
    assert cpu is None or size.vcpu == cpu.value or (cpu.at_least and size.vcpu > cpu.value)
    assert memory is None or size.memory_mib >= memory.value


def test_the_smallest_fargate_size_that_fits_is_taken() -> None:
    assert fargate_size(Resources(memory_mib=Amount(value=3000))) == hardware.FargateSize(vcpu=0.5, memory_mib=3072)
    assert fargate_size(Resources(cpu=Amount(value=4))) == hardware.FargateSize(vcpu=4, memory_mib=8192)
    assert fargate_size(Resources()) == hardware.FargateSize(vcpu=2, memory_mib=8192)


@pytest.mark.parametrize(
    ("asked", "backend"),
    [
        ({}, "fargate"),
        ({"gpu": Gpu(count=1)}, "ec2"),
        ({"instance_types": ("m6i.large",)}, "ec2"),
        ({"cpu": Amount(value=16)}, "fargate"),
        ({"cpu": Amount(value=17, at_least=True)}, "ec2"),
        ({"memory_mib": Amount(value=120 * 1024)}, "fargate"),
        ({"memory_mib": Amount(value=121 * 1024)}, "ec2"),
        ({"disk_gib": 200}, "fargate"),
        ({"disk_gib": 201}, "ec2"),
    ],
)
def test_auto_takes_fargate_unless_only_ec2_has_it(asked: dict[str, object], backend: str) -> None:
    assert backend_for(job(resources=Resources(**asked))) == backend
    assert backend_for(job(backend="ec2", resources=Resources(**asked))) == "ec2"


@given(
    cpu=st.none() | st.builds(Amount, value=st.sampled_from([1, 2, 4, 8, 16, 48, 96, 500]), at_least=st.booleans()),
    memory=st.none() | st.builds(Amount, value=st.integers(512, 900 * 1024)),
    gpu=st.none() | st.builds(Gpu, model=st.sampled_from([None, "T4", "l4", "A100", "H900"]), count=st.sampled_from([1, 4, 8])),
    arch=st.sampled_from(["x86_64", "arm64"]),
    spot=st.sampled_from(["spot", "on-demand", "auto"]),
    named=st.lists(st.sampled_from([found.name for found in table.TYPES]), max_size=3, unique=True),
)  # fmt: skip
def test_every_instance_type_that_is_chosen_holds_the_whole_task(
    cpu: Amount | None, memory: Amount | None, gpu: Gpu | None, arch: str, spot: str, named: list[str]
) -> None:
    asked = Resources(cpu=cpu, memory_mib=memory, gpu=gpu, arch=arch, instance_types=tuple(named))
    try:
        chosen = instance_types(job(resources=asked, spot_policy=spot))
    except UsageError:
        return
    assert chosen
    for found in chosen:
        assert found.arch == arch
        assert cpu is None or found.vcpu >= cpu.value
        assert memory is None or found.memory_mib >= memory.value
        assert gpu is None or (found.gpus >= gpu.count and gpu.model in (None, *_cases(found.gpu_model)))
        assert not named or found.name in named
        assert 0 < found.usable_memory_mib < found.memory_mib
    if not named:
        prices = [found.usd_per_hour or Decimal(0) for found in chosen]
        assert prices == sorted(prices)
        assert gpu is not None or not any(found.gpus for found in chosen)


def _cases(model: str | None) -> tuple[str, ...]:
    return () if model is None else (model, model.lower(), model.upper())


def test_auto_takes_ec2_where_spot_is_to_fall_back_to_on_demand() -> None:
    assert backend_for(job(spot_policy="auto")) == "ec2"
    assert backend_for(job(spot_policy="spot")) == "fargate"


@pytest.mark.parametrize(
    ("name", "asked", "theirs"), [("c7g.large", "x86_64", "arm64"), ("c7i.large", "arm64", "x86_64")]
)
def test_a_named_type_of_another_architecture_is_said_so(name: str, asked: str, theirs: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} is {theirs}, and {asked} is requested") as caught:
        instance_types(job(resources=Resources(instance_types=(name,), arch=asked)))
    assert caught.value.hint == f"add --arch {theirs}"


def test_a_type_that_is_no_type_is_refused_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match=r"no EC2 type 'm6i\.lorge'") as caught:
        instance_types(job(resources=Resources(instance_types=("m6i.lorge",))))
    assert "m6i.large" in (caught.value.hint or "")


def test_a_price_that_nothing_meets_names_the_cheapest() -> None:
    with pytest.raises(UsageError, match="at most") as caught:
        instance_types(job(resources=Resources(gpu=Gpu(count=1)), limits={"max_price_usd_per_hour": 0.01}))
    assert "g4dn.xlarge" in (caught.value.hint or "")


@pytest.mark.parametrize("found", table.TYPES, ids=lambda found: found.name)
def test_a_types_size_in_the_table_is_its_size_at_aws(found: table.InstanceType) -> None:
    real = REAL[found.name]
    assert found.vcpu == real["VCpuInfo"]["DefaultVCpus"]
    assert found.memory_mib == real["MemoryInfo"]["SizeInMiB"]
    assert found.arch in real["ProcessorInfo"]["SupportedArchitectures"]
    gpus = real.get("GpuInfo", {}).get("Gpus", [])
    assert found.gpus == sum(gpu["Count"] for gpu in gpus)
    assert (found.gpu_model or "") in "".join(gpu["Name"] for gpu in gpus)


def test_no_type_is_in_the_table_twice() -> None:
    assert len(table.BY_NAME) == len(table.TYPES)


# -- receipts ---------------------------------------------------------------------------------------------------------

SECONDS = st.floats(min_value=0, max_value=14 * 86400)
PRICES = st.decimals(min_value=0, max_value=100, places=5)


@given(seconds=SECONDS, price=PRICES, disk=st.integers(20, 1000), ip=st.booleans(), spot=st.booleans())
def test_an_ec2_receipt_is_exact_at_least_a_minute_and_the_sum_of_its_lines(
    seconds: float, price: Decimal, disk: int, ip: bool, spot: bool
) -> None:
    lines = ec2_charges(type_name="m", usd_per_hour=price, spot=spot, disk_gib=disk, public_ip=ip, seconds=seconds)
    _holds(lines, seconds)
    assert len(lines) == 2 + ip
    assert ("at most" in lines[0].what) is spot


@given(
    seconds=SECONDS, vcpu=st.sampled_from(list(FARGATE_SIZES)), memory=st.sampled_from([512, 2048, 122880]),
    disk=st.integers(20, 200), arch=st.sampled_from(["x86_64", "arm64"]), spot=st.booleans(), ip=st.booleans(),
)  # fmt: skip
def test_a_fargate_receipt_is_too(
    seconds: float, vcpu: float, memory: int, disk: int, arch: str, spot: bool, ip: bool
) -> None:
    lines = fargate_charges(
        vcpu=vcpu, memory_mib=memory, disk_gib=disk, arch=arch, spot=spot, public_ip=ip, seconds=seconds
    )
    _holds(lines, seconds)
    assert len(lines) == 2 + (disk > 20) + ip


def _holds(lines: tuple[Charge, ...], seconds: float) -> None:
    amounts = [line.amount_usd for line in lines]
    for line, amount in zip(lines, amounts, strict=True):
        assert isinstance(amount, Decimal)
        assert amount >= 0
        assert line.usd_per_hour is not None
        if seconds > 0:
            assert amount >= line.usd_per_hour * 60 / 3600
        else:
            assert amount == 0
    assert total_usd(lines) == sum((amount or Decimal(0) for amount in amounts), Decimal(0))


def test_an_hour_costs_what_the_table_says() -> None:
    lines = fargate_charges(
        vcpu=1, memory_mib=2048, disk_gib=20, arch="x86_64", spot=False, public_ip=True, seconds=3600
    )
    assert total_usd(lines) == Decimal("0.04048") + 2 * Decimal("0.004445") + Decimal("0.005")


def test_part_of_a_sum_is_no_sum() -> None:
    unknown = Charge(what="x", seconds=60, usd_per_hour=None)
    assert unknown.amount_usd is None
    assert total_usd((unknown, Charge(what="y", seconds=60, usd_per_hour=Decimal(1)))) is None
    assert total_usd(()) == 0
