"""`aws-run submit` and `aws-run plan`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from aws_run.cli import compose
from aws_run.cli.options import aws_options, file_options, run_options
from aws_run.cli.say import result_json, say
from aws_run.cli.trust import need_trust
from aws_run.cli.types import PATH
from aws_run.errors import InterruptedRunError, UsageError

if TYPE_CHECKING:
    from aws_run.report import Reporter
    from aws_run.report.views import OutcomeView

# When the embedded AWS has ended with its run, `logs`, `explain` and `pull` have nothing to read.
_NEXT_TIME = 'eval "$(aws-run local start)"  # an embedded AWS that stays, for logs, explain and pull'


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("path", type=PATH, default=".")
@click.argument("args", nargs=-1)
@file_options
@run_options
@click.option(
    "-d", "--detach", is_flag=True, help="Return as soon as AWS has accepted the task; `aws-run wait` follows it."
)
@click.option("--dry-run", is_flag=True, help="Show the plan and stop; the same as `aws-run plan`.")
@aws_options
def submit(path: Path, args: tuple[str, ...], detach: bool, dry_run: bool, **flags: Any) -> int:
    """Run the project in PATH on AWS and fetch its results.

    The script is called with -i and -o and absolute paths; ARGS after -- come before them.
    """
    return _submit(path, args, flags, detach=detach, dry_run=dry_run)


@click.command()
@click.argument("path", type=PATH, default=".")
@click.argument("args", nargs=-1)
@file_options
@run_options
@aws_options
def plan(path: Path, args: tuple[str, ...], **flags: Any) -> int:
    """Show what `submit` of the project in PATH would create and cost. Changes nothing."""
    return _submit(path, args, flags, detach=False, dry_run=True)


def _submit(path: Path, args: tuple[str, ...], flags: dict[str, Any], *, detach: bool, dry_run: bool) -> int:
    as_json, debug, local = flags.pop("as_json"), flags.pop("debug"), flags.pop("local")
    file, trusted, runtime = flags.pop("file"), bool(flags.pop("trust_project_file")), flags.pop("runtime")
    config = compose.load(path, file, {**flags, "args": args, "detach": detach or dry_run}, for_run=True)
    if not dry_run:
        need_trust(config, trusted=trusted)

    from aws_run.image.results import mark
    from aws_run.report import make_reporter
    from aws_run.report.jsonlines import to_json
    from aws_run.usecases.plan import plan as show_only
    from aws_run.usecases.submit import submit as run

    if detach and local and not compose.embedded_is_running():
        raise UsageError(
            "--detach needs an embedded AWS that outlives this command", hint='start one: eval "$(aws-run local start)"'
        )
    # A plan is a result, so it goes to stdout and can be piped.
    stream = sys.stdout if dry_run and not as_json else sys.stderr
    with (
        make_reporter("json" if as_json else "auto", debug=debug, stream=stream) as reporter,
        compose.open_target(local, lambda: compose.base_image(config), runtime) as target,
    ):
        aws = compose.open_aws(region=config.region, profile=config.profile, local=local)
        context = compose.make_context(aws, reporter.emit, target)
        if dry_run:
            view = show_only(config, context)
            reporter.plan(view)
            if as_json:
                result_json(to_json(view))
            return 0
        with _without_cleanup_hint(target):
            done = run(
                config,
                context,
                show_plan=reporter.plan,
                on_interrupt=lambda: _choose(reporter, local),
                detach=detach,
                cost_label=target.cost_label,
            )
        if config.output is not None:
            mark(config.output, config.project_dir)
        outcome = _with_next_commands(done.view, target)
        reporter.outcome(outcome)
        if done.teardown_error is not None:
            reporter.error(done.teardown_error)
        if as_json:
            result_json(to_json(outcome))
        return done.exit_code


def _with_next_commands(view: OutcomeView, target: compose.Target) -> OutcomeView:
    """The next commands must reach the AWS that the run was on; an ephemeral one will be gone."""
    if target.ephemeral:
        return replace(view, next_commands=(_NEXT_TIME,) if view.next_commands else ())
    return replace(view, next_commands=tuple(f"{command}{target.flag}" for command in view.next_commands))


@contextmanager
def _without_cleanup_hint(target: compose.Target) -> Iterator[None]:
    """An interrupted run on an ephemeral AWS leaves nothing to clean up."""
    try:
        yield
    except InterruptedRunError as error:
        if not target.ephemeral or error.hint is None:
            raise
        raise InterruptedRunError(
            "Interrupted; the embedded AWS ends with this command, and the run with it"
        ) from error


def _choose(reporter: Reporter, local: bool) -> Literal["cancel", "detach"]:
    """On a terminal the user chooses; anywhere else (CI) an interrupt means cancel and clean up. An embedded AWS that
    this command started ends with it, so there is nothing to detach from."""
    if local or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "cancel"
    with reporter.pause():
        say("")
        try:
            answer = _prompt()
        except click.Abort:  # Ctrl-C at the question counts as the second one
            raise KeyboardInterrupt from None
    return "detach" if answer == "d" else "cancel"


def _prompt() -> str:
    return str(
        click.prompt(
            "Interrupted. [c]ancel the run, or [d]etach and let it finish?",
            type=click.Choice(["c", "d"]),
            default="c",
            show_choices=False,
            err=True,
        )
    )
