"""`aws-run diff`: in what two runs differ."""

from __future__ import annotations

from dataclasses import dataclass

from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.what_ran import differences
from aws_run.runs.record import Record


@dataclass(frozen=True, kw_only=True)
class RunDiff:
    """`differences`: (what, of one, of the other)."""

    one: Record
    other: Record
    differences: tuple[tuple[str, str, str], ...]


def diff(context: AppContext, one: str, other: str, project: str | None) -> RunDiff:
    """From the records alone."""
    first = lookup.open_run(context, one, project).record
    second = lookup.open_run(context, other, project).record
    return RunDiff(one=first, other=second, differences=tuple(differences(first, second)))
