"""From what is requested to what can hold it: nothing too small, nothing that AWS does not have."""

from __future__ import annotations

import re
from dataclasses import replace

import moto.ec2.models.instance_types as moto_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import job

from aws_run.config import Amount, Gpu, Resources
from aws_run.errors import UsageError
from aws_run.pricing import hardware, packaged
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.ec2_catalogue import from_ec2
from aws_run.pricing.hardware import FARGATE_SIZES, backend_for, fargate_size, fitting, with_defaults

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
TYPES = tuple(from_ec2(described) for described in moto_types.INSTANCE_TYPES.values())
BY_NAME = {kind.name: kind for kind in TYPES}


def test_the_fargate_table_is_awss() -> None:
    assert {size: list(memories) for size, memories in FARGATE_SIZES.items()} == VALID_FARGATE


@given(cpu=CPUS, memory=MEMORIES)
def test_a_fargate_size_is_one_that_exists_and_never_smaller_than_requested(
    cpu: Amount | None, memory: Amount | None
) -> None:
    wanted = Resources(cpu=cpu, memory_mib=memory)
    fits = [
        (vcpu, mib)
        for vcpu, sizes in VALID_FARGATE.items()
        for mib in sizes
        if (cpu is None or vcpu == cpu.value or (cpu.at_least and vcpu > cpu.value))
        and (memory is None or mib >= memory.value)
    ]
    if not fits:
        with pytest.raises(UsageError, match="Fargate has no size"):
            fargate_size(wanted)
        return
    size = fargate_size(wanted)
    assert size.memory_mib in VALID_FARGATE[size.vcpu]
    assert cpu is None or size.vcpu == cpu.value or (cpu.at_least and size.vcpu > cpu.value)
    assert memory is None or size.memory_mib >= memory.value


def test_the_smallest_fargate_size_that_fits_is_taken() -> None:
    small = Resources(cpu=Amount(value=0.5), memory_mib=Amount(value=3000))
    assert fargate_size(small) == hardware.FargateSize(vcpu=0.5, memory_mib=3072)
    assert fargate_size(Resources(cpu=Amount(value=4))) == hardware.FargateSize(vcpu=4, memory_mib=8192)
    assert fargate_size(Resources()) == hardware.FargateSize(vcpu=2, memory_mib=8192)


@pytest.mark.parametrize(
    ("gb", "size"), [(0.5, (2, 4)), (1, (2, 4)), (3, (2, 4)), (7, (2, 7)), (8, (2, 8)), (16, (2, 16)), (17, (4, 17)), (40, (8, 40))]
)  # fmt: skip
def test_memory_alone_never_takes_processors_away(gb: float, size: tuple[float, int]) -> None:
    wanted = Resources(memory_mib=Amount(value=int(gb * 1024)))
    assert fargate_size(wanted) == hardware.FargateSize(vcpu=size[0], memory_mib=size[1] * 1024)
    told = hardware.open_note(wanted)
    assert told == ("--memory alone keeps the default of 2 vCPU; --cpu 1 asks for fewer" if gb <= 8 else None)
    assert all(kind.vcpu >= 2 for kind in fitting(job(resources=wanted), TYPES))


@pytest.mark.parametrize(
    ("cpu", "at_least", "size"),
    [(0.25, False, (0.25, 2)), (0.5, False, (0.5, 4)), (0.5, True, (1, 8)), (1, False, (1, 8)), (2, False, (2, 8)), (4, False, (4, 8)), (8, False, (8, 16))],
)  # fmt: skip
def test_processors_alone_take_no_memory_away_where_a_size_with_both_exists(
    cpu: float, at_least: bool, size: tuple[float, int]
) -> None:
    wanted = Resources(cpu=Amount(value=cpu, at_least=at_least))
    assert fargate_size(wanted) == hardware.FargateSize(vcpu=size[0], memory_mib=size[1] * 1024)
    told = hardware.open_note(wanted)
    assert (told is not None) is (size[1] == 8 and cpu <= 2)


def test_nothing_is_said_of_the_default_where_both_or_neither_were_asked_for() -> None:
    both = Resources(cpu=Amount(value=1), memory_mib=Amount(value=2048))
    assert hardware.open_note(both) is None
    assert hardware.open_note(Resources()) is None


