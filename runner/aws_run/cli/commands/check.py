"""`aws-run check`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.options import aws_options, project_options
from aws_run.cli.script import flags_with_script
from aws_run.cli.session import Session, session
from aws_run.cli.terminals import is_terminal
from aws_run.cli.types import PATH
from aws_run.errors import EXIT_TOOL, UsageError
from aws_run.events import LookProgress
from aws_run.hints import reaching

if TYPE_CHECKING:
    from aws_run.usecases.check import Finding


@click.command()
@click.argument("path", type=PATH, default=".")
@project_options
@aws_options
def check(path: Path, **flags: Any) -> int:
    """Check the project in PATH, credentials, region, Docker, VPC, permissions and quotas, and say how to fix what is
    wrong. PATH may also be a script of the project."""
    from aws_run.report.tables import Mark, checklist
    from aws_run.usecases.check import check as run_checks

    path, flags = flags_with_script(path, flags)
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder", hint="give the project's folder, or nothing for this one")
    with session(flags, project=path) as here:
        with _shown_as_busy(here):
            found = run_checks(here.context, here.config, without_docker=here.target.without_docker)
        findings = [
            replace(each, text=reaching(each.text, here.flag), todo=reaching(each.todo, here.flag)) for each in found
        ]
        if here.as_json:
            here.print_json({"checks": [as_data(each) for each in findings]})
        else:
            checklist([(each.what, Mark(state=each.state, text=each.text), each.todo) for each in findings])
        return EXIT_TOOL if any(each.state == "failed" for each in findings) else 0


@contextmanager
def _shown_as_busy(here: Session) -> Iterator[None]:
    """On a terminal: the checks take seconds, and their table comes at their end."""
    if here.as_json or not is_terminal(sys.stderr):
        yield
        return
    looking = LookProgress(what="the project, the account and Docker", files=0, bytes=0)
    here.reporter.emit(looking)
    try:
        yield
    finally:
        here.reporter.emit(replace(looking, done=True))


def as_data(finding: Finding) -> dict[str, str]:
    return {"check": finding.what, "state": finding.state, "message": finding.text, "hint": finding.todo}
