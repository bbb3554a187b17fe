"""From a run's record to the receipt, the estimate and the use that a reporter shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from aws_run.pricing import offers
from aws_run.pricing.network_path import gb_usd
from aws_run.pricing.receipt import LEFT_OUT, find
from aws_run.pricing.right_size import is_its_own
from aws_run.report.format import money, size
from aws_run.report.views import EstimateView, ReceiptLine, ReceiptView, UseView
from aws_run.runs import record as records
from aws_run.runs.record import Record


def receipt_view(record: Record, *, label: str) -> ReceiptView | None:
    """None where there is no receipt, and where a price is unknown: a partial sum would look like a whole one. `label`:
    what the sum is, the cost or what an embedded AWS simulates."""
    receipt = record.receipt
    if receipt is None or receipt.total_usd is None:
        return None
    total_usd = Decimal(receipt.total_usd)
    return ReceiptView(
        lines=tuple(_line(line) for line in receipt.lines),
        total_usd=total_usd,
        priced_on=_oldest(receipt.lines),
        sources=tuple(dict.fromkeys(line.source for line in receipt.lines if line.source)),
        saved_usd=Decimal(receipt.saved_usd or 0),
        label=label,
        left_out=left_out(record),
        estimate=estimate_view(record, total_usd),
        use=use_view(record),
    )


def left_out(record: Record) -> tuple[str, ...]:
    """What the receipt does not have, with a price where it is known: a NAT gateway is the network's own and bills by
    the GB. Of its GB the input's are known, once for each attempt, and only as the least there were."""
    rates = record.hardware.rates if record.hardware is not None else ()
    price = find(rates, offers.NAT_GB)  # among the rates where S3 was reached through one
    sent = sum(_bytes(one) for one in record.inputs)
    if price is None or not sent:
        return LEFT_OUT
    times = max(1, len(record.tasks[0].attempts)) if record.tasks else 1
    usd = gb_usd(Decimal(price.usd), sent * times)
    what = size(sent) if times == 1 else f"{times} times {size(sent)}"
    text = f"{money(usd)} at least of the NAT gateway for {what} of input, and more for the image and the outputs"
    return (*LEFT_OUT, text)


def _bytes(one: Mapping[str, object]) -> int:
    value = one.get("bytes")
    return value if isinstance(value, int) and value > 0 else 0


def estimate_view(record: Record, actual_usd: Decimal | None = None) -> EstimateView | None:
    """`actual_usd`: what the run did cost."""
    estimate = record.estimate
    if estimate is None:
        return None
    return entry_view(estimate, actual_usd)


def entry_view(estimate: records.EstimateEntry, actual_usd: Decimal | None = None) -> EstimateView:
    expected = Decimal(estimate.usd)
    known = actual_usd is not None and expected > 0
    return EstimateView(
        usd=expected,
        low_usd=Decimal(estimate.low_usd),
        high_usd=Decimal(estimate.high_usd),
        runs=estimate.runs,
        same_hardware=estimate.same_hardware,
        error_percent=(actual_usd - expected) / expected * 100 if known and actual_usd is not None else None,
        factor=None if estimate.factor is None else Decimal(estimate.factor),
    )


def use_view(record: Record) -> UseView | None:
    used, hardware, smaller = record.used, record.hardware, record.smaller
    if used is None or hardware is None or not is_its_own(used, hardware):
        return None
    return UseView(
        vcpu=hardware.vcpu,
        memory_mib=hardware.memory_mib,
        peak_memory_bytes=used.peak_memory_bytes,
        peak_vcpu=_cores(used.peak_cpu_percent),
        mean_vcpu=_cores(used.mean_cpu_percent),
        gpus=hardware.gpus,
        peak_gpu_percent=used.peak_gpu_percent,
        mean_gpu_percent=used.mean_gpu_percent,
        peak_gpu_memory_mib=used.peak_gpu_memory_mib,
        smaller=smaller.options if smaller else "",
        smaller_hardware=smaller.hardware if smaller else "",
        smaller_usd=Decimal(smaller.usd) if smaller else None,
        instead_of_usd=Decimal(smaller.instead_of_usd) if smaller else None,
    )


def _cores(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


def _oldest(lines: tuple[records.ReceiptLine, ...]) -> date | None:
    """The day of the oldest price; None where no line has one."""
    days = [line.as_of for line in lines if line.as_of]
    try:
        return date.fromisoformat(min(days)) if days else None
    except ValueError:
        return None  # a record that somebody else has written


def _line(line: records.ReceiptLine) -> ReceiptLine:
    return ReceiptLine(
        what=line.what,
        quantity=Decimal(line.billed_s) / 3600,
        unit="h",
        unit_price_usd=Decimal(line.usd_per_hour or 0),
        amount_usd=Decimal(line.usd or 0),
    )
