"""What a run is going to cost, by what earlier runs of its project took. Pure.

What they were billed holds everything that a run pays for: boot, waiting for image and input, the job, its end. On
other hardware only the job's own time tells something, and the boot is added.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from aws_run.frozen import frozen
from aws_run.runs.record import EstimateEntry, HardwareEntry

LEAST_BILLED_S = 60  # of any machine


@frozen
class PastRun:
    """A run that ended well. `hardware`: `size_of` what it ran on; `billed_s`: of all its machines or tasks; `job_s`:
    of its last attempt."""

    run_id: str
    hardware: str
    billed_s: float
    job_s: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def past_from_json(value: Any) -> PastRun | None:
    """None for what this version has not written."""
    try:
        return PastRun(
            run_id=str(value["run_id"]),
            hardware=str(value["hardware"]),
            billed_s=float(value["billed_s"]),
            job_s=float(value["job_s"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def size_of(hardware: HardwareEntry) -> str:
    """Runs on hardware of one size take about as long; prices and names of types change from day to day."""
    gpus = f" {hardware.gpus} GPUs {hardware.instance_types[0]}" if hardware.gpus and hardware.instance_types else ""
    return f"{hardware.backend} {hardware.vcpu:g} vCPU {hardware.memory_mib} MiB {hardware.arch}{gpus}"


def estimate(
    past: Sequence[PastRun],
    hardware: HardwareEntry,
    *,
    usd_per_hour: Decimal | None,
    boot_s: float,
    most_s: float,
    factor: Decimal | None = None,
) -> EstimateEntry | None:
    """By the median of the runs on hardware of this size, else of those on any. `most_s`: more is never billed, since
    the run is ended. None without an earlier run, or without a price."""
    if usd_per_hour is None or not past:
        return None
    same = [one.billed_s for one in past if one.hardware == size_of(hardware)]
    seconds = same or [one.job_s + boot_s for one in past]
    seconds = [min(max(one, float(LEAST_BILLED_S)), max(most_s, float(LEAST_BILLED_S))) for one in seconds]
    rate = usd_per_hour / 3600 * (factor if factor is not None else 1)
    median = statistics.median(seconds)
    return EstimateEntry(
        usd=_usd(rate, median),
        low_usd=_usd(rate, min(seconds)),
        high_usd=_usd(rate, max(seconds)),
        billed_s=f"{median:.3f}",
        runs=len(seconds),
        same_hardware=bool(same),
        factor=None if factor is None else f"{factor:f}",
    )


def _usd(rate: Decimal, seconds: float) -> str:
    return f"{rate * Decimal(str(seconds)):.10f}"
