"""`aws-run destroy`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.confirm import confirm_removal
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session


@click.command()
@click.option(
    "--everything", is_flag=True, help="Also remove the project's images and everything that it has in the bucket."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@project_options
@aws_options
def destroy(everything: bool, yes: bool, **flags: Any) -> int:
    """Remove the roles and the log group of this folder's project.

    With --everything also its images, inputs and results; the account's bucket is removed with its last project.
    """
    from aws_run.cli import removal
    from aws_run.report.format import count
    from aws_run.report.tables import table
    from aws_run.usecases import destroy as destroying

    with session(flags) as here:
        removable = destroying.plan_destroy(here.context, here.project, everything=everything)
        if not removable.refs and not removable.data:
            say(f"{here.project}: there is nothing to remove")
            if here.as_json:
                here.print_json(removal.data(()))
            return 0
        if not here.as_json:
            rows = [(ref.kind, ref.name) for ref in removable.refs]
            data = [("data in the bucket", f"all inputs and runs of {here.project}")] if removable.data else []
            table("", ("kind", "name"), [*rows, *data])
            if removable.others:
                names = ", ".join(f"{name} ({count(runs, 'run')})" for name, runs in removable.others.items())
                say(f"the bucket stays, because other projects have runs in it: {names}")
        if everything and not yes:
            at_stake = "--everything deletes images, inputs and results"
            confirm_removal("Delete all of this permanently?", at_stake=at_stake, reporter=here.reporter)
        teardown = destroying.destroy(here.context, here.project, removable)
        if here.as_json:
            here.print_json(removal.data(teardown.removed))
        teardown.raise_if_failed(removal.region(here))
    return 0
