"""`aws-run pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import PATH, TEXT

if TYPE_CHECKING:
    from aws_run.data import PulledOutput


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
    from aws_run.image.results import looks_like_a_project, mark
    from aws_run.naming import bucket_name
    from aws_run.usecases.pull import pull as fetch

    with session(flags) as here:
        record, got = fetch(here.context, run, here.project, into.absolute(), overwrite=overwrite)
        if looks_like_a_project(Path.cwd()):
            mark(into, Path.cwd())
        source = f"s3://{bucket_name(record.account, record.region)}/{record.output_prefix}"
        if here.as_json:
            counts = {"files": got.files, "fetched": got.fetched_files, "bytes": got.bytes, "kept": list(got.kept)}
            here.print_json({"run_id": record.run_id, "source": source, "output": str(into), **counts})
        else:
            for line in told(record.run_id, got, source, into.absolute()):
                say(line)
    return 0


def told(run_id: str, got: PulledOutput, source: str, into: Path) -> list[str]:
    """What was fetched, where from and where to, and what was not."""
    from aws_run.report.format import count, size

    if not got.files:
        return [f"{run_id}: the run has saved no files; {into} is as it was"]
    there = got.files - got.fetched_files
    if not got.fetched_files:
        return [f"{run_id}: nothing to fetch; {count(got.files, 'file')} of it in {into} already"]
    lines = [
        f"{run_id}: fetched {got.fetched_files:,} of {count(got.files, 'file')}, {size(got.fetched_bytes)}",
        f"from: {source}",
        f"to:   {into}",
    ]
    if there:
        lines.append(f"left: {count(there, 'file')} that had been fetched before")
    return lines
