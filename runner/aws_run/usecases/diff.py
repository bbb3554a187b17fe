"""`aws-run diff`: in what two runs differ."""

from __future__ import annotations

from aws_run.errors import RunNotFoundError
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.what_ran import differences
from aws_run.runs.record import Record


@frozen
class RunDiff:
    """`differences`: (what, of one, of the other)."""

    one: Record
    other: Record
    differences: tuple[tuple[str, str, str], ...]


def diff(context: AppContext, one: str | None, other: str | None, project: str | None) -> RunDiff:
    """From the records alone. `other` None: the project's newest run; `one` None: the one before it.
    RunNotFoundError where there are none to compare."""
    if one is None:
        one, other = _newest_two(context, project)
    first = lookup.open_run(context, one, project).record
    second = lookup.open_run(context, other, project).record
    return RunDiff(one=first, other=second, differences=tuple(differences(first, second)))


def _newest_two(context: AppContext, project: str | None) -> tuple[str, str]:
    ids = lookup.store(context).run_ids(project)
    if len(ids) < 2:
        raise RunNotFoundError(
            f"There are no two runs of the project {project} to compare", hint=quoted("ps", "--all") + " lists all runs"
        )
    return ids[-2], ids[-1]
