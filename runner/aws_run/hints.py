"""What a user is told to type next, as a value.

Who raises an error knows the command that helps, and not how this one reached its AWS (--region, --profile, --local).
The command line knows that, and writes it behind each command before anything is shown (`reaching`).
"""

from __future__ import annotations

from collections.abc import Iterable

from aws_run.frozen import frozen


@frozen
class Command:
    """A command of ours that asks AWS. `words`: what comes after the program's name."""

    words: str

    def written(self, flag: str = "") -> str:
        return f"aws-run {self.words}{flag}"


class Hint(str):
    """Text with commands in it. As a string it has them as they are typed where nothing else leads to the AWS that is
    meant. Joined with `+` it stays a hint; in an f-string it becomes plain text."""

    _parts: tuple[str | Command, ...]

    def __new__(cls, *parts: str | Command) -> Hint:
        whole: list[str | Command] = []
        for part in parts:
            whole += part._parts if isinstance(part, Hint) else (part,)
        made = super().__new__(cls, _text(whole, ""))
        made._parts = tuple(whole)
        return made

    def __add__(self, other: str) -> Hint:
        return Hint(self, other)

    def __radd__(self, other: str) -> Hint:
        return Hint(other, self)

    def reaching(self, flag: str) -> str:
        return _text(self._parts, flag)


def command(*words: str) -> Hint:
    """`aws-run WORDS`, for a hint that is a command and nothing else."""
    return Hint(Command(words=" ".join(words)))


def quoted(*words: str) -> Hint:
    """The same within a sentence."""
    return Hint("`", command(*words), "`")


def joined(separator: str, texts: Iterable[str]) -> Hint:
    """As `str.join`, which would leave plain text of the commands."""
    parts: list[str] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return Hint(*parts)


def reaching(text: str, flag: str) -> str:
    """`text` with each command in it as it reaches the AWS that `flag` leads to; any other text as it is."""
    return text.reaching(flag) if isinstance(text, Hint) else text


def _text(parts: list[str | Command] | tuple[str | Command, ...], flag: str) -> str:
    return "".join(part.written(flag) if isinstance(part, Command) else part for part in parts)
