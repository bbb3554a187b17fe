"""`aws-run ps`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session

if TYPE_CHECKING:
    from aws_run.runs.record import Record


@click.command()
@project_options
@click.option("-a", "--all", "everything", is_flag=True, help="List the runs of all projects, not only this folder's.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many runs."
)
@click.option("--status", "wanted", metavar="WORD", multiple=True, help="Only runs of this status.  Repeatable.")
@click.option("-l", "--long", "long", is_flag=True, help="With command, commit and labels.")
@aws_options
def ps(everything: bool, limit: int, wanted: tuple[str, ...], long: bool, **flags: Any) -> int:
    """List this project's runs in this account and region, newest first."""
    from aws_run.cli.commands.status import as_data, cost_of, times_of
    from aws_run.report.tables import Mark, table
    from aws_run.usecases.ps import ps as list_runs

    with session(flags) as here:
        runs = list_runs(here.context, None if everything else here.project, limit=limit)
        runs = [run for run in runs if not wanted or run.phase in wanted]
        if here.as_json:
            here.print_json({"runs": [as_data(run) for run in runs]})
            return 0
        rows = [
            (
                run.record.run_id,
                run.phase if run.exit_code is None else Mark(state="failed" if run.exit_code else "ok", text=run.phase),
                run.exit_code,
                cost_of(run),
                times_of(run) or _took(run.record),
                run.record.created_at,
                run.record.hardware.description if run.record.hardware else "",
                *(_more(run.record) if long else ()),
            )
            for run in runs
        ]
        more = ("command", "commit", "labels") if long else ()
        table("", ("run", "status", "exit", "cost", "ran", "created", "hardware", *more), rows)
    return 0


def _more(record: Record) -> tuple[str, str, str]:
    from aws_run.lifecycle.what_ran import argv_of, commit_of

    return shlex.join(argv_of(record)), commit_of(record), ", ".join(record.labels)


def _took(record: Record) -> str:
    from aws_run.lifecycle.what_ran import seconds_of
    from aws_run.report.format import seconds

    took = seconds_of(record)
    return "" if took is None else seconds(took)
