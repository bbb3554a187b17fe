"""`aws-run check`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session
from aws_run.errors import EXIT_TOOL


@click.command()
@project_options
@aws_options
def check(**flags: Any) -> int:
    """Check credentials, region, Docker, VPC, permissions and quotas: what is fine, and what to do."""
    from pathlib import Path

    from aws_run.cli import compose
    from aws_run.report.tables import Mark, table, table_data
    from aws_run.usecases.check import check as look

    with session(flags) as here:
        config = compose.load(Path.cwd(), flags.get("file"), flags, for_run=False)
        found = look(here.context, config)
        columns = ("what", "state", "to do")
        rows = [(f.what, Mark(state=f.state, text=f.text), f.todo) for f in found]
        if here.as_json:
            here.print_json({"checks": table_data(columns, rows)})
        else:
            table("", columns, rows)
        return EXIT_TOOL if any(f.state == "failed" for f in found) else 0
