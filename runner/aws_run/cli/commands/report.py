"""`aws-run report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import PATH, RUN


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option(
    "-o", "--output", "into", type=PATH, metavar="FILE",
    help="The file to write. Default: RUN.report.html in this folder.",
)  # fmt: skip
@click.option("--no-save", is_flag=True, help="Write the file only, without a copy beside the results.")
@project_options
@aws_options
def report(run: str | None, into: Path | None, no_save: bool, **flags: Any) -> int:
    """Write the report of RUN (default: the last one) as one HTML file that needs no network.

    It has what ran, the attempts, what the job used, the receipt, the results with previews, and the end of the log. A
    copy goes beside the results in the bucket.
    """
    from aws_run.report.html import render
    from aws_run.report_file import SUFFIX
    from aws_run.usecases.report import report as run_report
    from aws_run.usecases.saved_report import save, write

    with session(flags) as here:
        page = run_report(here.context, run, here.project, label=here.target.cost_label)
        content = render(page, here.context.clock.now())
        path = write(content, into or Path(f"{page.run_id}{SUFFIX}"))
        address = None if no_save else save(here.context, page.run_id, content)
        if here.as_json:
            here.print_json({"run_id": page.run_id, "file": str(path), "saved": address, "bytes": len(content)})
        else:
            say(f"{page.run_id}: the report is in {path}" + (f" and in {address}" if address else ""))
    return 0
