"""`aws-run explain`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import result
from aws_run.cli.session import session
from aws_run.cli.types import TEXT


@click.command()
@click.argument("run", required=False, type=TEXT)
@project_options
@aws_options
def explain(run: str | None, **flags: Any) -> int:
    """Say in one sentence why RUN (default: the last one) failed or hangs, and give one command that helps."""
    from aws_run.usecases.explain import explain as look

    with session(flags) as here:
        found = look(here.context, run, here.project)
        if here.as_json:
            here.print_json(vars(found))
        else:
            result(f"{found.run_id}: {found.sentence}")
            here.say_next(found.command)
    return 0
