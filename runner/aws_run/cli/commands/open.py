"""`aws-run open`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.output_memory import remembered_output
from aws_run.cli.say import result, say
from aws_run.cli.session import session
from aws_run.cli.types import RUN
from aws_run.errors import UsageError
from aws_run.hints import command
from aws_run.report_file import beside, is_report

if TYPE_CHECKING:
    from aws_run.runs.record import Record


@click.command("open")
@click.argument("run", required=False, type=RUN)
@click.option(
    "--what", type=click.Choice(["results", "report", "task", "log"]), default="results", show_default=True,
    help="The run's results in S3, its report (this machine's copy, or that in S3), its task in ECS, or its log in "
    "CloudWatch.",
)  # fmt: skip
@click.option("--print", "only_print", is_flag=True, help="Print the address on stdout, and open nothing.")
@project_options
@aws_options
def open(run: str | None, what: str, only_print: bool, **flags: Any) -> int:
    """Open RUN (default: the last one) with this machine's browser: in AWS's console, or its report."""
    from aws_run.lifecycle import lookup

    with session(flags) as here:
        record = lookup.open_run(here.context, run, here.project).record
        local = _report_here(record.run_id) if what == "report" else None
        if here.target.embedded and local is None:
            if what == "report":
                raise UsageError(
                    f"The report of {record.run_id} is not on this machine", hint=command("report", record.run_id)
                )
            folder = remembered_output(record.run_id)
            raise UsageError(
                "The embedded AWS has no console to open",
                hint=f"the results are in {folder}" if folder and folder.is_dir() else command("pull", record.run_id),
            )
        if what == "task" and (record.finished or record.handle is None):
            gone = "any more" if record.finished else "yet"
            raise UsageError(f"The run {record.run_id} has no task {gone}", hint=command("status", record.run_id))
        address = local or _address(record, what)
    if here.as_json:
        here.print_json({"run_id": record.run_id, "what": what, "address": address})
    elif only_print:
        result(address)
    elif _opened(address):
        say(f"opened: {address}")
    else:
        say("no browser could be started here; the address is:")
        result(address)
    return 0


def _report_here(run_id: str) -> str | None:
    """Beside the folder that this machine remembers; None where it is another run's by now."""
    folder = remembered_output(run_id)
    path = beside(folder) if folder is not None else None
    if path is None or not is_report(path) or f"<title>{run_id}</title>" not in path.read_text(encoding="utf-8"):
        return None
    return path.as_uri()


def _address(record: Record, what: str) -> str:
    from aws_run import console_pages
    from aws_run.runs.keys import RunKeys

    region = record.region
    if what == "results":
        return console_pages.bucket_prefix(record.bucket, record.output_prefix, region)
    if what == "report":
        return console_pages.object_page(record.bucket, RunKeys(run_id=record.run_id).report, region)
    if what == "task" and record.handle is not None:
        return console_pages.task(record.handle.place, record.handle.id, region)
    return console_pages.log_group(record.log_group, record.run_id, region)


def _opened(address: str) -> bool:
    import webbrowser

    return webbrowser.open(address)
