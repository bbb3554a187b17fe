"""The commands' own lines. Everything on stdout and stderr comes from here or from a reporter, and is cleaned there."""

from __future__ import annotations

import click

from aws_run.report.format import clean, json_text


def say(line: str) -> None:
    """A line for people, on stderr. Text from a job or from AWS may be in it; it is printed as one harmless line."""
    click.echo(clean(line), err=True)


def result(line: str) -> None:
    """A line of a command's result, on stdout; cleaned as in `say`."""
    click.echo(clean(line))


def result_json(value: object, *, indent: int | None = None) -> None:
    """A command's result for machines, on stdout, complete and unchanged."""
    click.echo(json_text(value, indent=indent))
