"""`aws-run gc`."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.session import session

_READ = "what was found was dealt with all the same; `aws-run check` tells which rights are missing"


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would go, what stays, and why.")
@project_options
@aws_options
def gc(dry_run: bool, **flags: Any) -> int:
    """List what the runs of all projects have in AWS, and remove what is over or past its deadline."""
    from aws_run.cli import removal
    from aws_run.errors import AwsRunError
    from aws_run.lifecycle import teardown
    from aws_run.report.tables import table
    from aws_run.usecases.gc import gc as collect

    with session(flags) as here:
        done = collect(here.context, dry_run=dry_run)
        removed, refused = done.removed, done.refused
        if here.as_json:
            runs = [
                {"run_id": f.run_id, "removable": f.removable, "why": f.why, "resources": [vars(r) for r in f.refs]}
                for f in done.leftovers
            ]
            here.print_json({"runs": runs, **removal.data(removed)})
        else:
            word = "would go" if dry_run else "removed"
            rows = [(f.run_id, word if f.removable else "kept", f.why, len(f.refs)) for f in done.leftovers]
            table("", ("run", "verdict", "why", "resources"), rows)
        teardown.TeardownResult(removed=tuple(removed), kept=()).raise_if_failed(removal.region(here))
        if refused:
            raise AwsRunError(f"Not everything could be looked at: {'; '.join(refused)}", hint=_READ)
    return 0
