"""`aws-run pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.output_memory import output_for, refuse_given_output, remember_fetched
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import PATH, RUN

if TYPE_CHECKING:
    from aws_run.data import PulledOutput


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option(
    "-o",
    "--output",
    "into",
    type=PATH,
    metavar="DIR",
    help="The folder for the results. Default: the run's own -o, where it was started on this machine; else the output "
    "of aws-run.yaml, else out.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace local files that are newer than the run's, instead of moving them aside.",
)
@project_options
@aws_options
def pull(run: str | None, into: Path | None, overwrite: bool, **flags: Any) -> int:
    """Fetch the outputs of RUN (default: the last one) into a folder. Unchanged files are not fetched again."""
    from aws_run.image.sources.results import mark_here
    from aws_run.lifecycle.outcome_warnings import warnings_of
    from aws_run.usecases.pull import pull as fetch
    from aws_run.usecases.saved_report import save_report

    refuse_given_output(into)
    with session(flags) as here:

        def folder_of(run_id: str) -> Path:
            return output_for(run_id, given=into, configured=here.output)

        record, pulled = fetch(here.context, run, here.project, folder_of, overwrite=overwrite)
        into = folder_of(record.run_id)
        mark_here(into)
        if record.finished:
            remember_fetched(record.run_id, into)
        report = save_report(here.context, record, into, label=here.target.cost_label) if record.outcome else None
        file = None if report is None or report.file is None else str(report.file)
        source = f"s3://{record.bucket}/{record.output_prefix}"
        if here.as_json:
            counts = {
                "files": pulled.files,
                "fetched": pulled.fetched_files,
                "bytes": pulled.bytes,
                "kept": list(pulled.kept),
                "report_file": file,
            }
            here.print_json({"run_id": record.run_id, "source": source, "output": str(into), **counts})
        else:
            for line in summary(record.run_id, pulled, source, into.absolute()):
                say(line)
            if file is not None:
                say(f"report: {file}")
            for text in warnings_of(record.outcome) if record.outcome is not None else ():
                say(f"warning: {text}")
    return 0


def summary(run_id: str, pulled: PulledOutput, source: str, into: Path) -> list[str]:
    """What was fetched, from where and to where, and what was already there."""
    from aws_run.report.format import count, size

    if not pulled.files:
        return [f"{run_id}: the run has saved no files; {into} is unchanged"]
    there = pulled.files - pulled.fetched_files
    if not pulled.fetched_files:
        return [f"{run_id}: nothing to fetch; {count(pulled.files, 'file')} already in {into}"]
    lines = [
        f"{run_id}: fetched {pulled.fetched_files:,} of {count(pulled.files, 'file')}, {size(pulled.fetched_bytes)}",
        f"from: {source}",
        f"to:   {into}",
    ]
    if there:
        lines.append(f"same: {count(there, 'file')} had been fetched before")
    return lines
