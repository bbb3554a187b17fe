"""The question before something is removed for good."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from aws_run.cli.say import question_lines
from aws_run.cli.terminals import on_a_terminal
from aws_run.errors import DeclinedError, UsageError

if TYPE_CHECKING:
    from aws_run.report import Reporter


def confirm_removal(question: str, *, at_stake: str, reporter: Reporter | None = None) -> None:
    """Returns where the user says yes. UsageError where the answer is no, and where there is no terminal to ask on:
    `at_stake` is the sentence on what would go. `reporter`: what shows progress meanwhile, and pauses."""
    if not on_a_terminal():
        raise UsageError(at_stake, hint="add --yes to confirm")
    with reporter.pause() if reporter is not None else nullcontext():
        confirmed = click.confirm(question_lines(question), err=True)
    if not confirmed:
        raise DeclinedError("Nothing was removed")
