"""Numbers and foreign text → what people read. Pure."""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

# CSI (colours, cursor), OSC (titles, links; ended by BEL or ST), then any other escape of two characters.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]"
)
# Bidirectional controls can make a terminal show another text than the one that is there.
_BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def clean(text: str) -> str:
    """`text` from a job, a registry or AWS, safe to print: one line, no terminal control.

    A carriage return shows what a terminal would show at last: the part after it (progress bars write so).
    """
    text = _ESCAPES.sub("", text).rstrip("\r\n").rpartition("\r")[2]
    return "".join(map(_safe, text)) if not text.isprintable() or not text.isascii() else text


def _safe(character: str) -> str:
    if character in "\t":
        return character
    if character == "\n":
        return " "
    if ord(character) in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return ""
    return character


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


def unit_price(amount_usd: Decimal) -> str:
    """As exact as price lists are: $0.0357, $0.000111, $2.50."""
    text = f"{amount_usd.quantize(Decimal('0.00000001'), ROUND_HALF_UP):f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"${whole}.{fraction:0<2}"


def quantity(number: Decimal) -> str:
    """At most four decimals, no zeros behind."""
    text = f"{number.quantize(Decimal('0.0001'), ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(amount_s: float) -> str:
    """0.3s, 12s, 1m 12s, 2h 05m, 1d 03h."""
    if amount_s < 0.95:
        return f"{max(amount_s, 0):.1f}s"
    whole = round(amount_s)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02}h"


def size(number_bytes: float) -> str:
    """512 B, 3.1 MB, 1.0 GB: decimal, as disks and networks are sold."""
    value, unit = float(number_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    if unit == 0:
        return f"{int(value)} B"
    return f"{value:.1f} {_UNITS[unit]}" if value < 99.5 else f"{value:.0f} {_UNITS[unit]}"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 file, 2 files, 2,000 files."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def aligned(rows: list[list[str]], *, gap: str = "  ") -> list[str]:
    """Columns as wide as their widest cell; nothing behind the last one."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        lines.append(gap.join(cells).rstrip())
    return lines
