"""What a run's record holds of money: its prices, its estimate, its receipt, and what it used of what it paid for.

Amounts are US dollars as decimal text, so that no digit is lost; so are the seconds that they were made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from aws_run.frozen import frozen


def no_fields() -> Mapping[str, Any]:
    return {}


@frozen
class RateEntry:
    """A price as it was when the run began. `item`: what it is for (instance, gp3, public-ipv4, fargate-vcpu,
    fargate-gb, fargate-storage). `unit`: hour, vCPU-hour, GB-hour or GB-month. `source`: who said so; `as_of`: an ISO
    date. `zone`: a spot price holds in one."""

    item: str
    unit: str
    usd: str
    source: str
    as_of: str
    instance_type: str | None = None
    zone: str | None = None
    spot: bool = False
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class ReceiptLine:
    """What one thing cost: `seconds` as it was used, `billed_s` with AWS's minimum, both as decimal text like all
    money. None: the price is not known. `resources`: what AWS bills it by, as far as that is known: ids of instances,
    volumes and network interfaces, ARNs of tasks."""

    what: str
    seconds: str
    billed_s: str
    usd_per_hour: str | None = None
    usd: str | None = None
    source: str = ""
    as_of: str = ""
    resources: tuple[str, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class Receipt:
    """What a run cost, with the prices that `HardwareEntry.rates` held. `saved_usd`: what the spot market saved.
    `billed_s`: of all its machines or tasks together; None where an older version has not noted it."""

    lines: tuple[ReceiptLine, ...] = ()
    total_usd: str | None = None
    saved_usd: str | None = None
    billed_s: str | None = None
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class EstimateEntry:
    """What the run was expected to cost when it began, by the project's earlier runs: `usd` for `billed_s`, the median
    of `runs` of them with boot and waiting, between `low_usd` and `high_usd`. `same_hardware`: they ran on this very
    hardware. `factor`: what AWS has billed of earlier receipts, which the amounts are multiplied by; None where that is
    not known."""

    usd: str
    low_usd: str
    high_usd: str
    billed_s: str
    runs: int
    same_hardware: bool = True
    factor: str | None = None
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class UsedEntry:
    """What the job used of its machine, by its container's samples of one a second. CPU in per cent of one core, GPU in
    per cent of all of them, their memory together. None: nobody told. A peak of CPU is that of one sample."""

    samples: int = 0
    peak_memory_bytes: int | None = None
    peak_cpu_percent: int | None = None
    mean_cpu_percent: int | None = None
    peak_gpu_percent: int | None = None
    mean_gpu_percent: int | None = None
    peak_gpu_memory_mib: int | None = None
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class SmallerEntry:
    """Cheaper hardware that would have held what the run used, with room to spare: the options that ask for it, its
    name, and what the same billed time would have cost there beside what the run did cost."""

    options: str
    hardware: str
    usd: str
    instead_of_usd: str
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)
