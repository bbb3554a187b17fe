"""`aws-run local start|stop|status`: an embedded AWS that stays up for several commands."""

from __future__ import annotations

from typing import Any

import click

from aws_run.cli.say import result, result_json, say
from aws_run.errors import AwsRunError, UsageError


def _embedded() -> Any:
    try:
        from aws_run import local as embedded
    except ImportError as error:
        raise UsageError(
            f"The embedded AWS is not installed ({error.name} is missing)", hint='pip install "aws-run[local]"'
        ) from None
    return embedded


def _running() -> Any:
    found = _embedded().running()
    if found is None:
        raise AwsRunError("No embedded AWS is running", hint="aws-run local start")
    return found


@click.group()
def local() -> None:
    """The embedded AWS: the whole of aws-run, and the plain aws CLI, without an account.

    Nothing there costs anything; amounts are what AWS would have charged.
    """


@local.command()
@click.option("--port", type=int, default=0, help="Port to listen on; default: any free one.")
@click.option("--boot-seconds", type=float, default=1.0, show_default=True, help="How long an instance takes to join.")
@click.option("--runtime", type=click.Choice(["auto", "docker", "process"]), default="auto", show_default=True)
@click.option("--chaos", type=int, metavar="SEED", help="Throttle, fail, lose answers and dawdle, seeded.")
@click.option("--foreground", is_flag=True, help="Stay in this terminal until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def start(port: int, boot_seconds: float, runtime: str, chaos: int | None, foreground: bool, as_json: bool) -> None:
    """Start it and print the environment to export: eval "$(aws-run local start)".

    Where one is running already, print its environment: for a second terminal.
    """
    embedded = _embedded()
    options = embedded.LocalOptions(boot_s=boot_seconds, runtime=runtime, port=port, chaos_seed=chaos)
    if foreground:
        say("embedded AWS: Ctrl-C stops it; `aws-run local status` in another terminal shows it")
        embedded.serve(options)
        return
    running = embedded.running()
    aws = running or embedded.start(options)
    if running is not None:
        say("# one is running already: this is its environment")
    if as_json:
        result_json({"environment": aws.environment(), "runtime": aws.runtime, "reason": aws.runtime_reason})
        return
    for name, value in aws.environment().items():
        result(f"export {name}={value}")
    say(f"# {aws.runtime}: {aws.runtime_reason}")
    say("# stop it with: aws-run local stop")


@local.command()
def stop() -> None:
    """Stop it; everything in it is gone."""
    say("stopped" if _embedded().stop() else "none was running")


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def status(as_json: bool) -> None:
    """Show whether one runs, where, and what is in it."""
    found = _embedded().status()
    if as_json:
        result_json(found)
        return
    if found is None:
        raise AwsRunError("No embedded AWS is running", hint="aws-run local start")
    from aws_run.report.tables import table

    table("embedded AWS", ("what", "value"), [(name, str(value)) for name, value in found.items()])


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def bill(as_json: bool) -> None:
    """Show what each resource would have cost so far, on the embedded AWS's own clock."""
    found = _embedded().ask(_running(), "bill")
    if as_json:
        result_json(found)
        return
    from aws_run.report.tables import table

    rows = [
        (
            line["kind"],
            line["id"],
            line["run"],
            f"{line['seconds']:.0f}",
            f"${line['usd']:.4f}",
            "still" if line["open"] else "",
        )
        for line in found["lines"]
    ]
    table("", ("kind", "id", "run", "seconds", "cost", "bills"), rows)
    total = sum(line["usd"] for line in found["lines"])
    say(f"total: ${total:.4f}, as AWS would have charged by {found['now']}")


@local.command("spot-interrupt")
@click.option("--after-seconds", type=float, default=120.0, show_default=True, help="From the notice to the end.")
def spot_interrupt(after_seconds: float) -> None:
    """Take every spot machine away, with the notice that AWS gives before it does."""
    told = _embedded().ask(_running(), "spot-interrupt", {"after_s": after_seconds})["interrupted"]
    say(f"interrupted: {', '.join(told)}" if told else "no spot machine is running")
