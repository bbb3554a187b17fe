"""Arguments that must not be empty (`aws-run cleanup "$RUN"` with RUN unset is a mistake; the default is not meant),
and words of which each is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


class _NotEmpty(click.ParamType):  # type: ignore[type-arg]
    name = "text"

    def __init__(self, make: type[str] | type[Path]) -> None:
        self._make = make

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip():
            self.fail("it is empty; leave it out for the default", param, ctx)
        return self._make(value)


TEXT = _NotEmpty(str)
PATH = _NotEmpty(Path)
PATH.name = "path"


class _Run(_NotEmpty):
    """A run's id. A shell completes those that this machine has started, without asking AWS."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from aws_run.cli.output_memory import remembered_runs

        return [CompletionItem(run) for run in remembered_runs() if run.startswith(incomplete)]


RUN = _Run(str)


class _Phase(click.ParamType):  # type: ignore[type-arg]
    """The status of a run, as `ps` shows it."""

    name = "word"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from aws_run.config.value_types import did_you_mean
        from aws_run.lifecycle.run_status import PHASES

        word = str(value).lower()
        if word not in PHASES:
            known = f"; known are {', '.join(PHASES[:6])} and why a run ended (deadline, out-of-memory, cancelled, …)"
            self.fail(f"no run has the status {value!r}{did_you_mean(word, PHASES) or known}", param, ctx)
        return word

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from aws_run.lifecycle.run_status import PHASES

        return [CompletionItem(word) for word in PHASES if word.startswith(incomplete)]


PHASE = _Phase()
