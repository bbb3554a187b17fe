"""Which hardware can hold a request: EC2 instance types that fit, or a Fargate size. Pure: nothing here knows a
price."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import replace

from aws_run.config import Amount, Gpu, Resources
from aws_run.errors import UsageError
from aws_run.frozen import frozen
from aws_run.pricing import gpus
from aws_run.pricing.catalogue import InstanceType
from aws_run.runs.spec import JobSpec

DEFAULT_VCPU = 2
DEFAULT_MEMORY_MIB = 8192

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


@frozen
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

    A plain `cpu: 4` means exactly 4 vCPU, `4+` any size from 4 up; memory is always rounded up to the next size. What
    is left open is the default or more, unless no size with what was asked for has that.
    """
    memory_mib = wanted.memory_mib.value if wanted.memory_mib else None
    for least_mib in (DEFAULT_MEMORY_MIB, 0) if memory_mib is None else (memory_mib,):
        for size, memories in _sizes_from(wanted.cpu):
            fitting = [memory for memory in memories if memory >= least_mib]
            if fitting:
                return FargateSize(vcpu=size, memory_mib=fitting[0] if least_mib else memories[-1])
    raise _no_fargate_size(wanted)


def _sizes_from(cpu: Amount | None) -> list[tuple[float, tuple[int, ...]]]:
    """Those with the processors that were asked for, else with the default or more, the smallest first."""
    least = cpu.value if cpu else DEFAULT_VCPU
    exact = cpu is not None and not cpu.at_least
    return [(size, each) for size, each in FARGATE_SIZES.items() if size == least or (size > least and not exact)]


def _no_fargate_size(wanted: Resources) -> UsageError:
    cpu, memory_mib = wanted.cpu, wanted.memory_mib.value if wanted.memory_mib else None
    requested = " and ".join(
        part
        for part in (f"{cpu.value:g} vCPU" if cpu else "", f"{memory_mib / 1024:g} GB" if memory_mib else "")
        if part
    )
    sizes = ", ".join(f"{size:g} vCPU: {m[0] / 1024:g}-{m[-1] / 1024:g} GB" for size, m in FARGATE_SIZES.items())
    above = f" --cpu {cpu.value:g}+" if cpu else ""
    larger = Amount(value=cpu.value if cpu else 0, at_least=True)
    near = [size for size, each in _sizes_from(larger) if each[-1] >= (memory_mib or 0)]
    take = f"use{above} or --cpu {near[0]:g}" if near and cpu else f"use --backend ec2{above}"
    return UsageError(f"Fargate has no size for {requested}", hint=f"{take}; Fargate has {sizes}")


def open_note(wanted: Resources) -> str | None:
    """Where only one of processors and memory was asked for, and the default of the other makes the hardware larger; a
    sentence for the plan."""
    cpu, memory = wanted.cpu, wanted.memory_mib
    if wanted.gpu or wanted.instance_types or (cpu is None) is (memory is None):
        return None
    if memory is not None:
        told = f"--memory alone keeps the default of {DEFAULT_VCPU} vCPU; --cpu 1 asks for fewer"
        return told if memory.value <= FARGATE_SIZES[1][-1] else None
    least = 1 if cpu is not None and not cpu.at_least else 0
    told = f"--cpu alone keeps the default of {DEFAULT_MEMORY_MIB // 1024} GB; --memory 4GB asks for less"
    return told if cpu is not None and least <= cpu.value <= DEFAULT_VCPU else None


def more_memory(backend: str, vcpu: float, memory_gb: int) -> str:
    """The options that ask for this much memory and for no fewer processors, beside those that the run had."""
    known = FARGATE_SIZES.get(vcpu, ())
    if backend == "fargate" and memory_gb * 1024 in known:
        return f"--memory {memory_gb}GB"
    elsewhere = "--backend ec2 " if backend == "fargate" and memory_gb * 1024 > FARGATE_SIZES[16][-1] else ""
    return f"{elsewhere}--cpu {vcpu:g}+ --memory {memory_gb}GB"


def with_defaults(wanted: Resources) -> Resources:
    """What EC2 is asked for: what is left open is at least what Fargate gives, 2 vCPU and 8 GB (for a request of less
    than one vCPU, and no more, the most that Fargate has beside it)."""
    if wanted.instance_types or wanted.gpu:
        return wanted
    cpu = wanted.cpu or Amount(value=DEFAULT_VCPU, at_least=True)
    memory_mib = DEFAULT_MEMORY_MIB if cpu.at_least else int(min(1, cpu.value) * DEFAULT_MEMORY_MIB)
    memory = wanted.memory_mib or Amount(value=memory_mib, at_least=True)
    return replace(wanted, cpu=cpu, memory_mib=memory)


