"""Where a setting stands: what messages about it begin with, and the line of the file for whoever marks it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


class Mistakes:
    """Those of one file, so that who wrote it corrects them in one round."""

    def __init__(self, shown: str) -> None:
        """`shown`: the file as messages call it."""
        self._shown = shown
        self._errors: list[ConfigError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """A ConfigError of the block is kept for `refuse`."""
        try:
            yield
        except ConfigError as error:
            self._errors.append(error)

    def refuse(self) -> None:
        """Raises ConfigError where there was one: it as it is where it is the only one, else all, a line each."""
        if not self._errors:
            return
        first, *more = self._errors
        if not more:
            raise first
        lines = [f"{each.message} ({each.hint})" if each.hint else each.message for each in self._errors]
        raise ConfigError("\n".join((f"{self._shown} has {len(lines)} mistakes", *lines)), place=first.place)
