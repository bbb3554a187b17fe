"""Sentences on money: an estimate beside what it became, and what a job used of what it paid for. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from aws_run.report.format import count, money, size
from aws_run.report.views import EstimateView, UseView

_PLAIN, _BLOCK = "#", "\N{FULL BLOCK}"


def bar(amount: Decimal, most: Decimal, width: int, *, plain: bool) -> str:
    """A bar as long as the amount's share of `most`, at most `width` characters; an amount above nothing has one
    character at the least. `plain`: without characters outside of ASCII."""
    if amount <= 0 or most <= 0:
        return ""
    length = max(1, int((width * amount / most).quantize(Decimal(1), ROUND_HALF_UP)))
    return (_PLAIN if plain else _BLOCK) * min(length, width)


def percent(error: Decimal) -> str:
    """`12 % more`, `3 % less`, `as much`: in place of what was expected."""
    whole = abs(error).quantize(Decimal(1), ROUND_HALF_UP)
    return "as much" if whole == 0 else f"{whole} % {'more' if error > 0 else 'less'}"


def beside_estimate(view: EstimateView) -> str:
    """`12 % more than the estimate, $0.0412`; empty while nobody knows."""
    if view.error_percent is None:
        return ""
    told = percent(view.error_percent)
    return f"{told} {'as' if told == 'as much' else 'than'} the estimate, {money(view.usd)}"


def by_earlier_runs(view: EstimateView) -> str:
    """`$0.12, between $0.10 and $0.20, by 5 earlier runs`."""
    between = ""
    if view.low_usd != view.high_usd:
        between = f", between {money(view.low_usd)} and {money(view.high_usd)}"
    where = "" if view.same_hardware else " on other hardware"
    by = f", by {count(view.runs, 'earlier run')}{where}"
    corrected = ""
    if view.factor is not None and view.factor != 1:
        corrected = f", times {view.factor.normalize():f}, which is what AWS has billed of earlier receipts"
    return f"{money(view.usd)}{between}{by}{corrected}"


def estimate_line(view: EstimateView | None) -> str:
    if view is None:
        return "not estimated: no earlier run of this project told how long it takes"
    told = f"estimated at {by_earlier_runs(view)}"
    return told if view.error_percent is None else f"{told}; it cost {percent(view.error_percent)}"


def use_line(view: UseView) -> str:
    """What was used at most, and what would have been enough; empty where nobody told."""
    parts = []
    if view.peak_memory_bytes is not None:
        whole = size(view.memory_mib * 1024 * 1024)
        parts.append(f"{size(view.peak_memory_bytes)} of {whole} of memory")
    if view.peak_vcpu is not None:
        mean = f" ({view.mean_vcpu:.1f} on average)" if view.mean_vcpu is not None else ""
        parts.append(f"{view.peak_vcpu:.1f} of {view.vcpu:g} vCPU{mean}")
    if view.gpus and view.peak_gpu_percent is not None:
        mean = f" ({view.mean_gpu_percent} % on average)" if view.mean_gpu_percent is not None else ""
        memory = ""
        if view.peak_gpu_memory_mib is not None:
            memory = f" and {size(view.peak_gpu_memory_mib * 1024 * 1024)} of its memory"
        parts.append(f"{view.peak_gpu_percent} % of the GPU{mean}{memory}")
    used = f"peak {', '.join(parts)}" if parts else ""
    return "; ".join(filter(None, (used, smaller_line(view))))


def smaller_line(view: UseView) -> str:
    if not view.smaller or view.smaller_usd is None or view.instead_of_usd is None:
        return ""
    return (
        f"`{view.smaller}` ({view.smaller_hardware}) would have cost {money(view.smaller_usd)} instead of "
        f"{money(view.instead_of_usd)}"
    )
