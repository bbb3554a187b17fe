"""`aws-run cancel`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.commands.cleanup import end_and_show
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.types import RUN


@click.command()
@click.argument("run", required=False, type=RUN)
@project_options
@aws_options
def cancel(run: str | None, **flags: Any) -> int:
    """Stop RUN (default: the one that goes on), save what it has written, and remove what it used."""
    from aws_run.usecases.cancel import cancel as stop

    return end_and_show(stop, run, flags, word="cancelled")
