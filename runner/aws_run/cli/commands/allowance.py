"""`aws-run allowance`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aws_run.cli.help_text import WholeSentences
from aws_run.cli.options import aws_options, project_options
from aws_run.cli.say import say
from aws_run.cli.session import Session, session
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.runs.allowance import Standing
    from aws_run.usecases.allowance import State

F = TypeVar("F", bound=Callable[..., Any])
_OWN = "\0"  # no name: the flag without a value


def _whose(function: F) -> F:
    for name, own in (("branch", "this folder's"), ("owner", "the caller"), ("project", "this folder's")):
        function = click.option(
            f"--{name}",
            is_flag=False,
            flag_value=_OWN,
            metavar="[NAME]",
            help=f"For this {name} alone (without NAME: {own}); '*': for each {name} by itself.",
        )(function)
    return function


@click.group(cls=WholeSentences, invoke_without_command=True)
@click.pass_context
@project_options
@aws_options
def allowance(context: click.Context, /, **flags: Any) -> int:
    """Show how much runs may cost, and what of it is used, reserved and free.

    An allowance holds in one account and region, for all runs that start there with aws-run. A run starts only if the
    most that it may cost fits (its deadline times its price); what it did not cost is free again when it ends.
    """
    from aws_run.usecases.allowance import show as look

    if context.invoked_subcommand is not None:
        return 0
    with session(flags) as here:
        _show(here, look(here.context))
    return 0


@allowance.command("set")
@click.argument("amount", metavar="AMOUNT/TIME")
@_whose
@project_options
@aws_options
def set_(amount: str, project: str | None, owner: str | None, branch: str | None, **flags: Any) -> int:
    """Set how much runs may cost in an hour, a day, a week or a month: 20/day.

    Without --project, --owner and --branch it is for all runs together. A branch is one of this folder's project,
    unless --project names another.
    """
    from aws_run.runs.allowance import parse_limit
    from aws_run.usecases.allowance import put

    try:
        parse_limit(amount)
    except ValueError as error:
        raise UsageError(f"{error}") from None
    with session(flags) as here:
        _show(here, put(here.context, parse_limit(amount, _selectors(here, project, owner, branch)), here.config))
        if not here.as_json:
            say("it counts the runs that start from now on; versions before this one know nothing of it")
    return 0


@allowance.command()
@click.option("--all", "everything", is_flag=True, help="Remove all of them, also where they can't be read.")
@_whose
@project_options
@aws_options
def remove(*, everything: bool, project: str | None, owner: str | None, branch: str | None, **flags: Any) -> int:
    """Remove the allowance of these, or the one for all runs together. With the last one what was used is forgotten."""
    from aws_run.usecases import allowance as allowances

    if everything and (project or owner or branch):
        raise UsageError("--all removes all of them, and another flag names one", hint="leave out one of the two")
    with session(flags) as here:
        selectors = None if everything else _selectors(here, project, owner, branch)
        _show(here, allowances.remove(here.context, selectors))
    return 0


def _selectors(
    here: Session, project: str | None, owner: str | None, branch: str | None
) -> tuple[str | None, str | None, str | None]:
    from aws_run.usecases.allowance import owner as caller

    if branch is not None and project is None:
        project = _OWN
    if branch == _OWN:
        branch = here.context.branch(Path.cwd())
        if not branch:
            raise UsageError("This folder is on no branch", hint="--branch NAME, or --branch '*' for each branch")
    return (
        here.project if project == _OWN else project,
        caller(here.context) if owner == _OWN else owner,
        branch,
    )


def _show(here: Session, state: State) -> None:
    from aws_run.report.format import money
    from aws_run.report.tables import table

    if here.as_json:
        here.print_json({"now": state.now.isoformat(), "allowances": [as_data(one) for one in state.standings]})
        return
    if not state.standings:
        say("there is no allowance in this account and region: runs may cost whatever their own limits allow")
        here.say_next("aws-run allowance set 20/day")
        return
    rows = [
        (
            one.limit.describe(one.whose),
            money(one.used_usd),
            f"{money(one.reserved_usd)}{f' by {one.holders}' if one.holders else ''}",
            money(one.free_usd),
            f"{one.end:%Y-%m-%d %H:%M} UTC",
        )
        for one in state.standings
    ]
    table("", ("allowance", "used", "reserved", "free", "until"), rows)
    here.say_simulated()


def as_data(one: Standing) -> dict[str, Any]:
    """Money as text, so that no digit is lost."""
    limit, whose = one.limit, one.whose
    return {
        "usd": f"{limit.usd:f}",
        "per": limit.per,
        "project": whose.project if whose and limit.project else limit.project,
        "owner": whose.owner if whose and limit.owner else limit.owner,
        "branch": whose.branch if whose and limit.branch else limit.branch,
        "each": [name for name in ("project", "owner", "branch") if getattr(limit, name) == "*"],
        "begins": one.begin.isoformat(),
        "ends": one.end.isoformat(),
        "used_usd": f"{one.used_usd:f}",
        "reserved_usd": f"{one.reserved_usd:f}",
        "free_usd": f"{one.free_usd:f}",
        "runs_holding": one.holders,
    }
