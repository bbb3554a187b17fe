"""The question before a run that a project's own file sends outside of its folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from aws_run.cli.say import say
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.config import Config

_HINT = (
    "look at the file; then pass --trust-project-file (or set AWS_RUN_TRUST_PROJECT_FILE=1), or name these yourself "
    "with -i, -o, --env, --secret or --task-role"
)


def need_trust(config: Config, *, trusted: bool, terminal: bool | None = None) -> None:
    """UsageError unless the user agrees to what the project's file reaches for. `terminal` None: look for one."""
    sentences = [one.sentence for one in config.outside if one.by_project]
    if trusted or not sentences:
        return
    if terminal is None:
        terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    if not terminal:
        raise UsageError(f"The project's own file reaches outside of its folder: {'; '.join(sentences)}", hint=_HINT)
    _ask(sentences)


def _ask(sentences: Sequence[str]) -> None:
    say("The project's own file reaches outside of its folder:")
    for sentence in sentences:
        say(f"  {sentence}")
    if not click.confirm("Is that as you want it?", default=False, err=True):
        raise UsageError("The run was not started; nothing was made", hint=_HINT)