def flags(hint: str | None) -> list[Resources]:
    """The requests that a hint proposes, as typed literally."""
    typed = re.findall(r"--cpu ([\d.]+)(\+?)", hint or "")
    return [Resources(cpu=Amount(value=float(number), at_least=bool(plus))) for number, plus in typed]


@pytest.mark.parametrize("memory", [None, Amount(value=30 * 1024)])
@pytest.mark.parametrize("cpu", [1.5, 3, 5, 6, 12])
def test_a_hint_on_a_number_of_processors_that_fargate_has_not_works_as_it_stands(
    cpu: float, memory: Amount | None
) -> None:
    with pytest.raises(UsageError) as refused:
        fargate_size(Resources(cpu=Amount(value=cpu), memory_mib=memory))
    proposed = flags(refused.value.hint)
    assert len(proposed) == 2
    for each in proposed:
        assert fargate_size(replace(each, memory_mib=memory)).vcpu >= cpu


@pytest.mark.parametrize("cpu", [0.5, 3, 5, 7])
def test_a_hint_on_a_number_of_processors_that_no_type_has_works_as_it_stands(cpu: float) -> None:
    with pytest.raises(UsageError) as refused:
        fitting(job(resources=Resources(cpu=Amount(value=cpu))), TYPES)
    (proposed,) = flags(refused.value.hint)
    assert all(kind.vcpu >= cpu for kind in fitting(job(resources=proposed), TYPES))


def test_what_fargate_has_not_at_all_is_sent_to_ec2_with_a_request_that_works_there() -> None:
    with pytest.raises(UsageError, match="no size for 20 vCPU") as refused:
        fargate_size(Resources(cpu=Amount(value=20)))
    assert (refused.value.hint or "").startswith("use --backend ec2 --cpu 20+;")


@pytest.mark.parametrize(
    ("backend", "vcpu", "gb", "options"),
    [
        ("fargate", 2, 16, "--memory 16GB"),
        ("fargate", 0.25, 1, "--memory 1GB"),
        ("fargate", 0.25, 4, "--cpu 0.25+ --memory 4GB"),
        ("fargate", 2, 32, "--cpu 2+ --memory 32GB"),
        ("fargate", 16, 240, "--backend ec2 --cpu 16+ --memory 240GB"),
        ("ec2", 4, 32, "--cpu 4+ --memory 32GB"),
    ],
)
def test_more_memory_is_asked_for_with_no_fewer_processors(backend: str, vcpu: float, gb: int, options: str) -> None:
    assert hardware.more_memory(backend, vcpu, gb) == options


