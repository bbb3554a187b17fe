"""`aws-run explain`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.results_next import say_next
from aws_run.cli.say import result
from aws_run.cli.session import session
from aws_run.cli.types import RUN


@click.command()
@click.argument("run", required=False, type=RUN)
@project_options
@aws_options
def explain(run: str | None, **flags: Any) -> int:
    """Say in one sentence why RUN (default: the last one) failed or does not go on, and name the command that helps."""
    from aws_run.usecases.explain import explain as explain_run

    with session(flags) as here:
        explanation = explain_run(here.context, run, here.project)
        if here.as_json:
            here.print_json({**vars(explanation), "command": f"{explanation.command}{here.flag}"})
        else:
            result(f"{explanation.run_id}: {explanation.sentence}")
            say_next(here, explanation.run_id, explanation.command)
    return 0
