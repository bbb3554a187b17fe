"""`aws-run exec`."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.script import ScriptCommand
from aws_run.cli.session import session
from aws_run.cli.types import RUN
from aws_run.errors import AwsRunError, RunNotFoundError, UsageError
from aws_run.hints import command

PLUGIN = "session-manager-plugin"
_INSTALL = (
    "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "session-manager-working-with-install-plugin.html"
)


@click.command("exec", cls=ScriptCommand)
@click.argument("run", required=False, type=RUN)
@click.argument("args", nargs=-1, metavar="")
@project_options
@aws_options
def exec(run: str | None, args: tuple[str, ...], **flags: Any) -> int:
    """Run a command in the container of RUN (default: the last one) while its job runs; without one after --: a shell.

    The run must have been started with --exec. On AWS this needs the Session Manager plugin on this machine, which
    passes on no exit code: 0 says that the session was opened and has ended.
    """
    from aws_run.usecases.exec_session import exec_session

    with session(flags) as here:
        if here.as_json:
            raise UsageError("--json has no meaning here: what the command prints is the output")
        plugin = here.target.session_plugin or _installed()
        try:
            opened = exec_session(here.context, run, here.project, args)
        except RunNotFoundError as error:
            if run is not None and not args:
                error.hint = "a command goes after --: `" + command("exec") + f" -- {run}`; else " + (error.hint or "")
            raise
    # The display has closed by now: the terminal is the session's.
    with _interrupts_left_to_the_session():
        return subprocess.call([*plugin, *opened.arguments])


def _installed() -> tuple[str, ...]:
    """Looked for first: a session that was opened and never taken up would be one that AWS counts."""
    path = shutil.which(PLUGIN)
    if path is None:
        raise AwsRunError(f"AWS's {PLUGIN} is not on this machine, and ECS Exec needs it", hint=_INSTALL)
    return (path,)


@contextmanager
def _interrupts_left_to_the_session() -> Iterator[None]:
    """Ctrl-C and Ctrl-Z are for the command in the container. A handler, and not SIG_IGN, which a child would keep."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGQUIT", "SIGTSTP") if hasattr(signal, name)]
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
