"""`aws-run cleanup`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import TEXT


@click.command()
@click.argument("run", type=TEXT)
@project_options
@aws_options
def cleanup(run: str, **flags: Any) -> int:
    """Remove everything of RUN, stopping it if need be. Safe to repeat, from any machine."""
    return run_cleanup(run, flags, reason="aws-run cleanup", word="cleaned up", also_kept=True)


def run_cleanup(run: str | None, flags: Mapping[str, Any], *, reason: str, word: str, also_kept: bool = False) -> int:
    from aws_run.cli import removal
    from aws_run.usecases.cleanup import cleanup as clean

    with session(flags) as here:
        record, torn = clean(here.context, run, here.project, reason=reason, also_kept=also_kept)
        if here.as_json:
            here.print_json({"run_id": record.run_id, **removal.data(torn.removed, torn.kept)})
        else:
            done = sum(1 for removed in torn.removed if not removed.error)
            if not torn.removed:
                word = f"had ended already ({record.outcome.sentence})" if record.outcome else "had ended already"
            say(f"{record.run_id}: {word}; {done} resources gone")
            if record.task_arn:
                here.say_next(f"aws-run pull {record.run_id} -o out")
        torn.raise_if_failed(record.region)
    return 0