def fitting(job: JobSpec, types: Sequence[InstanceType], known: Collection[str] = ()) -> tuple[InstanceType, ...]:
    """Those of `types` that hold the whole task, in the order of `types`. UsageError, with what there is instead, where
    none does. Named types that are not among `types` are left out (`missing`), unless all are. `known`: names to make a
    suggestion of."""
    wanted = with_defaults(job.resources)
    by_name = {kind.name: kind for kind in types}
    unknown = missing(job, types)
    if unknown and len(unknown) == len(wanted.instance_types):
        close = difflib.get_close_matches(unknown[0], {*known, *by_name}, 1)
        raise UsageError(
            f"There is no EC2 type {unknown[0]!r} in this region", hint=f"did you mean {close[0]}?" if close else None
        )
    candidates = [by_name[name] for name in wanted.instance_types if name in by_name] or list(types)
    named = bool(wanted.instance_types)
    chosen = tuple(kind for kind in candidates if fits(kind, wanted, named=named))
    if not chosen:
        raise _nothing_fits(wanted, candidates)
    return chosen


def missing(job: JobSpec, types: Sequence[InstanceType]) -> list[str]:
    """The types that were named and that are not among `types`."""
    names = {kind.name for kind in types}
    return [name for name in job.resources.instance_types if name not in names]


def fits(kind: InstanceType, wanted: Resources, *, named: bool) -> bool:
    """`named`: the user asked for this very type, so more than was requested is fine."""
    if kind.arch != wanted.arch:
        return False
    if wanted.gpu:
        if kind.gpus < wanted.gpu.count or (not named and kind.gpus != wanted.gpu.count):
            return False
        if wanted.gpu.model and not gpus.matches(wanted.gpu.model, kind):
            return False
    elif (kind.gpus or kind.accelerated) and not named:
        return False
    if kind.burstable and not named:
        return False
    if wanted.cpu and (
        kind.vcpu < wanted.cpu.value or (not named and not wanted.cpu.at_least and kind.vcpu != wanted.cpu.value)
    ):
        return False
    return not (wanted.memory_mib and kind.memory_mib < wanted.memory_mib.value)


def _nothing_fits(wanted: Resources, candidates: Sequence[InstanceType]) -> UsageError:
    other = next((kind for kind in candidates if wanted.instance_types and kind.arch != wanted.arch), None)
    if other is not None:
        return UsageError(
            f"{other.name} is {other.arch}, and {wanted.arch} is requested", hint=f"add --arch {other.arch}"
        )
    if wanted.instance_types:
        return UsageError(
            f"{', '.join(kind.name for kind in candidates)}: too small for {_words(wanted)}",
            hint="name larger types, or request less",
        )
    if wanted.gpu:
        return UsageError(f"No EC2 type of this region has {_words(wanted)}", hint=_gpu_hint(wanted.gpu, candidates))
    cpu = wanted.cpu
    hint = "name one with --instance-type, or request less"
    if cpu is not None and not cpu.at_least:
        # Which types there are with more of them was not read: `+` is the request that has to know no number.
        hint = f"use --cpu {cpu.value:g}+ for the cheapest with as many or more, or name one with --instance-type"
    return UsageError(f"No EC2 type of this region fits {_words(wanted)}", hint=hint)


def _gpu_hint(gpu: Gpu, candidates: Sequence[InstanceType]) -> str:
    """The nearest number of the model that a type has, or the models that may have been meant."""
    mine = [kind for kind in candidates if kind.gpus and (not gpu.model or gpus.matches(gpu.model, kind))]
    counts = sorted({kind.gpus for kind in mine})
    name = f"{gpu.model}:" if gpu.model else ""
    if not counts:
        close = gpus.closest(gpu.model or "", candidates)
        if close:
            return f"did you mean {' or '.join(close)}?"
        return f"this region has {', '.join(gpus.models(candidates)) or 'no GPUs'}"
    if gpu.count in counts:
        return "ask for less memory or fewer vCPUs, or leave them out"
    after = [count for count in counts if count > gpu.count] or counts[-1:]
    example = next(kind for kind in mine if kind.gpus == after[0])
    return f"the nearest is --gpu {name}{after[0]} ({example.name}); there are types with {', '.join(map(str, counts))}"


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