@pytest.mark.parametrize(
    ("wanted", "backend"),
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
def test_auto_takes_fargate_unless_only_ec2_has_it(wanted: dict[str, object], backend: str) -> None:
    assert backend_for(job(resources=Resources(**wanted))) == backend
    assert backend_for(job(backend="ec2", resources=Resources(**wanted))) == "ec2"


def test_auto_takes_ec2_where_spot_is_to_fall_back_to_on_demand() -> None:
    assert backend_for(job(spot_policy="auto")) == "ec2"
    assert backend_for(job(spot_policy="spot")) == "fargate"


@given(
    cpu=st.none() | st.builds(Amount, value=st.sampled_from([1, 2, 4, 8, 16, 48, 96, 500]), at_least=st.booleans()),
    memory=st.none() | st.builds(Amount, value=st.integers(512, 900 * 1024)),
    gpu=st.none() | st.builds(Gpu, model=st.sampled_from([None, "T4", "l4", "A100", "A100-80GB", "H900"]), count=st.sampled_from([1, 4, 8])),
    arch=st.sampled_from(["x86_64", "arm64"]),
    named=st.lists(st.sampled_from([kind.name for kind in TYPES]), max_size=3, unique=True),
)  # fmt: skip
def test_every_type_that_is_chosen_holds_the_whole_task(
    cpu: Amount | None, memory: Amount | None, gpu: Gpu | None, arch: str, named: list[str]
) -> None:
    wanted = Resources(cpu=cpu, memory_mib=memory, gpu=gpu, arch=arch, instance_types=tuple(named))
    try:
        chosen = fitting(job(resources=wanted), TYPES)
    except UsageError:
        return
    assert chosen
    for kind in chosen:
        assert kind.arch == arch
        assert cpu is None or kind.vcpu >= cpu.value
        assert memory is None or kind.memory_mib >= memory.value
        assert gpu is None or kind.gpus >= gpu.count
        assert gpu is None or gpu.model is None or (kind.gpu_model or "").lower() == gpu.model.lower().split("-")[0]
        assert not named or kind.name in named
        assert named or not kind.burstable
        assert named or gpu is not None or not kind.gpus
        assert 0 < kind.usable_memory_mib < kind.memory_mib


def test_without_a_size_ec2_gives_what_fargate_gives() -> None:
    chosen = fitting(job(), TYPES)
    assert all(kind.vcpu >= 2 and kind.memory_mib >= 8192 and not kind.burstable for kind in chosen)
    assert {"m7i-flex.large", "m5.large"} <= {kind.name for kind in chosen}


@pytest.mark.parametrize("cpu", [0.25, 0.5, 1, 2])
def test_another_market_or_disk_never_halves_the_memory(cpu: float) -> None:
    """Spot with fallback, or a disk that Fargate can't have, is EC2's: no smaller than what Fargate gives."""
    wanted = Resources(cpu=Amount(value=cpu, at_least=True))
    memory = with_defaults(wanted).memory_mib
    assert memory is not None
    assert memory.value >= fargate_size(wanted).memory_mib


@pytest.mark.parametrize(
    ("gpu", "name"),
    [
        (Gpu(model="L4", count=1), "g6.xlarge"),
        (Gpu(count=1), "g4dn.xlarge"),
        (Gpu(model="H100", count=1), "p5.4xlarge"),
        (Gpu(model="A100-80GB", count=8), "p4de.24xlarge"),
        (Gpu(model="A100-40GB", count=8), "p4d.24xlarge"),
        (Gpu(model="A10", count=1), "g5.xlarge"),
        (Gpu(model="nvidia-tesla-t4", count=1), "g4dn.xlarge"),
        (Gpu(model="L40S", count=8), "g6e.48xlarge"),
        (Gpu(model="RTX-PRO-6000", count=2), "g7e.12xlarge"),
    ],
)
def test_gpus_are_known_by_the_names_that_people_write(gpu: Gpu, name: str) -> None:
    assert name in {kind.name for kind in fitting(job(resources=Resources(gpu=gpu)), TYPES)}


def test_a_memory_in_a_gpus_name_tells_two_cards_of_one_model_apart() -> None:
    chosen = fitting(job(resources=Resources(gpu=Gpu(model="A100-80GB", count=8))), TYPES)
    assert [kind.name for kind in chosen] == ["p4de.24xlarge"]


@pytest.mark.parametrize(
    ("gpu", "hint"),
    [
        (Gpu(model="A100", count=1), "A100:8"),
        (Gpu(model="L4", count=2), "L4:4"),
        (Gpu(model="T4", count=16), "T4:8"),
        (Gpu(model="L4S", count=1), "L40S"),
        (Gpu(model="H10", count=1), "H100"),
        (Gpu(model="GAUDI2", count=1), "this region has A100"),
    ],
)
def test_a_gpu_that_is_not_to_be_had_names_the_next_that_is(gpu: Gpu, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        fitting(job(resources=Resources(gpu=gpu)), TYPES)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "wanted", "theirs"), [("c7g.large", "x86_64", "arm64"), ("c7i.large", "arm64", "x86_64")]
)
def test_a_named_type_of_another_architecture_is_refused_with_the_flag(name: str, wanted: str, theirs: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} is {theirs}, and {wanted} is requested") as caught:
        fitting(job(resources=Resources(instance_types=(name,), arch=wanted)), TYPES)
    assert caught.value.hint == f"add --arch {theirs}"


def test_a_type_that_is_no_type_is_refused_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match=r"no EC2 type 'm6i\.lorge'") as caught:
        fitting(job(resources=Resources(instance_types=("m6i.lorge",))), (), ["m6i.large", "c7g.large"])
    assert "m6i.large" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", packaged.load().types, ids=lambda kind: kind.name)
def test_a_packaged_types_size_is_its_size_at_aws(kind: InstanceType) -> None:
    real = BY_NAME[kind.name]
    for name in ("vcpu", "memory_mib", "arch", "gpus", "gpu_model", "gpu_memory_mib"):
        assert getattr(kind, name) == getattr(real, name)


def test_the_packaged_table_has_no_burstable_type() -> None:
    assert not [kind.name for kind in packaged.load().types if BY_NAME[kind.name].burstable]
