"""`aws-run local`: an embedded AWS that stays up for several commands."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from aws_run.cli.confirm import confirm_removal
from aws_run.cli.help_text import WholeSentences
from aws_run.cli.options import json_option, runtime_option
from aws_run.cli.say import result, result_json, say
from aws_run.cli.terminals import is_terminal
from aws_run.cli.types import PATH
from aws_run.errors import AwsRunError, UsageError
from aws_run.extras import install_hint


def _embedded() -> Any:
    try:
        from aws_run import local as embedded
    except ImportError as error:
        raise UsageError(
            f"The embedded AWS is not installed ({error.name} is missing)", hint=install_hint("local")
        ) from None
    return embedded


def _running() -> Any:
    running = _embedded().running()
    if running is None:
        raise _none_running()
    return running


def _none_running() -> AwsRunError:
    return AwsRunError("No embedded AWS is running", hint="aws-run local start")


@click.group(cls=WholeSentences)
def local() -> None:
    """An embedded AWS: try everything of aws-run, and the aws CLI, without an account.

    Nothing costs anything; the amounts shown are what AWS would have charged.
    """


@local.command()
@click.option(
    "--port", type=int, default=0, metavar="PORT", help="Port to listen on; 0: any free one.", show_default=True
)
@click.option(
    "--boot-seconds",
    type=float,
    metavar="S",
    default=1.0,
    show_default=True,
    help="How long a new instance takes to join.",
)
@runtime_option
@click.option(
    "--chaos", type=int, metavar="SEED", help="Answer like a bad day of AWS: throttled, failing, slow; from this seed."
)
@click.option(
    "--enforce-iam",
    type=PATH,
    metavar="FILE",
    help="Hold the caller to this IAM policy, for example one that `aws-run iam-policy` printed.",
)
@click.option("--foreground", is_flag=True, help="Run in this terminal until Ctrl-C.")
@json_option
def start(
    *,
    port: int,
    boot_seconds: float,
    runtime: str,
    chaos: int | None,
    enforce_iam: Path | None,
    foreground: bool,
    as_json: bool,
) -> None:
    """Start it and print its environment: eval "$(aws-run local start)".

    If one is running already, its environment is printed, for a second terminal.
    """
    embedded = _embedded()
    options = embedded.LocalOptions(
        boot_s=boot_seconds,
        runtime=runtime,
        port=port,
        chaos_seed=chaos,
        caller_policy=_policy(enforce_iam) if enforce_iam else None,
    )
    if foreground:
        embedded.need_moto()
        say("embedded AWS: Ctrl-C stops it; `aws-run local status` in another terminal shows it")
        embedded.serve(options)
        return
    aws, new = embedded.start(options)
    if not new:
        _refuse_what_it_was_not_started_with(aws.runtime, runtime)
        say("# one is running already; this is its environment")
    if as_json:
        result_json({"environment": aws.environment(), "runtime": aws.runtime, "reason": aws.runtime_reason})
        return
    for name, value in aws.environment().items():
        result(f"export {name}={value}")
    say(f"# {aws.runtime}: {aws.runtime_reason}")
    say('# stop it with: eval "$(aws-run local stop)"')


def _refuse_what_it_was_not_started_with(running: str, runtime: str) -> None:
    """UsageError where this command line has an option that the running one can't take up any more."""
    context = click.get_current_context()
    given = [
        option
        for option, name in (("--port", "port"), ("--boot-seconds", "boot_seconds"), ("--chaos", "chaos"))
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    given += ["--runtime"] if runtime not in ("auto", running) else []
    given += ["--enforce-iam"] if context.params["enforce_iam"] is not None else []
    if given:
        raise UsageError(
            f"An embedded AWS is running already, so {', '.join(given)} can't be applied",
            hint='eval "$(aws-run local stop)", then the same command again',
        )


def _policy(path: Path) -> dict[str, Any]:
    """UsageError for what is no IAM document."""
    import json

    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--enforce-iam {path}: can't be read as JSON: {error}") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    rows = [statements] if isinstance(statements, dict) else statements
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("Effect") for row in rows):
        raise UsageError(
            f"--enforce-iam {path}: that is not an IAM policy: it has no list of statements",
            hint="aws-run iam-policy --account 123456789012 > caller.json",
        )
    return dict(document)


@local.command()
def stop() -> None:
    """Stop it and delete everything in it.

    eval "$(aws-run local stop)" also clears its variables from the shell. What makes the next start quick stays on
    this machine; `aws-run local prune` removes that.
    """
    embedded = _embedded()
    stopped = embedded.stop()
    names = embedded.LocalAws.exported(os.environ)
    if names:
        result(f"unset {' '.join(names)}")
    if names and is_terminal(sys.stdout):
        say('# this shell still has its variables; with eval "$(aws-run local stop)" it forgets them')
    say("# stopped" if stopped else "# none was running")


@local.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def prune(yes: bool) -> None:
    """Remove the images and environments that it keeps on this machine between its starts.

    The next run of a project makes them again.
    """
    from aws_run.report.format import size

    embedded = _embedded()
    if not yes:
        confirm_removal(
            "Remove all images and environments of the embedded AWS?", at_stake="This removes images and environments"
        )
    say(f"removed {size(embedded.prune())}")


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether it is running, where, and what is in it."""
    state = _embedded().status()
    if state is None:
        raise _none_running()
    if as_json:
        result_json(state)
        return
    from aws_run.report.format import size
    from aws_run.report.tables import table

    kept = f"{size(sum(state['disk_bytes'].values()))} of images and environments, which `aws-run local prune` removes"
    rows = [
        ("address", state["endpoint_url"]),
        ("account", f"{state['account']}, {state['region']}"),
        ("jobs", state["runtime_reason"]),
        ("its time", _moment(state["now"])),
        ("instances", str(state["instances"])),
        ("tasks", str(state["tasks"])),
        *(("fault", str(fault)) for fault in state["errors"]),
        *([("faults in full", state["log"])] if state["errors"] else []),
        ("folder", state["state_dir"]),
        ("on this machine", kept),
    ]
    table("embedded AWS", ("what", "value"), rows)


def _moment(iso: str) -> str:
    """By this machine's time zone, to the second."""
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"


@local.command()
@json_option
def bill(as_json: bool) -> None:
    """Show what each resource would have cost."""
    so_far = _embedded().ask(_running(), "bill")
    if as_json:
        result_json(so_far)
        return
    from aws_run.report.format import adding_up
    from aws_run.report.tables import table

    amounts, total = adding_up([Decimal(str(line["usd"])) for line in so_far["lines"]])
    rows = [
        (
            line["kind"],
            line["id"],
            line["run"],
            f"{line['seconds']:.0f}",
            amount,
            "yes" if line["open"] else "",
        )
        for line, amount in zip(so_far["lines"], amounts, strict=True)
    ]
    table("", ("kind", "id", "run", "seconds", "cost", "still billed"), rows)
    say(f"total: {total}, as AWS would have charged by {_moment(so_far['now'])}")


@local.command("spot-interrupt")
@click.option(
    "--after-seconds",
    type=float,
    metavar="S",
    default=120.0,
    show_default=True,
    help="Time from the notice to the end.",
)
def spot_interrupt(after_seconds: float) -> None:
    """Interrupt every spot machine, after the notice."""
    interrupted = _embedded().ask(_running(), "spot-interrupt", {"after_s": after_seconds})["interrupted"]
    say(f"interrupted: {', '.join(interrupted)}" if interrupted else "no spot machine of EC2 is running")
