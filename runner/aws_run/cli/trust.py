"""The question before a run whose aws-run.yaml reaches outside of the project's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from aws_run.cli.say import say
from aws_run.cli.terminals import on_a_terminal
from aws_run.errors import DeclinedError, FarTooMuchError, UsageError
from aws_run.events import Notice

if TYPE_CHECKING:
    from aws_run.config import Config
    from aws_run.report import Reporter

_HINT = (
    "read the file; then pass --trust-project-file (or set AWS_RUN_TRUST_PROJECT_FILE=1), or give these yourself "
    "with -i, -o, --env, --secret, --build-secret or --task-role"
)


def need_trust(config: Config, *, trusted: bool, terminal: bool | None = None) -> None:
    """UsageError unless the user agrees. `terminal`: whether there is one to ask on; None: found out here."""
    sentences = [one.sentence for one in config.outside if one.by_project]
    if trusted or not sentences:
        return
    if terminal is None:
        terminal = on_a_terminal()
    if not terminal:
        raise UsageError(f"The project's own file reaches outside of its folder: {'; '.join(sentences)}", hint=_HINT)
    _ask(sentences)


def _ask(sentences: Sequence[str]) -> None:
    say("The project's own file reaches outside of its folder:")
    for sentence in sentences:
        say(f"  {sentence}")
    if not click.confirm("Do you want this?", default=False, err=True):
        raise DeclinedError("The run was not started, and nothing was created", hint=_HINT)


def ask_whether_meant(reporter: Reporter) -> Callable[[UsageError], None]:
    """For AppContext.agree: on a terminal the user is asked, and elsewhere nobody can say that it is meant."""

    def agree(doubt: UsageError) -> None:
        if not on_a_terminal():
            raise doubt
        with reporter.pause():
            say(doubt.message)
            if not click.confirm("Do you want this?", default=False, err=True):
                raise DeclinedError("Nothing was sent, and nothing was created", hint=doubt.hint)

    return agree


def once(agree: Callable[[UsageError], None]) -> Callable[[UsageError], None]:
    """For several runs of one project: who has said yes is not asked the same again."""
    agreed: set[str] = set()

    def ask(doubt: UsageError) -> None:
        if doubt.message not in agreed:
            agree(doubt)
            agreed.add(doubt.message)

    return ask


def warn_of_doubt(reporter: Reporter) -> Callable[[UsageError], None]:
    """The same for a plan, which sends nothing: only what would take minutes to look at is asked about."""
    ask = ask_whether_meant(reporter)

    def agree(doubt: UsageError) -> None:
        if isinstance(doubt, FarTooMuchError):
            ask(doubt)
        else:
            reporter.emit(Notice(text=doubt.message, level="warning", hint=doubt.hint))

    return agree
