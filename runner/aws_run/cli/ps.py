"""`aws-run ps`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session


@click.command()
@project_options
@click.option("-a", "--all", "everything", is_flag=True, help="Runs of all projects, not only this folder's.")
@aws_options
def ps(everything: bool, **flags: Any) -> int:
    """List the runs of this account and region, newest first: this folder's project, or all."""
    from aws_run.cli.status import as_data
    from aws_run.report.tables import Mark, table
    from aws_run.usecases.ps import ps as list_runs

    with session(flags) as here:
        found = list_runs(here.context, None if everything else here.project)
        if here.as_json:
            here.print_json({"runs": [as_data(run) for run in found]})
            return 0
        rows = [
            (
                run.record.run_id,
                run.phase if run.exit_code is None else Mark(state="failed" if run.exit_code else "ok", text=run.phase),
                run.exit_code,
                f"${float(run.record.cost_usd):.4f}" if run.record.cost_usd else "",
                run.record.created_at,
                run.record.hardware.description if run.record.hardware else "",
            )
            for run in found
        ]
        table("", ("run", "status", "exit", "cost", "created", "hardware"), rows)
    return 0
