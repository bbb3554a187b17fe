"""Which AWS a command talks to, and what a later command needs to reach the same one."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aws_run.errors import AwsRunError, TeardownError
from aws_run.events import Emit, Event, Notice
from aws_run.frozen import frozen
from aws_run.hints import reaching

if TYPE_CHECKING:
    from aws_run.image.builder import Builder

LOCAL_COST_LABEL = "simulated: what AWS would have charged"


@frozen
class Target:
    """Which AWS this command talks to.

    `builder`: makes the embedded AWS's own image builder, which the event stops; None: Docker builds.
    `ephemeral`: this AWS and everything in it end with the command. `flag`: what a later command needs to reach it.
    `profile`: the one that the command line names.
    """

    embedded: bool = False
    builder: Callable[[threading.Event], Builder | None] = lambda stop: None
    notices: tuple[str, ...] = ()
    ephemeral: bool = False
    flag: str = ""
    profile: str | None = None
    session_plugin: tuple[str, ...] | None = None  # what runs `exec`'s sessions; None: AWS's own program
    without_docker: str | None = None  # why no Docker engine is needed; None where one is

    @property
    def cost_label(self) -> str:
        return LOCAL_COST_LABEL if self.embedded else "cost"

    def lead_back(self, error: AwsRunError) -> AwsRunError:
        """`error`, in which the commands that help reach this AWS. Nobody below the command line knows how."""
        if error.hint is not None:
            error.hint = reaching(error.hint, self.flag)
        if isinstance(error, TeardownError) and error.commands and self.profile:
            # They name their region, and AWS's own programs, which many of them start, know the variable.
            by_profile = f"export AWS_PROFILE={shlex.quote(self.profile)}"
            if error.commands[0] != by_profile:
                error.commands = (by_profile, *error.commands)
        return error

    def leading_back(self, emit: Emit) -> Emit:
        """`emit`, for events whose commands are to reach this AWS."""

        def led(event: Event) -> None:
            if isinstance(event, Notice):
                hint = None if event.hint is None else reaching(event.hint, self.flag)
                event = replace(event, text=reaching(event.text, self.flag), hint=hint)
            emit(event)

        return led


def way_back(flags: Mapping[str, Any]) -> str:
    """What the command line alone says of where AWS is: the next command would look elsewhere without it."""
    named = ((name, flags.get(name)) for name in ("region", "profile"))
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in named if value)
