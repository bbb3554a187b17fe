"""`aws-run destroy`."""

from __future__ import annotations

import sys
from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.errors import UsageError


@click.command()
@click.option("--everything", is_flag=True, help="Its images and all it has in the bucket, too.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@project_options
@aws_options
def destroy(everything: bool, yes: bool, **flags: Any) -> int:
    """Remove the roles and the log group of this folder's project.

    With --everything its images, inputs and results, too; the account's bucket goes with its last project.
    """
    from aws_run.cli import removal
    from aws_run.report.format import count
    from aws_run.report.tables import table
    from aws_run.usecases import destroy as destroying

    with session(flags) as here:
        removable = destroying.plan_destroy(here.context, here.project, everything=everything)
        if not removable.refs and not removable.data:
            say(f"{here.project}: nothing is there to remove")
            if here.as_json:
                here.print_json(removal.data(()))
            return 0
        if not here.as_json:
            rows = [(ref.kind, ref.name) for ref in removable.refs]
            data = [("data in the bucket", f"all inputs and runs of {here.project}")] if removable.data else []
            table("", ("kind", "name"), [*rows, *data])
            if removable.others:
                names = ", ".join(f"{name} ({count(runs, 'run')})" for name, runs in removable.others.items())
                say(f"the bucket stays, with what other projects have in it: {names}")
        if everything and not yes:
            if not sys.stdin.isatty():
                raise UsageError("--everything deletes images, inputs and results", hint="add --yes to confirm")
            with here.reporter.pause():
                click.confirm("Delete these, with everything in them, for good?", abort=True, err=True)
        torn = destroying.destroy(here.context, here.project, removable)
        if here.as_json:
            here.print_json(removal.data(torn.removed))
        torn.raise_if_failed(removal.region(here))
    return 0
