"""`aws-run wait`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.results_next import say_results, why_command
from aws_run.cli.say import say
from aws_run.cli.session import Session, session
from aws_run.cli.types import RUN

if TYPE_CHECKING:
    from aws_run.lifecycle.run_status import RunStatus


@click.command()
@click.argument("run", required=False, type=RUN)
@project_options
@aws_options
def wait(run: str | None, **flags: Any) -> int:
    """Wait until RUN (default: the last one) has ended, remove its resources, and exit with its exit code."""
    from aws_run.cli.commands.status import as_data
    from aws_run.lifecycle import lookup
    from aws_run.usecases.wait import wait as follow

    with session(flags) as here:
        run_id = lookup.resolve(here.context, run, here.project)
        with told_that_it_goes_on(here, run_id):
            ended = follow(here.context, run_id, here.project)
        if here.as_json:
            here.print_json(as_data(ended, label=here.target.cost_label))
            return ended.exit_code or 0
    # Only after the live display has closed, or both would write on the same line.
    record = ended.record
    say(ended_line(ended, here))
    for text in ended.warnings:
        say(f"warning: {text}")
    if ended.exit_code:
        here.say_next(why_command(record))
    else:
        say_results(here, record)
    return ended.exit_code or 0


def ended_line(ended: RunStatus, here: Session) -> str:
    """How a run has ended: its sentence, its exit code and what it cost."""
    from aws_run.report.format import money

    record = ended.record
    label = f", {here.target.cost_label}" if here.target.embedded else ""
    cost = "" if record.usd is None else f", {money(record.usd)}{label}"
    return f"{record.run_id}: {ended.sentence or ended.phase} (exit {ended.exit_code}{cost})"
