"""The commands' own lines. Nothing reaches stdout or stderr but through these and the reporters, which clean it."""

from __future__ import annotations

import click

from aws_run.report.format import clean, json_text


def say(line: str) -> None:
    """A line for people, on stderr. Words of a job or of AWS may be in it; it stays one line whatever they are."""
    click.echo(clean(line), err=True)


def result(line: str) -> None:
    """A line of a command's result, on stdout; as `say`."""
    click.echo(clean(line))


def result_json(value: object, *, indent: int | None = None) -> None:
    """A command's result for machines, on stdout: whole and faithful."""
    click.echo(json_text(value, indent=indent))
