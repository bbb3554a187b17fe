"""`aws-run cleanup`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.results_next import say_results
from aws_run.cli.say import say
from aws_run.cli.session import session
from aws_run.cli.types import RUN
from aws_run.hints import quoted

if TYPE_CHECKING:
    from aws_run.lifecycle.context import AppContext
    from aws_run.lifecycle.end.teardown import TeardownResult
    from aws_run.runs.record import Record


End = Callable[["AppContext", "str | None", "str | None"], "tuple[Record, TeardownResult]"]


@click.command()
@click.argument("run", type=RUN)
@project_options
@aws_options
def cleanup(run: str, **flags: Any) -> int:
    """Remove everything of RUN, stopping it if need be. Safe to repeat, from any machine."""
    from aws_run.usecases.cleanup import cleanup as remove

    return end_and_show(remove, run, flags, word="cleaned up")


def end_and_show(end: End, run: str | None, flags: Mapping[str, Any], *, word: str) -> int:
    from aws_run.cli import removal

    with session(flags) as here:
        record, result = end(here.context, run, here.project)
        if here.as_json:
            here.print_json({"run_id": record.run_id, **removal.data(result.removed, result.kept)})
        else:
            say(f"{record.run_id}: {sentence(record, result, word)}")
            if any(ref.scope == "shared" for ref in result.kept):
                kept = "what the project's runs share is kept, at no cost: " + quoted("destroy") + " removes it"
                say(kept.reaching(here.flag))
            say_results(here, record)
        result.raise_if_failed(record.region)
    return 0


def sentence(record: Record, result: TeardownResult, word: str) -> str:
    """How it stood and what was removed. Where nothing was, nothing is counted."""
    from aws_run.report.format import count

    if not result.removed:
        ended = f"had ended already ({record.outcome.sentence})" if record.outcome else "had ended already"
        return f"{ended}; nothing of its own was left"
    done = sum(1 for removed in result.removed if not removed.error)
    return f"{word}; {count(done, 'resource')} removed" if done else f"{word}; nothing was removed"
