"""`aws-run pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session
from aws_run.cli.types import PATH, TEXT


@click.command()
@click.argument("run", required=False, type=TEXT)
@click.option("-o", "--output", "into", type=PATH, default=Path("out"), show_default=True)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace local files that are newer than the run's, instead of putting them aside.",
)
@project_options
@aws_options
def pull(run: str | None, into: Path, overwrite: bool, **flags: Any) -> int:
    """Fetch the outputs of RUN (default: the last one) into a folder. What is there already is not fetched again."""
    from aws_run.usecases.pull import pull as fetch

    with session(flags) as here:
        record, got = fetch(here.bench, run, here.project, into.absolute(), overwrite=overwrite)
        if here.as_json:
            counts = {"files": got.files, "fetched": got.fetched_files, "bytes": got.bytes, "kept": list(got.kept)}
            here.print_json({"run_id": record.run_id, "output": str(into), **counts})
        else:
            click.echo(f"{record.run_id}: {got.files} files in {into}, {got.fetched_files} fetched", err=True)
    return 0
