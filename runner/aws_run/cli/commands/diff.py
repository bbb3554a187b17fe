"""`aws-run diff`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session
from aws_run.cli.types import RUN


@click.command()
@click.argument("one", metavar="[RUN]", required=False, type=RUN)
@click.argument("other", metavar="[RUN]", required=False, type=RUN)
@project_options
@aws_options
def diff(one: str | None, other: str | None, **flags: Any) -> int:
    """Show in what two runs differ: command and arguments, commit, image, inputs, hardware, result, time and cost.

    With one RUN the project's newest is the other one; with none the newest two are compared.
    """
    from aws_run.report.tables import table
    from aws_run.usecases.diff import diff as compare

    with session(flags) as here:
        comparison = compare(here.context, one, other, here.project)
        ids = (comparison.one.run_id, comparison.other.run_id)
        if here.as_json:
            rows = [{"what": what, "one": first, "other": second} for what, first, second in comparison.differences]
            here.print_json({"one": ids[0], "other": ids[1], "differences": rows})
        else:
            table("", ("what", "one", "other"), [("run", *ids), *comparison.differences])
    return 0
