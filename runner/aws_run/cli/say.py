"""The commands' own lines. Everything on stdout and stderr comes from here or from a reporter, and is cleaned there."""

from __future__ import annotations

import sys

import click

from aws_run.report.format import clean, json_text
from aws_run.report.wrapping import hanging, lines_for, terminal_width

_ROOM_FOR_ANSWER = 12  # ` [y/N]: no` and a little more


def say(line: str) -> None:
    """A line for people, on stderr. Text from a job or from AWS may be in it; it is printed as one harmless line."""
    click.echo("\n".join(lines_for(sys.stderr, clean(line))), err=True)


def question_lines(text: str) -> str:
    """`text` as it is asked on the terminal, with room for what click puts behind it."""
    width = terminal_width(sys.stderr)
    return text if width is None else "\n".join(hanging(text, width - _ROOM_FOR_ANSWER))


def result(line: str) -> None:
    """A line of a command's result, on stdout; cleaned as in `say`."""
    click.echo(clean(line))


def result_json(value: object, *, indent: int | None = None) -> None:
    """A command's result for machines, on stdout, complete and unchanged."""
    click.echo(json_text(value, indent=indent))
