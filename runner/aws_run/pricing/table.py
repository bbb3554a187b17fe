"""A small table of EC2 types and prices, entered by hand: on-demand, Linux, us-east-1, in USD per hour.

It stands in for AWS's price list: good enough to choose a type, and for a receipt that names the table's date. Spot
prices change all the time; a receipt shows the on-demand price as the upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

PRICED_ON = "2025-06"
PRICED_REGION = "us-east-1"

FARGATE_VCPU_HOUR = {"x86_64": Decimal("0.04048"), "arm64": Decimal("0.03238")}
FARGATE_GB_HOUR = {"x86_64": Decimal("0.004445"), "arm64": Decimal("0.00356")}
FARGATE_STORAGE_GB_HOUR = Decimal("0.000111")
FARGATE_FREE_STORAGE_GIB = 20
PUBLIC_IPV4_HOUR = Decimal("0.005")
GP3_GB_MONTH = Decimal("0.08")
HOURS_A_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    name: str
    vcpu: int
    memory_mib: int
    usd_per_hour: Decimal | None
    gpus: int = 0
    gpu_model: str | None = None
    arch: Literal["x86_64", "arm64"] = "x86_64"

    @property
    def usable_memory_mib(self) -> int:
        """What a task can reserve: the machine's memory without what the kernel and the ECS agent keep (about 7 %)."""
        return self.memory_mib - max(420, self.memory_mib * 7 // 100)


def _family(
    family: str,
    first: float,
    sizes: tuple[tuple[str, int], ...],
    memory_per_vcpu_gib: float,
    *,
    arch: Literal["x86_64", "arm64"] = "x86_64",
) -> list[InstanceType]:
    """A family whose price is proportional to its vCPUs; `first` is the price of two vCPUs."""
    return [
        InstanceType(
            name=f"{family}.{size}",
            vcpu=vcpu,
            memory_mib=int(vcpu * memory_per_vcpu_gib * 1024),
            usd_per_hour=Decimal(str(first)) * vcpu / 2,
            arch=arch,
        )
        for size, vcpu in sizes
    ]


_UP_TO_48 = (
    ("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16), ("8xlarge", 32),
    ("12xlarge", 48), ("16xlarge", 64), ("24xlarge", 96), ("48xlarge", 192),
)  # fmt: skip
_UP_TO_32 = (*_UP_TO_48[:7], ("24xlarge", 96), ("32xlarge", 128))
_GRAVITON = (*_UP_TO_48[:7],)

_GPU: tuple[tuple[str, int, int, str, int, str], ...] = (
    # name, vCPU, memory in GiB, USD/h, GPUs, model
    ("g4dn.xlarge", 4, 16, "0.526", 1, "T4"),
    ("g4dn.2xlarge", 8, 32, "0.752", 1, "T4"),
    ("g4dn.4xlarge", 16, 64, "1.204", 1, "T4"),
    ("g4dn.8xlarge", 32, 128, "2.176", 1, "T4"),
    ("g4dn.12xlarge", 48, 192, "3.912", 4, "T4"),
    ("g5.xlarge", 4, 16, "1.006", 1, "A10G"),
    ("g5.2xlarge", 8, 32, "1.212", 1, "A10G"),
    ("g5.4xlarge", 16, 64, "1.624", 1, "A10G"),
    ("g5.8xlarge", 32, 128, "2.448", 1, "A10G"),
    ("g5.16xlarge", 64, 256, "4.096", 1, "A10G"),
    ("g5.12xlarge", 48, 192, "5.672", 4, "A10G"),
    ("g5.24xlarge", 96, 384, "8.144", 4, "A10G"),
    ("g5.48xlarge", 192, 768, "16.288", 8, "A10G"),
    ("g6.xlarge", 4, 16, "0.8048", 1, "L4"),
    ("g6.2xlarge", 8, 32, "0.9776", 1, "L4"),
    ("g6.4xlarge", 16, 64, "1.3232", 1, "L4"),
    ("g6.8xlarge", 32, 128, "2.0144", 1, "L4"),
    ("g6.16xlarge", 64, 256, "3.3968", 1, "L4"),
    ("g6.12xlarge", 48, 192, "4.6016", 4, "L4"),
    ("g6.24xlarge", 96, 384, "6.6752", 4, "L4"),
    ("g6.48xlarge", 192, 768, "13.3504", 8, "L4"),
    ("g6e.xlarge", 4, 32, "1.861", 1, "L40S"),
    ("g6e.2xlarge", 8, 64, "2.24208", 1, "L40S"),
    ("g6e.4xlarge", 16, 128, "3.00424", 1, "L40S"),
    ("g6e.8xlarge", 32, 256, "4.52856", 1, "L40S"),
    ("g6e.12xlarge", 48, 384, "10.49264", 4, "L40S"),
    ("p4d.24xlarge", 96, 1152, "21.95764", 8, "A100"),
    ("p5.48xlarge", 192, 2048, "55.04", 8, "H100"),
)

TYPES: tuple[InstanceType, ...] = (
    InstanceType(name="t3.medium", vcpu=2, memory_mib=4096, usd_per_hour=Decimal("0.0416")),
    InstanceType(name="t3.large", vcpu=2, memory_mib=8192, usd_per_hour=Decimal("0.0832")),
    InstanceType(name="t3.xlarge", vcpu=4, memory_mib=16384, usd_per_hour=Decimal("0.1664")),
    *_family("c6i", 0.085, _UP_TO_32, 2),
    *_family("m6i", 0.096, _UP_TO_32, 4),
    *_family("r6i", 0.126, _UP_TO_32, 8),
    *_family("c7i", 0.08925, _UP_TO_48, 2),
    *_family("m7i", 0.1008, _UP_TO_48, 4),
    *_family("r7i", 0.1323, _UP_TO_48, 8),
    *_family("c7g", 0.0725, _GRAVITON, 2, arch="arm64"),
    *_family("m7g", 0.0816, _GRAVITON, 4, arch="arm64"),
    *_family("r7g", 0.1071, _GRAVITON, 8, arch="arm64"),
    *(
        InstanceType(name=name, vcpu=vcpu, memory_mib=gib * 1024, usd_per_hour=Decimal(usd), gpus=gpus, gpu_model=model)
        for name, vcpu, gib, usd, gpus, model in _GPU
    ),
)  # fmt: skip

BY_NAME = {instance_type.name: instance_type for instance_type in TYPES}
