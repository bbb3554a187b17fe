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
    from aws_run.report.tables import Mark, table, table_data
    from aws_run.usecases.status import ps as list_runs

    with session(flags) as here:
        found = list_runs(here.bench, None if everything else here.project)
        columns = ("run", "status", "exit", "hardware", "started", "cost")
        rows = [
            (
                run.record.run_id,
                Mark(state=_state(run.exit_code), text=run.phase),
                run.exit_code,
                run.record.hardware.description if run.record.hardware else "",
                run.record.created_at,
                f"${float(run.record.cost_usd):.4f}" if run.record.cost_usd else "",
            )
            for run in found
        ]
        if here.as_json:
            here.print_json(table_data(columns, rows))
        else:
            table("", columns, rows)
    return 0


def _state(exit_code: int | None) -> Any:
    return "unknown" if exit_code is None else "ok" if exit_code == 0 else "failed"
