"""`aws-run quota`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli.help_text import WholeSentences
from aws_run.cli.options import aws_options, file_options, some_run_options
from aws_run.cli.say import result_json, say

if TYPE_CHECKING:
    from aws_run.usecases.quota import Increase

_FLAGS = frozenset({"cpu", "memory", "gpu", "arch", "instance_type", "spot_policy"})


@click.group(cls=WholeSentences)
def quota() -> None:
    """How many vCPUs the account may use, by family and market."""


@quota.command()
@click.argument("code", required=False, metavar="[CODE]")
@file_options
@some_run_options(_FLAGS)
@click.option("--value", type=click.FloatRange(min=1), metavar="N", help="How large it is to be, in vCPUs.")
@click.option("--watch", is_flag=True, help="Wait until AWS has decided, which takes minutes to days.")
@aws_options
def request(code: str | None, value: float | None, watch: bool, **flags: Any) -> int:
    """Ask AWS to raise a quota: the one of that CODE (L-DB2E81BA), or the one that counts what the options ask for.

    Without --value so much is asked for that one more machine of the request fits. It costs nothing.
    """
    from aws_run.cli import compose
    from aws_run.report import make_reporter
    from aws_run.usecases import quota as quotas

    as_json, debug, local = flags.pop("as_json"), flags.pop("debug"), flags.pop("local")
    config = compose.load(Path.cwd(), flags.pop("file"), flags, for_run=False)
    with (
        make_reporter("json" if as_json else "auto", debug=debug) as reporter,
        compose.open_target(local, flags=flags) as target,
    ):
        aws = compose.open_aws(region=config.region, profile=config.profile, local=local)
        context = compose.make_context(aws, reporter.emit, target)
        needs = None
        if code is None:
            code, needs = quotas.code_for(config, context)
        made = quotas.request(context, code, value=value, needs=needs)
        if not as_json:
            _say(made)
        if watch:
            made = quotas.watch(context, made, on_change=_say if not as_json else lambda one: None)
    if as_json:
        result_json(
            {
                "id": made.id,
                "service": made.service,
                "code": made.code,
                "name": made.name,
                "desired": made.desired,
                "status": made.status,
                "link": made.link,
            }
        )
    elif made.open:
        say(f"next: aws-run quota request {made.code} --value {made.desired:g} --watch{target.flag}")
    return 0


def _say(one: Increase) -> None:
    say(f"{one.name}: {one.desired:g} vCPUs, {one.status.lower().replace('_', ' ')} ({one.link})")
