"""`aws-run init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from aws_run.cli.say import result, say
from aws_run.cli.terminals import on_a_terminal
from aws_run.cli.types import PATH, TEXT
from aws_run.config.init_template import SCHEMA_FILE
from aws_run.errors import UsageError


@click.command()
@click.argument("path", type=PATH, default=".")
@click.option("--force", is_flag=True, help="Replace an existing aws-run.yaml, or workflow files.")
@click.option(
    "--github",
    metavar="OWNER/aws-run@REF",
    type=TEXT,
    help="Write workflows for GitHub Actions instead, which take the tool from there, and print their role's policies.",
)
@click.option(
    "--schema",
    is_flag=True,
    help=f"Also write {SCHEMA_FILE}, by which editors complete and check the file. An aws-run.yaml that is there stays "
    "as it is.",
)
@click.option("--repository", metavar="OWNER/NAME", type=TEXT, help="With --github: the repository that PATH is.")
@click.option("--account", metavar="ID", type=TEXT, help="With --github: the AWS account of the role.")
def init(
    *,
    path: Path,
    force: bool,
    schema: bool = False,
    github: str | None = None,
    repository: str | None = None,
    account: str | None = None,
) -> None:
    """Write an aws-run.yaml into PATH with what a run of it would use: command, dependencies, Python, Debian packages,
    folders and .env, each with a word on why."""
    from aws_run.config.init_template import render_yaml, schema_line
    from aws_run.usecases.propose import survey_project

    if not path.is_dir():
        raise UsageError(f"{path}: no such folder", hint="give the folder that holds the project")
    if github is not None:
        _github(path, force, github, repository, account)
        return
    if repository or account:
        raise UsageError("--repository and --account belong to --github", hint="add --github OWNER/aws-run@REF")
    target = path / "aws-run.yaml"
    if os.path.lexists(target) and not force:
        if not schema:
            raise UsageError(f"{target} exists already", hint="--force replaces it")
        _write_schema(path / SCHEMA_FILE)
        say(f"editors read it where the first line of {target} is:")
        say(schema_line(SCHEMA_FILE))
        return
    survey = survey_project(path)
    for problem in (*survey.problems, *survey.not_followed):
        say(f"note: {problem}")
    if survey.env_names:
        more = len(survey.env_names) - 6
        names = ", ".join(survey.env_names[:6]) + (f" and {more} more" if more > 0 else "")
        survey = survey.with_env(_wants(f"Shall the job get the variables of .env ({names})?"))
        if not survey.hand_over_env:
            say("note: .env stays on this machine; `env_file: .env` in aws-run.yaml hands its variables over")
    _write(target, render_yaml(survey, schema=SCHEMA_FILE if schema else None))
    if schema:
        _write_schema(path / SCHEMA_FILE)
    say(f"next: aws-run check, then {_submit(path, has_input=survey.input is not None)}")


def _write_schema(target: Path) -> None:
    from aws_run.config.schema import config_schema
    from aws_run.report.format import json_text

    _write(target, json_text(config_schema(), indent=2) + "\n")


def _write(target: Path, text: str) -> None:
    """Replaces what is there, a link included. UsageError where that can't be."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()  # never write through a link
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target} can't be written: {error.strerror or error}") from error
    say(f"wrote {target}")


def _submit(path: Path, *, has_input: bool) -> str:
    """What starts a run with the file that was written: it has the output, and the input where one was seen."""
    words = ["aws-run", "submit", *([] if path.resolve() == Path.cwd().resolve() else [str(path)])]
    return shlex.join([*words, *([] if has_input else ["-i", "DATA"])])


def _github(path: Path, force: bool, action: str, repository: str | None, account: str | None) -> None:
    """Writes both workflows, or none of them."""
    import json

    from aws_run.github import setup
    from aws_run.infra.policies import caller_policy

    if repository is None:
        raise UsageError("--github needs the repository that PATH is", hint="add --repository OWNER/NAME")
    if account is not None and not (len(account) == 12 and account.isdecimal()):
        raise UsageError(f"--account {account}: an account has 12 digits")
    wanted = setup.Setup(action=action, repository=repository, account=account or "ACCOUNT_ID")
    files = {setup.WORKFLOW: setup.workflow(wanted), setup.COMMENT_WORKFLOW: setup.comment_workflow(wanted)}
    for name in files:
        target = path / name
        if not target.parent.resolve().is_relative_to(path.resolve()):  # a clone may bring a link in place of .github
            raise UsageError(f"{target.parent} is a link that leads out of {path}", hint="remove the link first")
        if os.path.lexists(target) and not force:
            raise UsageError(f"{target} exists already", hint="--force replaces it")
    for name, text in files.items():
        _write(path / name, text)
    policies = {"trust": setup.trust_policy(wanted), "policy": caller_policy(account=wanted.account)}
    for line in json.dumps(policies, indent=2).splitlines():
        result(line)
    say("make a role with this trust and this policy (docs/github-comments.md says how), and the environment aws-run")
    say("then set the variables AWS_REGION, AWS_RUN_ROLE and AWS_RUN_ACCOUNT there")
    say(f"the ids in the trust policy: gh api repos/{repository} --jq '.owner.id, .id'")


def _wants(question: str) -> bool:
    """One key answers; no, where nobody can be asked."""
    if not on_a_terminal():
        return False
    click.echo(f"{question} [y/N] ", err=True, nl=False)
    try:
        key = click.getchar()
    except EOFError:
        key = ""
    click.echo("yes" if key in ("y", "Y") else "no", err=True)
    return key in ("y", "Y")
