"""`aws-run gc`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.hints import quoted

if TYPE_CHECKING:
    from aws_run.infra.remove import Removal
    from aws_run.lifecycle.end.leftovers import Leftover
    from aws_run.lifecycle.end.shared_leftovers import SharedLeftover

_HINT = "everything that could be listed was handled; " + quoted("check") + " shows which permissions are missing"


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be removed, what would stay, and why.")
@project_options
@aws_options
def gc(dry_run: bool, **flags: Any) -> int:
    """List the AWS resources of all runs, and remove those of runs that have ended or passed their deadline.

    The roles and log groups that a project's runs share go as well while no run of the project is alive; they cost
    nothing, and the next run makes them again.
    """
    from aws_run.cli import removal
    from aws_run.errors import AwsRunError
    from aws_run.lifecycle.end import teardown
    from aws_run.report.format import count
    from aws_run.report.tables import table
    from aws_run.usecases.gc import gc as collect

    with session(flags) as here:
        done = collect(here.context, dry_run=dry_run)
        if here.as_json:
            allowance = {"runs_given_back": done.given_back}
            here.print_json({**as_data(done.leftovers, done.shared, done.removed), "allowance": allowance})
        else:
            action = "would be removed" if dry_run else "removed"
            rows = [(one.run_id, action if one.removable else "kept", one.why, len(one.refs)) for one in done.leftovers]
            rows += [
                (f"shared by {one.project}", action if one.removable else "kept", one.why, len(one.refs))
                for one in done.shared
            ]
            table("", ("run", "action", "reason", "resources"), rows)
            if done.given_back:
                say(f"allowance: what {count(done.given_back, 'ended run')} held is given back")
        teardown.TeardownResult(removed=done.removed, kept=()).raise_if_failed(removal.region(here))
        if done.refused:
            raise AwsRunError(f"Not everything could be listed: {'; '.join(done.refused)}", hint=_HINT)
    return 0


def as_data(
    leftovers: Iterable[Leftover], shared: Iterable[SharedLeftover], removed: Iterable[Removal]
) -> dict[str, Any]:
    from aws_run.cli import removal

    runs = [
        {
            "run_id": each.run_id,
            "removable": each.removable,
            "reason": each.why,
            "resources": [{"kind": ref.kind, "name": ref.name, "scope": ref.scope} for ref in each.refs],
        }
        for each in leftovers
    ]
    projects = [
        {
            "project": each.project,
            "removable": each.removable,
            "reason": each.why,
            "resources": [{"kind": ref.kind, "name": ref.name, "scope": ref.scope} for ref in each.refs],
        }
        for each in shared
    ]
    return {"runs": runs, "shared": projects, **removal.data(removed)}
