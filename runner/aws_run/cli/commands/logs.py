"""`aws-run logs`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

import click

from aws_run.cli.goes_on import told_that_it_goes_on
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import result
from aws_run.cli.session import session
from aws_run.cli.terminals import is_terminal
from aws_run.cli.types import RUN


@click.command()
@click.argument("run", required=False, type=RUN)
@click.option("-f", "--follow", is_flag=True, help="Follow the log until the run has ended.")
@click.option(
    "--raw", is_flag=True, help="Every state of what the job redraws (progress bars), as long as CloudWatch has them."
)
@project_options
@aws_options
def logs(run: str | None, follow: bool, raw: bool, **flags: Any) -> int:
    """Print the log of RUN (default: the last one) on stdout."""
    from aws_run.lifecycle import lookup
    from aws_run.usecases.logs import logs as read

    with session(flags) as here:
        run_id = lookup.resolve(here.context, run, here.project)
        with told_that_it_goes_on(here, run_id) if follow else nullcontext():
            for line in read(here.context, run_id, here.project, follow=follow, raw=raw):
                if here.as_json:
                    here.print_json({"timestamp_ms": line.timestamp_ms, "text": line.text})
                else:
                    # The status line is on the same terminal, and has to be away while a line goes to stdout.
                    with here.reporter.pause() if is_terminal(sys.stdout) else nullcontext():
                        result(line.text)
                if getattr(sys.stdout, "unread", False):
                    break  # `aws-run logs -f | head`: the reader has gone
    return 0
