"""Chooses the hardware for a request: EC2 instance types that fit, or a Fargate size. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from aws_run.config import Resources
from aws_run.errors import UsageError
from aws_run.pricing.table import TYPES, InstanceType
from aws_run.runs.spec import JobSpec

DEFAULT_VCPU = 2
DEFAULT_MEMORY_MIB = 8192
_ON_DEMAND_CHOICES = 4
_SPOT_CHOICES = 8

# vCPU -> memory sizes in MiB (aws-facts §4).
FARGATE_SIZES: dict[float, tuple[int, ...]] = {
    0.25: (512, 1024, 2048),
    0.5: tuple(range(1024, 4097, 1024)),
    1: tuple(range(2048, 8193, 1024)),
    2: tuple(range(4096, 16385, 1024)),
    4: tuple(range(8192, 30721, 1024)),
    8: tuple(range(16384, 61441, 4096)),
    16: tuple(range(32768, 122881, 8192)),
}
FARGATE_DISK_GIB = (20, 200)


@dataclass(frozen=True, kw_only=True)
class FargateSize:
    vcpu: float
    memory_mib: int


def backend_for(job: JobSpec) -> str:
    """The backend of `auto`: Fargate, unless only EC2 offers what is requested."""
    if job.backend != "auto":
        return job.backend
    if job.spot_policy == "auto":  # Fargate Spot never falls back to on-demand by itself (aws-facts §4)
        return "ec2"
    wanted = job.resources
    big = (wanted.cpu is not None and wanted.cpu.value > 16) or (
        wanted.memory_mib is not None and wanted.memory_mib.value > 120 * 1024
    )
    big = big or (wanted.disk_gib is not None and wanted.disk_gib > FARGATE_DISK_GIB[1])
    return "ec2" if wanted.gpu or wanted.instance_types or big else "fargate"


def fargate_size(wanted: Resources) -> FargateSize:
    """The smallest Fargate size with at least the requested CPU and memory. UsageError if there is none.

    A plain `cpu: 4` means exactly 4 vCPU, `4+` any size from 4 up; memory is always rounded up to the next size.
    """
    memory_mib = wanted.memory_mib.value if wanted.memory_mib else None
    vcpu = wanted.cpu.value if wanted.cpu else (DEFAULT_VCPU if memory_mib is None else min(FARGATE_SIZES))
    exact = wanted.cpu is not None and not wanted.cpu.at_least
    for size, memories in FARGATE_SIZES.items():
        if size < vcpu or (exact and size != vcpu):
            continue
        least_mib = memory_mib if memory_mib is not None else min(DEFAULT_MEMORY_MIB, memories[-1])
        fitting = [memory for memory in memories if memory >= least_mib]
        if fitting:
            return FargateSize(vcpu=size, memory_mib=fitting[0])
    sizes = ", ".join(f"{size:g} vCPU: {m[0] / 1024:g}-{m[-1] / 1024:g} GB" for size, m in FARGATE_SIZES.items())
    requested = " and ".join(
        part
        for part in (f"{vcpu:g} vCPU" if wanted.cpu else "", f"{memory_mib / 1024:g} GB" if memory_mib else "")
        if part
    )
    raise UsageError(f"Fargate has no size for {requested}", hint=f"it has {sizes}; or use --backend ec2")


def instance_types(job: JobSpec, described: Sequence[InstanceType] = ()) -> tuple[InstanceType, ...]:
    """The instance types to request, cheapest first. Each of them can hold the whole task, because a group whose
    smallest type can't never scales. `described`: types that the user named and the table lacks, as EC2 describes them.

    UsageError if nothing fits.
    """
    wanted = job.resources
    known = {kind.name: kind for kind in (*TYPES, *described)}
    if wanted.instance_types:
        unknown = [name for name in wanted.instance_types if name not in known]
        if unknown:
            close = difflib.get_close_matches(unknown[0], known, 1)
            raise UsageError(
                f"There is no EC2 type {unknown[0]!r}", hint=f"did you mean {close[0]}?" if close else None
            )
        candidates = [known[name] for name in wanted.instance_types]
    else:
        candidates = list(TYPES)
    fitting = [kind for kind in candidates if _fits(kind, wanted, named=bool(wanted.instance_types))]
    limit = job.limits.max_price_usd_per_hour
    if limit is not None:
        affordable = [kind for kind in fitting if kind.usd_per_hour is None or kind.usd_per_hour <= Decimal(str(limit))]
        if fitting and not affordable:
            cheapest = min(fitting, key=_price)
            raise UsageError(
                f"Nothing that fits costs at most ${limit:.2f} an hour",
                hint=f"the cheapest is {cheapest.name} at ${cheapest.usd_per_hour} (on-demand)",
            )
        fitting = affordable
    if not fitting:
        other = next(
            (kind for kind in candidates if wanted.instance_types and kind.arch != wanted.arch),
            None,
        )
        if other is not None:
            raise UsageError(
                f"{other.name} is {other.arch}, and {wanted.arch} is requested", hint=f"add --arch {other.arch}"
            )
        raise UsageError(
            f"No EC2 type in the price table fits {_words(wanted)}",
            hint="name one with --instance-type, or request less",
        )
    if wanted.instance_types:
        return tuple(fitting)
    fitting.sort(key=_price)
    spot = job.spot_policy != "on-demand"
    ceiling = _price(fitting[0]) * (2 if spot else Decimal("1.5"))
    return tuple(kind for kind in fitting if _price(kind) <= ceiling)[: _SPOT_CHOICES if spot else _ON_DEMAND_CHOICES]


def _fits(kind: InstanceType, wanted: Resources, *, named: bool) -> bool:
    if kind.arch != wanted.arch:
        return False
    if wanted.gpu:
        if kind.gpus < wanted.gpu.count or (not named and kind.gpus != wanted.gpu.count):
            return False
        if wanted.gpu.model and (kind.gpu_model or "").lower() != wanted.gpu.model.lower():
            return False
    elif kind.gpus and not named:
        return False
    if wanted.cpu and (
        kind.vcpu < wanted.cpu.value or (not named and not wanted.cpu.at_least and kind.vcpu != wanted.cpu.value)
    ):
        return False
    if wanted.memory_mib and kind.memory_mib < wanted.memory_mib.value:
        return False
    if not named and not wanted.gpu:  # nothing requested: not the smallest machines
        return (wanted.cpu is not None or kind.vcpu >= DEFAULT_VCPU) and (
            wanted.memory_mib is not None or kind.memory_mib >= min(DEFAULT_MEMORY_MIB, kind.vcpu * 2048)
        )
    return True


def _price(kind: InstanceType) -> Decimal:
    return kind.usd_per_hour if kind.usd_per_hour is not None else Decimal(10**6)


def _words(wanted: Resources) -> str:
    parts = []
    if wanted.gpu:
        parts.append(f"{wanted.gpu.count} x {wanted.gpu.model or 'GPU'}")
    if wanted.cpu:
        parts.append(f"{wanted.cpu.value:g}{'+' if wanted.cpu.at_least else ''} vCPU")
    if wanted.memory_mib:
        parts.append(f"{wanted.memory_mib.value / 1024:g} GB")
    parts.append(wanted.arch)
    return ", ".join(parts)
