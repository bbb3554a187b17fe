"""Numbers and text from elsewhere, made readable and harmless. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from aws_run.amounts import money as money
from aws_run.amounts import size as size
from aws_run.events import JobUsage

_EXACT = 6  # decimals of a dollar, as in JSON and CSV

# CSI (colours, cursor), then strings that a terminal keeps to itself (titles, links, the clipboard; ended by BEL or
# ST), then any other escape of two characters. Each takes time that grows with the text's length only.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]"
)
# Invisible characters: bidirectional controls, which make a terminal show a different text from the one that is there,
# and others that hide one. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
_UNSEEN = {
    0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF,
    *range(0xFFF9, 0xFFFC), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE0080),
}  # fmt: skip
# GitHub's runner carries out `::command::` at the start of a line and `##[command]` anywhere (actions/runner,
# ActionCommand.cs); Azure Pipelines and TeamCity have `##vso[` and `##teamcity[`. The runner compares as its language
# does, and so passes over characters without a width of their own: those that stay here are allowed for.
_NO_WIDTH = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0\U000e0080-\U000e0fff"
# A command's second `::` may come with the next cell of a table, so a name behind the first is enough.
_COLON_COMMAND = re.compile(
    rf"(?<![^\s{_NO_WIDTH}]):(?:[{_NO_WIDTH}]*:)+(?=[{_NO_WIDTH}]*[^\W\d_]|.*?:[{_NO_WIDTH}]*:)"
)
_HASH_COMMAND = re.compile(rf"#(?=[{_NO_WIDTH}]*#[\w{_NO_WIDTH}]*\[)")


def clean(text: str) -> str:
    """`text` from a job, a registry, a project or AWS, safe to print: one line, no terminal control, nothing that a CI
    system takes for a command to itself.

    A carriage return shows what a terminal would show at last: the part after it (progress bars write so).
    """
    text = _ESCAPES.sub("", text).rstrip("\r\n").rpartition("\r")[2]
    if not text.isprintable() or not text.isascii():
        text = "".join(map(_safe, text))
    # A visible space inside is enough that it is no command any more.
    return _HASH_COMMAND.sub("# ", _COLON_COMMAND.sub(lambda match: " ".join(match[0]), text))


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON in plain ASCII that no CI system takes for a command: `##[…]` within a string is written with an escape, and
    reads back unchanged."""
    return json.dumps(value, default=str, indent=indent).replace("##", "#\\u0023")


def _safe(character: str) -> str:
    if character in "\t":
        return character
    if character == "\n":
        return " "
    if ord(character) in _UNSEEN or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return ""
    return character


def adding_up(amounts_usd: Sequence[Decimal], total_usd: Decimal | None = None) -> tuple[list[str], str]:
    """Amounts below each other and their total, so that who adds up what is shown comes to the total that is shown: as
    `money` where that holds, else with more digits. `total_usd`: their sum where it is known already."""
    total = sum(amounts_usd, Decimal(0)) if total_usd is None else total_usd
    for decimals in (None, 4):
        each = [_rounded(amount, decimals) for amount in amounts_usd]
        shown = _rounded(total, decimals)
        if sum(each, Decimal(0)).quantize(shown, ROUND_HALF_UP) == shown:
            return [_shown(amount, decimals) for amount in amounts_usd], _shown(total, decimals)
    exact = [_rounded(amount, _EXACT) for amount in amounts_usd]
    return [_shown(amount, _EXACT) for amount in exact], _shown(sum(exact, Decimal(0)), _EXACT)


def _rounded(amount: Decimal, decimals: int | None) -> Decimal:
    """As it is shown: with so many decimals, or as `money` does."""
    if decimals is None:
        decimals = 4 if abs(amount) < 1 else 2
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _shown(amount: Decimal, decimals: int | None) -> str:
    return money(amount) if decimals is None or amount == 0 else f"{_sign(amount)}${abs(_rounded(amount, decimals)):,}"


def _sign(amount: Decimal) -> str:
    return "-" if amount < 0 else ""


def unit_price(amount_usd: Decimal) -> str:
    """As exact as price lists are: $0.0357, $0.000111, $2.50."""
    text = f"{amount_usd.quantize(Decimal('0.00000001'), ROUND_HALF_UP):f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"${whole}.{fraction:0<2}"


def quantity(number: Decimal) -> str:
    """At most four decimals, without trailing zeros."""
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


def count(number: int, one: str, many: str | None = None) -> str:
    """1 file, 2 files, 2,000 files."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def aligned(rows: list[list[str]]) -> list[str]:
    """Columns as wide as their widest cell, two spaces apart, without trailing spaces."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        lines.append("  ".join(cells).rstrip())
    return lines


def usage_parts(usage: JobUsage) -> list[str]:
    """What a job uses now, each part by itself; empty where nobody tells."""
    parts = []
    if usage.gpu_percent is not None:
        memory = f", {size(usage.gpu_memory_mib * 1024 * 1024)}" if usage.gpu_memory_mib is not None else ""
        parts.append(f"GPU {usage.gpu_percent} %{memory}")
    if usage.cpu_percent is not None:
        parts.append(f"CPU {usage.cpu_percent} %")
    if usage.memory_bytes is not None:
        limit = f" of {size(usage.memory_limit_bytes)}" if usage.memory_limit_bytes else ""
        parts.append(f"memory {size(usage.memory_bytes)}{limit}")
    return parts


def usage_in_short(usage: JobUsage) -> str:
    """GPU 87 %, CPU 152 %, 3.1 GiB; empty where nobody tells."""
    parts = [
        f"{what} {percent} %"
        for what, percent in (("GPU", usage.gpu_percent), ("CPU", usage.cpu_percent))
        if percent is not None
    ]
    if usage.memory_bytes is not None:
        parts.append(size(usage.memory_bytes))
    return ", ".join(parts)


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes: a wide character takes two, one that is put onto another none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
