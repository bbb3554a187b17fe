"""`aws-run init`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from aws_run.cli.say import say
from aws_run.cli.types import PATH
from aws_run.errors import UsageError


@click.command()
@click.argument("path", type=PATH, default=".")
@click.option("--force", is_flag=True, help="Replace an existing aws-run.yaml.")
def init(path: Path, force: bool) -> None:
    """Write an aws-run.yaml into PATH with what a run of it would use: command, dependencies, Python, Debian packages,
    folders and .env, each with a word on why."""
    from aws_run.config.init_template import render_yaml
    from aws_run.usecases.propose import survey_project

    if not path.is_dir():
        raise UsageError(f"{path}: no such folder", hint="give the folder that holds the project")
    target = path / "aws-run.yaml"
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} exists already", hint="--force replaces it")
    survey = survey_project(path)
    for problem in survey.problems:
        say(f"note: {problem}")
    if survey.env_names:
        names = ", ".join(survey.env_names[:6]) + (", …" if len(survey.env_names) > 6 else "")
        survey = survey.with_env(_wants(f"Shall the job get the variables of .env ({names})?"))
        if not survey.hand_over_env:
            say("note: .env stays on this machine; `env_file: .env` in aws-run.yaml hands its variables over")
    if target.is_symlink():
        target.unlink()  # never write through a link
    target.write_text(render_yaml(survey), encoding="utf-8")
    say(f"wrote {target}")
    say("next: aws-run check, then aws-run submit . -i data -o out")


def _wants(question: str) -> bool:
    """One key answers; no, where nobody can be asked."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo(f"{question} [y/N] ", err=True, nl=False)
    try:
        key = click.getchar()
    except EOFError:
        key = ""
    click.echo("yes" if key in ("y", "Y") else "no", err=True)
    return key in ("y", "Y")
