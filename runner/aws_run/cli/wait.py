"""`aws-run wait`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import TEXT


@click.command()
@click.argument("run", required=False, type=TEXT)
@project_options
@aws_options
def wait(run: str | None, **flags: Any) -> int:
    """Wait until RUN (default: the last one) has ended, clean up after it, and exit with its exit code."""
    from aws_run.cli.status import as_data
    from aws_run.usecases.wait import wait as follow

    with session(flags) as here:
        found = follow(here.context, run, here.project)
        if here.as_json:
            here.print_json(as_data(found))
            return found.exit_code or 0
    # After the live display has gone, or the two would share a line.
    cost = f", ${float(found.record.cost_usd):.4f}" if found.record.cost_usd else ""
    say(f"{found.record.run_id}: {found.sentence or found.phase} (exit {found.exit_code}{cost})")
    verb = f"logs {found.record.run_id}" if found.exit_code else f"pull {found.record.run_id} -o out"
    here.say_next(f"aws-run {verb}")
    return found.exit_code or 0
