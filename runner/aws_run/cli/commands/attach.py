"""`aws-run attach`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.options import aws_options, project_options, quiet_option
from aws_run.cli.output_memory import output_for, refuse_given_output, remember_fetched
from aws_run.cli.running import shown_on, with_next_commands
from aws_run.cli.session import session
from aws_run.cli.types import PATH, RUN


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option(
    "-o", "--output", "into", type=PATH, metavar="DIR",
    help="The folder for the results. Default: the run's own -o, where it was started on this machine; else the output "
    "of aws-run.yaml, else out.",
)  # fmt: skip
@quiet_option
@project_options
@aws_options
def attach(run: str | None, into: Path | None, **flags: Any) -> int:
    """Follow RUN (default: the last one) as the terminal that submitted it does: its log, its status and cost, then its
    results. The exit code is the run's.

    Ctrl-C leaves the run running. Of a run that has ended, the saved log and the results are shown.
    """
    from aws_run.image.sources.results import mark_here
    from aws_run.lifecycle import lookup
    from aws_run.report.jsonlines import to_json
    from aws_run.usecases.attach import attach as follow
    from aws_run.usecases.saved_report import named, save_report

    refuse_given_output(into)
    with session(flags) as here:
        run_id = lookup.resolve(here.context, run, here.project)
        folder = output_for(run_id, given=into, configured=here.output)
        with told_that_it_goes_on(here, run_id, fetches=True):
            done = follow(here.context, run_id, here.project, into=folder, cost_label=here.target.cost_label)
        mark_here(folder)
        if done.fetched:
            remember_fetched(run_id, folder)
        saved = save_report(here.context, done.record, folder, label=here.target.cost_label)
        view = with_next_commands(named(done.view, saved), here.target)
        here.reporter.outcome(view if here.as_json else shown_on(here.target, view))
        if here.as_json:
            here.print_json(to_json(view))
    return done.exit_code
