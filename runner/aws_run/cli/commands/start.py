"""`aws-run start`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli import compose
from aws_run.cli.options import aws_options, detach_option, quiet_start_option, setting
from aws_run.cli.running import Terminal, may_leave_something
from aws_run.cli.session import session
from aws_run.cli.spec_file import read_spec
from aws_run.cli.types import PATH
from aws_run.config.options import option_of
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.config.models import Input


@click.command()
@click.argument("spec", type=PATH)
@click.option(
    "-i", "--input", "inputs", metavar="[NAME=]s3://…", multiple=True,
    help="Read this address in place of the inputs that the job spec names.  Repeatable.",
)  # fmt: skip
@setting(option_of("output"))
@setting(option_of("labels"))
@setting(option_of("note"))
@click.option(
    "--env", metavar="K=V", multiple=True,
    help="Environment variables for the job, in place of the stored ones of these names. One without a value takes the "
    "shell's value.  Repeatable.",
)  # fmt: skip
@detach_option
@quiet_start_option
@aws_options
def start(
    *,
    spec: Path,
    inputs: tuple[str, ...],
    output: str | None,
    label: tuple[str, ...],
    note: str | None,
    env: tuple[str, ...],
    detach: bool,
    **flags: Any,
) -> int:
    """Start the job in the file SPEC, which `submit --save-spec SPEC` wrote.

    Neither the project nor Docker is needed: the image and the inputs are those of that submit.
    """
    job = read_spec(spec)
    given = compose.read_flags({"input": inputs, "output": output, "env": env, "label": label, "note": note})
    addresses: tuple[Input, ...] = given.get("inputs", ())
    folder = next((one.place for one in addresses if one.s3 is None), None)
    if folder is not None:
        raise UsageError(
            f"-i {folder}: a stored job reads addresses in S3",
            hint="give s3://BUCKET/PREFIX, or submit the project to send a folder",
        )
    into: Path | None = given.get("output")
    compose.check_output(into, f"-o {output}", detach=detach)
    if flags["local"] and not compose.embedded_is_running():
        raise UsageError(
            "No embedded AWS is running, so none holds the image of this job spec",
            hint='start one, and submit to it with --save-spec: eval "$(aws-run local start)"',
        )
    from aws_run.image.sources.results import mark_here
    from aws_run.usecases.start import start as run

    with session(flags) as here:
        terminal = Terminal(
            reporter=here.reporter, target=here.target, as_json=here.as_json, quiet=bool(flags["quiet"])
        )
        with may_leave_something():
            done = run(
                job,
                here.context,
                inputs=addresses,
                env=given.get("env", {}),
                output=into,
                show_plan=terminal.plan_for(into),
                on_interrupt=terminal.choose,
                detach=detach,
                cost_label=here.target.cost_label,
                labels=given.get("labels", ()),
                note=given.get("note"),
            )
        if into is not None:
            mark_here(into)
        return terminal.report(done, here.context)
