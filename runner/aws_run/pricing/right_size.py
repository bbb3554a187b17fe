"""From what a job used to the least hardware that would have held it. Pure.

Nothing is suggested that would not have held the peak with room to spare: memory a quarter more than its peak and at
least 256 MiB, processors a tenth more than the busiest second. What nobody measured stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from aws_run.config import Amount, Resources
from aws_run.pricing.hardware import FARGATE_SIZES
from aws_run.pricing.offers import Choice
from aws_run.runs.record import HardwareEntry, SmallerEntry, UsedEntry
from aws_run.runs.spec import JobSpec

_LEAST_SAMPLES = 20  # of one a second: what ran for less says little of its peak
_MEMORY_ROOM, _MEMORY_ROOM_MIB, _CPU_ROOM = 1.25, 256, 1.1
_AGENT_SHARE = 0.92  # of a machine's memory, what its system and agent leave of a small one
_LIMIT_ROOM = 1.1  # of the smallest of a group's machines
_GPU_UNUSED_MIB = 64  # what a driver holds on a GPU that nobody uses
_WORTH = Decimal("0.9")  # of the cost: less than a tenth is within the noise of two runs


def least_memory_mib(used: UsedEntry) -> int | None:
    if not used.peak_memory_bytes:
        return None
    peak_mib = used.peak_memory_bytes / 1024**2
    return math.ceil(max(peak_mib * _MEMORY_ROOM, peak_mib + _MEMORY_ROOM_MIB))


def least_vcpu(used: UsedEntry) -> float | None:
    return None if used.peak_cpu_percent is None else used.peak_cpu_percent / 100 * _CPU_ROOM


def is_its_own(used: UsedEntry, hardware: HardwareEntry) -> bool:
    """False where the counters were of more than the job: no container has more memory than its limit. A task that the
    embedded AWS runs as a plain process is counted with the whole machine."""
    return (used.peak_memory_bytes or 0) <= hardware.memory_mib * 1024**2 * _LIMIT_ROOM


def used_no_gpu(used: UsedEntry) -> bool:
    """Whether its container saw the GPUs, and saw nothing use them."""
    return used.peak_gpu_percent == 0 and (used.peak_gpu_memory_mib or 0) <= _GPU_UNUSED_MIB


def smaller_job(job: JobSpec, hardware: HardwareEntry, used: UsedEntry) -> JobSpec | None:
    """The job as it would ask for the least that holds what it used; None where that is what it had, or where too
    little was measured. A type that the user named is given up, since only another one is smaller."""
    memory_mib, vcpu = least_memory_mib(used), least_vcpu(used)
    if used.samples < _LEAST_SAMPLES or memory_mib is None or not is_its_own(used, hardware):
        return None
    if hardware.backend == "fargate":
        vcpu = next((size for size in FARGATE_SIZES if vcpu is not None and size >= vcpu), hardware.vcpu)
    else:
        vcpu = hardware.vcpu if vcpu is None else max(1, math.ceil(vcpu))
        memory_mib = math.ceil(memory_mib / _AGENT_SHARE)
    vcpu = min(vcpu, hardware.vcpu)
    wanted_gib = min(math.ceil(memory_mib / 1024 * 2) / 2, math.ceil(hardware.memory_mib / 1024))
    without_gpu = hardware.gpus > 0 and used_no_gpu(used)
    if vcpu >= hardware.vcpu and wanted_gib * 1024 >= hardware.memory_mib and not without_gpu:
        return None
    resources = Resources(
        cpu=Amount(value=vcpu, at_least=True),
        memory_mib=Amount(value=wanted_gib * 1024, at_least=True),
        gpu=None if without_gpu else job.resources.gpu,
        disk_gib=hardware.disk_gib or job.resources.disk_gib,
        arch=job.resources.arch,
    )
    gpu = resources.gpu
    if hardware.gpus and not without_gpu and (gpu is None or gpu.model is None):
        return None  # which GPU it was is not on record, and another may have less memory
    return replace(job, resources=resources, backend="fargate" if hardware.backend == "fargate" else "ec2")


def smaller(
    job: JobSpec,
    hardware: HardwareEntry,
    used: UsedEntry,
    choices: Sequence[Choice],
    *,
    billed_s: Decimal,
    paid_usd: Decimal,
) -> SmallerEntry | None:
    """`job`: as `smaller_job` gave it; `choices`: the real offers for it, best first. The one that a submit with these
    options would take, where it costs at least a tenth less for the same time and surely holds what was used."""
    best = next((one for one in choices if one.spot is hardware.spot), None)
    if best is None or best.usd_per_hour is None or not _holds(best, used, hardware, job):
        return None
    usd = best.usd_per_hour * billed_s / 3600
    if usd > paid_usd * _WORTH:
        return None
    return SmallerEntry(
        options=_options(job.resources, hardware, best),
        hardware=f"{best.name}, {best.vcpu:g} vCPU, {best.memory_mib / 1024:g} GB{_gpu_words(best, hardware)}",
        usd=f"{usd:.6f}",
        instead_of_usd=f"{paid_usd:.6f}",
    )


def _gpu_words(choice: Choice, hardware: HardwareEntry) -> str:
    return ", without the GPU that nothing used" if hardware.gpus and not choice.gpus else ""


def _holds(choice: Choice, used: UsedEntry, hardware: HardwareEntry, job: JobSpec) -> bool:
    memory_mib, vcpu = least_memory_mib(used), least_vcpu(used)
    if memory_mib is None or choice.usable_memory_mib < min(memory_mib, hardware.memory_mib):
        return False
    if choice.vcpu < min(hardware.vcpu if vcpu is None else vcpu, hardware.vcpu):
        return False
    return job.resources.gpu is None or choice.gpus >= hardware.gpus


def _options(wanted: Resources, hardware: HardwareEntry, best: Choice) -> str:
    """`auto` would take Fargate where no GPU is wanted any more. Fargate has sizes: the one is named."""
    words = ["--backend ec2"] if hardware.backend == "ec2" and wanted.gpu is None else []
    if wanted.cpu is not None:
        words.append(f"--cpu {wanted.cpu.value:g}+")
    if wanted.memory_mib is not None:
        memory_mib = best.memory_mib if hardware.backend == "fargate" else wanted.memory_mib.value
        words.append(f"--memory {memory_mib / 1024:g}GB")
    if wanted.gpu is not None:
        words.append(f"--gpu {wanted.gpu.model}:{wanted.gpu.count}")
    return " ".join(words)
