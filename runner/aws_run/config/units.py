"""Parses durations, sizes and amounts. Pure; every refusal is a ValueError whose text is a sentence.

Sizes are binary whatever the suffix: AWS counts the GB of memory and disk in GiB, so `16GB`, `16G` and `16GiB` all mean
16 times 1024 MiB. A size without a unit is refused, because `16` is 16 bytes to Docker and 16 GB to most people; and so
is a duration, because `30` may mean seconds or minutes.
"""

from __future__ import annotations

import math
import re

DURATION_PATTERN = r"^(0+|(?=\d)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?)$"
SIZE_PATTERN = r"^\d+(\.\d+)?\s*([MGT](i?B)?|[mgt]i?b?)$"
SIZE_OR_MORE_PATTERN = r"^\d+(\.\d+)?\s*([MGT](i?B)?|[mgt]i?b?)\+?$"
CPU_PATTERN = r"^\d+(\.\d+)?\+?$"
GPU_PATTERN = r"^([A-Za-z][A-Za-z0-9-]*(:\d{1,2})?|\d{1,2})$"
MONEY_PATTERN = r"^\$?\d{1,9}(\.\d+)?$"

MAX_CPU = 1024
MAX_MEMORY_MIB = 32 * 1024 * 1024  # the largest instances have 32 TiB
MAX_DISK_GIB = 64 * 1024  # io2 and gp3 volumes end at 64 TiB
MAX_GPUS = 16

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MIB = {"m": 1, "g": 1024, "t": 1024 * 1024}
_NUMBER = r"(?P<number>[0-9]+(?:\.[0-9]+)?)"
_SIZE = re.compile(rf"{_NUMBER}\s*(?P<unit>[a-z]*)", re.IGNORECASE)
_PART = re.compile(rf"{_NUMBER}(?P<unit>[dhms])")


def duration_s(value: object) -> int:
    """`7d`, `2h`, `1h30m`, `45s`, `1.5h`; 0 needs no unit. Fractions of a second are dropped."""
    text = _text(value).replace(" ", "").lower()
    if text.isascii() and text.isdigit():
        if int(text[:15]):
            raise ValueError(f"{_quoted(value)} has no unit; write {text[:15]}s, {text[:15]}m or {text[:15]}h")
        return 0
    seconds = 0.0
    position, last_unit = 0, math.inf
    while position < len(text):
        match = _PART.match(text, position)
        # Units must descend and not repeat, so that `30m1h` and `5m5m` are mistakes and not sums.
        if match is None or _SECONDS[match["unit"]] >= last_unit:
            position = -1
            break
        last_unit = _SECONDS[match["unit"]]
        seconds += float(match["number"]) * last_unit
        position = match.end()
    if position <= 0 or not math.isfinite(seconds):
        raise ValueError(f"{_quoted(value)} is not a duration; write 7d, 2h, 90m, 1h30m or 45s")
    return _bounded_seconds(int(round(seconds, 6)))


def size_mib(value: object) -> tuple[float, bool]:
    """`16GB`, `512MB`, `16GiB+` → (MiB, at least?)."""
    text, at_least = _plus(_text(value))
    match = _SIZE.fullmatch(text)
    if match is None or match["unit"].lower() not in {"", *(u + s for u in _MIB for s in ("", "b", "i", "ib"))}:
        raise ValueError(f"{_quoted(value)} is not a size; write 16GB, 512MB or 16GB+ for at least")
    if not match["unit"]:
        raise ValueError(f"{_quoted(value)} has no unit; write {text}GB or {text}MB")
    mib = float(match["number"]) * _MIB[match["unit"][0].lower()]
    if not 0 < mib <= MAX_MEMORY_MIB:
        raise ValueError(f"{_quoted(value)} is out of range; from 1MB to {MAX_MEMORY_MIB // 1024 // 1024}TB")
    return mib, at_least


def disk_gib(value: object) -> int:
    """`100GB` → 100; a fraction of a GiB is rounded up."""
    mib, at_least = size_mib(value)
    if at_least:
        raise ValueError(f"{_quoted(value)}: a disk has one size; write it without the +")
    gib = math.ceil(mib / 1024)
    if gib > MAX_DISK_GIB:
        raise ValueError(f"{_quoted(value)} is out of range; a volume has at most {MAX_DISK_GIB}GB")
    return gib


def cpu(value: object) -> tuple[float, bool]:
    """`4`, `0.5`, `4+` → (vCPU, at least?)."""
    text, at_least = _plus(_text(value))
    if re.fullmatch(_NUMBER, text) is None:
        raise ValueError(f"{_quoted(value)} is not a number of vCPU; write 4, 0.5 or 4+ for at least")
    number = float(text)
    if not 0 < number <= MAX_CPU:
        raise ValueError(f"{_quoted(value)} is out of range; from 0.25 to {MAX_CPU} vCPU")
    return number, at_least


def gpu(value: object) -> tuple[str | None, int]:
    """`L4:1` → ("L4", 1); `L4` → ("L4", 1); `2` → (None, 2); `0` → (None, 0), which is no GPU."""
    text = _text(value)
    if re.fullmatch(GPU_PATTERN, text, re.ASCII) is None:
        raise ValueError(f"{_quoted(value)} is not a GPU; write L4:1 (model and number), L4 or 1")
    if text.isdigit():
        model, count = None, int(text)
    else:
        name, _, number = text.partition(":")
        model, count = (None if name.lower() == "any" else name.upper()), int(number or 1)
        if count == 0:
            raise ValueError(f"{_quoted(value)} asks for 0 GPUs of a model; write 0 for no GPU")
    if count > MAX_GPUS:
        raise ValueError(f"{_quoted(value)} is out of range; an instance has at most {MAX_GPUS} GPUs")
    return model, count


def money_usd(value: object) -> float:
    """`5.00`, `$5` → dollars, more than zero."""
    text = _text(value)
    if re.fullmatch(MONEY_PATTERN, text, re.ASCII) is None:
        raise ValueError(f"{_quoted(value)} is not an amount in USD; write 5.00")
    amount = float(text.lstrip("$"))
    if amount <= 0:
        raise ValueError(f"{_quoted(value)} is too little; it must be more than 0")
    return amount


def whole_number(value: object, low: int, high: int) -> int:
    text = _text(value)
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not low <= int(text) <= high:
        raise ValueError(f"{_quoted(value)} must be a whole number from {low} to {high}")
    return int(text)


def _bounded_seconds(seconds: int) -> int:
    if seconds > 366 * 86_400:
        raise ValueError("more than a year is too long for a job")
    return seconds


def _plus(text: str) -> tuple[str, bool]:
    return (text[:-1].rstrip(), True) if text.endswith("+") else (text, False)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _quoted(value: object) -> str:
    return f'"{value}"'
