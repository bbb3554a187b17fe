"""What an instance type has, from moto's copy of AWS's own table, read once and only when needed."""

from __future__ import annotations

import functools

from aws_run.frozen import frozen


@frozen
class Spec:
    vcpu: int
    memory_mib: int
    gpus: int
    arch: str


@functools.lru_cache(maxsize=256)
def spec_of(instance_type: str) -> Spec:
    """KeyError for a type that AWS does not have."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    data = INSTANCE_TYPES[instance_type]
    return Spec(
        vcpu=int(data["VCpuInfo"]["DefaultVCpus"]),
        memory_mib=int(data["MemoryInfo"]["SizeInMiB"]),
        gpus=sum(int(g["Count"]) for g in (data.get("GpuInfo") or {}).get("Gpus", [])),
        arch=str(data["ProcessorInfo"]["SupportedArchitectures"][-1]),
    )


def known(instance_type: str) -> bool:
    try:
        spec_of(instance_type)
    except KeyError:
        return False
    return True


def agent_memory_mib(memory_mib: int) -> int:
    """What the ECS agent registers: less than the type has, for the kernel and the OS keep a share."""
    return int(memory_mib * 0.94)
