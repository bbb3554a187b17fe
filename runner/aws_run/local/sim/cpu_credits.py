"""What EC2 charges a burstable instance in unlimited mode for: CPU credits that it spent and had not earned. Pure.

By the EC2 User Guide, "Unlimited mode examples": each vCPU earns its baseline, up to what it earns in 24 hours; a busy
one spends an hour of itself an hour. What is spent without having been earned is surplus, paid down by what is earned
later. Surplus above what is earned in 24 hours is charged at once, the rest when the instance ends. T3 starts without
credits. Nobody measures processors here: an instance counts as wholly busy while a task runs on it, the most that AWS
can charge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

_HOURS_HELD = 24
_USD_PER_VCPU_HOUR = {"t2": Decimal("0.05"), "t3": Decimal("0.05"), "t3a": Decimal("0.05"), "t4g": Decimal("0.04")}
# The share of each vCPU that is earned, in percent (EC2 User Guide, "Burstable performance instances", its table).
_BASELINE_PERCENT = {
    "nano": 5, "micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 40, "2xlarge": 40,
}  # fmt: skip
_T2_BASELINE_PERCENT = {
    "nano": "5",
    "micro": "10",
    "small": "20",
    "medium": "20",
    "large": "30",
    "xlarge": "22.5",
    "2xlarge": "17",
}

Interval = tuple[datetime, datetime]


def unlimited(instance_type: str, launch_data: Mapping[str, Any]) -> bool:
    """Whether it is launched so: by its template, else as an account's default is, standard for T2 alone."""
    family = instance_type.partition(".")[0]
    if family not in _USD_PER_VCPU_HOUR:
        return False
    asked = (launch_data.get("CreditSpecification") or {}).get("CpuCredits")
    return bool(asked == "unlimited" or (not asked and family != "t2"))


def surplus_usd(instance_type: str, vcpus: int, began: datetime, until: datetime, busy: Iterable[Interval]) -> Decimal:
    """What an unlimited instance that was there from `began` to `until` is charged for its credits; `busy` may overlap
    and go beyond. An instance that is still there counts as ended now."""
    family, _, size = instance_type.partition(".")
    baseline = Decimal(_T2_BASELINE_PERCENT[size] if family == "t2" else _BASELINE_PERCENT[size]) / 100
    most = baseline * vcpus * _HOURS_HELD  # vCPU-hours
    balance = charged = Decimal(0)
    at = began
    for first, last in [*_joined(busy, began, until), (until, until)]:
        balance = min(balance + _hours(at, first) * baseline * vcpus, most)
        balance -= _hours(first, last) * (1 - baseline) * vcpus
        charged += max(-balance - most, Decimal(0))
        balance = max(balance, -most)
        at = last
    return (charged + max(-balance, Decimal(0))) * _USD_PER_VCPU_HOUR[family]


def _joined(intervals: Iterable[Interval], began: datetime, until: datetime) -> list[Interval]:
    """Within the two times, in order, none overlapping another."""
    joined: list[Interval] = []
    for first, last in sorted((max(first, began), min(last, until)) for first, last in intervals):
        if first >= last:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _hours(first: datetime, last: datetime) -> Decimal:
    return Decimal(str((last - first).total_seconds())) / 3600
