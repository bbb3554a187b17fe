"""What all commands but `submit` share: the configuration, the AWS to use, a reporter and the use case's context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_run.cli import compose
from aws_run.cli.job_lines import emit_for
from aws_run.cli.say import result_json, say
from aws_run.cli.target import Target
from aws_run.frozen import frozen

if TYPE_CHECKING:
    from aws_run.config import Config
    from aws_run.lifecycle.context import AppContext
    from aws_run.report import Reporter


@frozen
class Session:
    context: AppContext
    reporter: Reporter
    project: str  # this folder's, as `submit` would name it
    as_json: bool
    target: Target
    config: Config
    tags: Mapping[str, str] = field(default_factory=dict)  # the configuration's, for what a command makes
    subnets: tuple[str, ...] = ()  # the configuration's
    output: Path | None = None  # as this folder's aws-run.yaml or the environment names it

    @property
    def flag(self) -> str:
        """What a later command needs to reach the same AWS."""
        return self.target.flag

    def say_next(self, command: str) -> None:
        say(f"next: {command}{self.flag}")

    def say_simulated(self) -> None:
        """Below amounts that stand in a table: nobody is billed for what ran on an embedded AWS."""
        say_simulated(self.target)

    def print_json(self, value: Mapping[str, Any] | list[Any]) -> None:
        result_json(value)


def say_simulated(target: Target) -> None:
    if target.embedded:
        say(f"costs are {target.cost_label}")


@contextmanager
def session(flags: Mapping[str, Any], *, project: Path | None = None) -> Iterator[Session]:
    """`flags`: those of `aws_options` and `project_options`. The project's aws-run.yaml is read if there is one, so
    that its region and profile hold for every command. `project`: its folder, where that is not the current one."""
    config = compose.load(project or Path.cwd(), flags.get("file"), flags, for_run=False)
    from aws_run.report import make_reporter

    as_json, local = bool(flags["as_json"]), bool(flags["local"])
    with (
        make_reporter(
            "json" if as_json else "auto",
            debug=bool(flags["debug"]),
            verbose=bool(flags["verbose"]),
            quiet=bool(flags.get("quiet")) and not as_json,
        ) as reporter,
        compose.open_target(local, flags=flags) as target,
    ):
        aws = compose.open_aws(region=config.region, profile=config.profile, local=local)
        yield Session(
            context=compose.make_context(
                aws, emit_for(reporter, as_json=as_json, quiet=bool(flags.get("quiet"))), target
            ),
            reporter=reporter,
            project=config.name,
            as_json=as_json,
            target=target,
            config=config,
            tags=config.tags,
            subnets=config.network.subnets,
            output=config.output,
        )
