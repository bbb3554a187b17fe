"""`aws-run iam-policy`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from aws_run.cli.options import setting
from aws_run.cli.say import result, say
from aws_run.cli.types import TEXT
from aws_run.config.options import option_of
from aws_run.errors import UsageError


@click.command("iam-policy")
@click.option(
    "--role",
    type=click.Choice(["caller", "network", "execution", "task", "instance"]),
    default="caller",
    show_default=True,
    help="Whose rights: caller is who types aws-run, or the workflow that does; network is who makes a network; "
    "the others are roles that a run makes for itself: ECS's to pull and log, the job's own, and the machine's.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["json", "cloudformation", "terraform"]),
    default="json",
    show_default=True,
    help="What to print: the IAM document itself, or a template that makes managed policies of it.",
)
@click.option(
    "--account",
    metavar="ID",
    type=TEXT,
    help="The account's 12 digits. Default: that of the credentials; a template takes its own.",
)
@click.option("--region", metavar="REGION", type=TEXT, help="One region only. Default: all of them.")
@setting(option_of("profile"))
@click.option(
    "--permissions-boundary",
    "boundary",
    metavar="ARN",
    type=TEXT,
    help="Of the caller: every role that a run makes must have this boundary (aws-run.yaml: iam.permissions_boundary).",
)
@click.option("-n", "--name", metavar="NAME", type=TEXT, help="Of a run's roles: one project. Default: all of them.")
@click.option("--exec", "sessions", is_flag=True, help="Of the task: with the rights of a run with --exec.")
def iam_policy(**flags: Any) -> None:
    """Print the least IAM policy that works, made from the table of the calls that aws-run makes.

    Needs no AWS account if --account is given.
    """
    from aws_run.infra.policy_formats import INLINE_MAX, MANAGED_MAX
    from aws_run.naming import PROJECT_PATTERN
    from aws_run.usecases.iam_policy import iam_policy as make

    account, region, name = flags["account"], flags["region"] or "*", flags["name"] or "*"
    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        raise UsageError(
            f"--account {account}: an account has 12 digits", hint="`aws sts get-caller-identity` shows it"
        )
    if name != "*" and not re.fullmatch(PROJECT_PATTERN, name):
        raise UsageError(f"--name {name}: a project's name has lower-case letters, digits and single dashes")
    if region != "*":
        if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]", region):
            raise UsageError(f"--region {region}: that is not a region", hint="for example --region us-east-1")
        from aws_run.config.checks import refuse_region

        refuse_region(region)
    boundary = flags["boundary"]
    if boundary is not None and not re.fullmatch(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+", boundary):
        raise UsageError(f"--permissions-boundary {boundary}: that is not an ARN of a managed policy")
    if account is None and flags["form"] == "json":
        account = _own_account(flags["profile"], flags["region"])
    if flags["sessions"] and flags["role"] != "task":
        raise UsageError("--exec is about the job's own role", hint="add --role task")
    printed = make(
        flags["role"],
        flags["form"],
        account=account,
        region=region,
        project=name,
        boundary=boundary,
        sessions=flags["sessions"],
    )
    if flags["role"] == "caller" and boundary is None:
        say("note: whoever may create roles may give them any rights; --permissions-boundary ARN limits these")
    for line in printed.text.splitlines():
        result(line)
    if printed.policies > 1:
        say(f"{printed.policies} managed policies: attach all of them")
    elif flags["form"] == "json" and printed.characters > MANAGED_MAX:
        say(
            f"{printed.characters:,} characters: fits a role's inline policy (at most {INLINE_MAX:,}); a managed one "
            f"may have {MANAGED_MAX:,}, and --as cloudformation or terraform makes as many as it takes"
        )


def _own_account(profile: str | None, region: str | None) -> str:
    from aws_run.cli import compose

    config = compose.load(Path.cwd(), None, {"profile": profile, "region": region}, for_run=False)
    aws = compose.open_aws(region=config.region or "us-east-1", profile=config.profile, local=False)
    return aws.identity().account
