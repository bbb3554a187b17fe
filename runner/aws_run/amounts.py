"""How many bytes and how much money, for people: the one form of each in all messages. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number_bytes: float) -> str:
    """512 B, 3.1 MiB, 1.0 GiB: bytes are counted in binary units, each under its own name."""
    value, unit = float(number_bytes), 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    if unit == 0:
        return f"{int(value)} B"
    return f"{value:.1f} {_UNITS[unit]}" if value < 99.5 else f"{value:.0f} {_UNITS[unit]}"


def money(amount_usd: Decimal) -> str:
    """$12.34, and four decimals under a dollar: $0.0412."""
    sign = "-" if amount_usd < 0 else ""
    amount = abs(amount_usd)
    if amount == 0:
        return "$0.00"
    if amount < Decimal("0.0001"):
        return f"{sign}<$0.0001" if not sign else "-$0.0001"
    if amount < 1:
        small = amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        if small < 1:
            return f"{sign}${small}"
    return f"{sign}${amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def limit_money(amount_usd: Decimal, rounding: str = ROUND_HALF_UP) -> str:
    """An amount that a limit is compared with: $5.00, and four decimals where cents would hide a part of less than ten
    of them ($0.0063)."""
    cents = amount_usd.quantize(Decimal("0.01"), rounding)
    if amount_usd >= Decimal("0.1") or cents == amount_usd:
        return f"${cents:,}"
    small = amount_usd.quantize(Decimal("0.0001"), rounding)
    return f"${small.quantize(Decimal('0.01')) if small == small.quantize(Decimal('0.01')) else small}"
