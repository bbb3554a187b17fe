"""Help in which no option, no file's name and no command is broken: click breaks lines at hyphens as well."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from aws_run.report.wrapping import WHOLE

# Characters that click takes for parts of a word, in place of those that it breaks at; each is one column wide.
_KEPT = {"-": "\ue000", " ": "\ue001"}
_LONGEST = 50  # what is longer may not fit beside the options, and is broken between words


class WholeWords(click.HelpFormatter):
    """click's own layout."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(_kept(prog), _kept(args), prefix)

    def write_text(self, text: str) -> None:
        super().write_text(_kept(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(first, _kept(second)) for first, second in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        text = super().getvalue()
        for character, stand_in in _KEPT.items():
            text = text.replace(stand_in, character)
        return text


def _kept(text: str) -> str:
    def whole(match: re.Match[str]) -> str:
        return match[0].replace(" ", _KEPT[" "]) if len(match[0]) <= _LONGEST else match[0]

    return "\n".join(WHOLE.sub(whole, line) for line in text.split("\n")).replace("-", _KEPT["-"])


class WholeSentences(click.Group):
    """A group of commands that lists each with its first sentence; click would cut that to one line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _first_sentence(each.help or "")) for name, each in commands if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_sentence(text: str) -> str:
    first = " ".join(text.split("\n\n")[0].split())
    sentence, end, _ = first.partition(". ")
    return f"{sentence}{end.rstrip()}"


def use_whole_words() -> None:
    """For every command: click makes a context of its own for each of them, and asks its class for the formatter."""
    click.Context.formatter_class = WholeWords
