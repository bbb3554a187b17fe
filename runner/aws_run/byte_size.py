"""How many bytes, for people: the one form of it in all messages. Pure."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number_bytes: float) -> str:
    """512 B, 3.1 MiB, 1.0 GiB: bytes are counted in binary units, each under its own name."""
    value, unit = float(number_bytes), 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    if unit == 0:
        return f"{int(value)} B"
    return f"{value:.1f} {_UNITS[unit]}" if value < 99.5 else f"{value:.0f} {_UNITS[unit]}"
