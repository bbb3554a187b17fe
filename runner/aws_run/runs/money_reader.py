"""Reading what a run's record holds of money: typed, within limits, each amount an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from decimal import Decimal, InvalidOperation
from typing import Any

from aws_run.documents import DocumentError, Fields, harmless
from aws_run.runs.money_entries import EstimateEntry, RateEntry, Receipt, ReceiptLine, SmallerEntry, UsedEntry

MOST_RATES = 10_000
_MOST_USD = Decimal(10) ** 9
_MOST_DECIMALS = 100  # 1E-999999999 is a number, and a gigabyte where it is written out


def unknown_of(fields: Fields, value_type: type) -> Mapping[str, Any]:
    """The fields that `value_type` does not have."""
    known = {each.name for each in fields_of(value_type)} - {"unknown", "newer_reason"}  # those are in no document
    return {name: value for name, value in fields.values.items() if name not in known}


def rate(fields: Fields) -> RateEntry:
    known = {name: harmless(fields.text(name, most_chars=200)) for name in ("item", "unit", "usd", "source", "as_of")}
    check_amount("usd", known["usd"])
    return RateEntry(
        **known,
        instance_type=_harmless_or_none(fields, "instance_type"),
        zone=_harmless_or_none(fields, "zone"),
        spot=fields.flag("spot") if "spot" in fields else False,
        unknown=unknown_of(fields, RateEntry),
    )


def receipt(fields: Fields) -> Receipt:
    return Receipt(
        lines=tuple(_receipt_line(one) for one in fields.objects("lines", most=MOST_RATES)),
        total_usd=_amount_or_none(fields, "total_usd"),
        saved_usd=_amount_or_none(fields, "saved_usd"),
        billed_s=_amount_or_none(fields, "billed_s"),
        unknown=unknown_of(fields, Receipt),
    )


def _receipt_line(fields: Fields) -> ReceiptLine:
    texts = {name: harmless(fields.text(name, most_chars=200)) for name in ("what", "source", "as_of")}
    seconds = {name: fields.text(name, most_chars=100) for name in ("seconds", "billed_s")}
    for name, text in seconds.items():
        check_amount(name, text)
    return ReceiptLine(
        **texts,
        **seconds,
        usd_per_hour=_amount_or_none(fields, "usd_per_hour"),
        usd=_amount_or_none(fields, "usd"),
        resources=tuple(map(harmless, _texts(fields, "resources"))),
        unknown=unknown_of(fields, ReceiptLine),
    )


def estimate(fields: Fields) -> EstimateEntry:
    texts = {name: fields.text(name, most_chars=100) for name in ("usd", "low_usd", "high_usd", "billed_s")}
    for name, text in texts.items():
        check_amount(name, text)
    return EstimateEntry(
        **texts,
        runs=fields.whole("runs", least=1, most=10**6),
        same_hardware=fields.flag("same_hardware"),
        factor=_amount_or_none(fields, "factor"),
        unknown=unknown_of(fields, EstimateEntry),
    )


def used(fields: Fields) -> UsedEntry:
    """As a record holds it, and as the container writes it into its result. DocumentError where it is neither."""
    return UsedEntry(
        samples=fields.whole("samples", least=0, most=10**9),
        peak_memory_bytes=fields.whole_or_none("peak_memory_bytes", least=0, most=2**60),
        peak_cpu_percent=fields.whole_or_none("peak_cpu_percent", least=0, most=10**6),
        mean_cpu_percent=fields.whole_or_none("mean_cpu_percent", least=0, most=10**6),
        peak_gpu_percent=fields.whole_or_none("peak_gpu_percent", least=0, most=100),
        mean_gpu_percent=fields.whole_or_none("mean_gpu_percent", least=0, most=100),
        peak_gpu_memory_mib=fields.whole_or_none("peak_gpu_memory_mib", least=0, most=2**40),
        unknown=unknown_of(fields, UsedEntry),
    )


def smaller(fields: Fields) -> SmallerEntry:
    amounts = {name: fields.text(name, most_chars=100) for name in ("usd", "instead_of_usd")}
    for name, text in amounts.items():
        check_amount(name, text)
    return SmallerEntry(
        options=harmless(fields.text("options", most_chars=500)),
        hardware=harmless(fields.text("hardware", most_chars=500)),
        **amounts,
        unknown=unknown_of(fields, SmallerEntry),
    )


def _texts(fields: Fields, name: str) -> Sequence[str]:
    return fields.texts(name, most=1000, most_chars=2048) if name in fields else ()


def _amount_or_none(fields: Fields, name: str) -> str | None:
    text = fields.text_or_none(name, most_chars=100)
    check_amount(name, text)
    return text


def _harmless_or_none(fields: Fields, name: str) -> str | None:
    text = fields.text_or_none(name, most_chars=100)
    return None if text is None else harmless(text)


def check_amount(name: str, text: str | None) -> None:
    if text is not None and usd_of(text) is None:
        raise DocumentError(f"has a {name!r} that is not an amount of money")


def usd_of(text: str) -> Decimal | None:
    """None for what is not an amount that somebody could be billed, in digits that somebody could read."""
    try:
        usd = Decimal(text)
    except InvalidOperation:
        return None
    if not usd.is_finite() or not 0 <= usd <= _MOST_USD:
        return None
    exponent = usd.as_tuple().exponent
    return usd if isinstance(exponent, int) and -_MOST_DECIMALS <= exponent <= _MOST_DECIMALS else None
