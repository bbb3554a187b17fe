"""Where a setting stands: what messages about it begin with, and the line of the file for whoever marks it there."""

from __future__ import annotations

from pathlib import Path

from aws_run.errors import ConfigError, Place


class Where(str):
    """The text, with its place in a file."""

    __slots__ = ("place",)
    place: Place | None

    def __new__(cls, text: str, place: Place | None = None) -> Where:
        made = super().__new__(cls, text)
        made.place = place
        return made


def in_file(shown: str, line: int | None = None, key: str = "") -> Where:
    """`shown`: the file as messages call it, absolute or relative to the current folder."""
    text = f"{shown}:{line}" if line is not None else shown
    return Where(f"{text}: {key}" if key else text, Place(path=Path(shown), line=line))


def extended(where: str, more: str) -> Where:
    """`where` with more text, at the same place."""
    return Where(f"{where}{more}", getattr(where, "place", None))


def refusal(where: str, sentence: str, *, hint: str | None = None) -> ConfigError:
    return ConfigError(f"{where}: {sentence}", hint=hint, place=getattr(where, "place", None))
