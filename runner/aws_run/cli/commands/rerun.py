"""`aws-run rerun`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from aws_run.cli import compose
from aws_run.cli.options import aws_options, detach_option, project_options, quiet_start_option, setting
from aws_run.cli.output_memory import remembered_output
from aws_run.cli.running import Terminal, may_leave_something
from aws_run.cli.script import StoredArgsCommand
from aws_run.cli.session import session
from aws_run.cli.types import RUN
from aws_run.config.options import option_of


@click.command(cls=StoredArgsCommand)
@click.argument("run", required=False, type=RUN)
@click.argument("args", nargs=-1, metavar="")
@setting(option_of("output"))
@setting(option_of("labels"))
@setting(option_of("note"))
@click.option(
    "--env", metavar="K=V", multiple=True,
    help="Environment variables for the job; a record holds their names alone, so each one has to be given again. One "
    "without a value takes the shell's value.  Repeatable.",
)  # fmt: skip
@detach_option
@quiet_start_option
@project_options
@aws_options
def rerun(
    *,
    run: str | None,
    args: tuple[str, ...] | None,
    output: str | None,
    label: tuple[str, ...],
    note: str | None,
    env: tuple[str, ...],
    detach: bool,
    **flags: Any,
) -> int:
    """Start RUN (default: the last one) once more: its image, inputs, hardware and limits.

    ARGS after -- take the place of its arguments; -- alone leaves them out. Neither the project nor Docker is needed.
    The outputs go into -o, or the folder that they went into before.
    """
    given = compose.read_flags({"output": output, "env": env, "label": label, "note": note})
    from aws_run.image.sources.results import mark_here
    from aws_run.lifecycle import lookup
    from aws_run.runs.spec import job_from_json
    from aws_run.usecases.start import start as start_job
    from aws_run.usecases.start import stored_in_run

    with session(flags) as here:
        record = lookup.open_run(here.context, run, here.project).record
        named: Path | None = given.get("output")
        before = None if named is not None else remembered_output(record.run_id)
        into = named or before or here.output
        compose.check_output(into, f"-o {output or into}", detach=detach, used_before=before is not None)
        stored_in = stored_in_run(record)
        job = job_from_json(
            record.job, place=f"the record of {record.run_id}", holds="job", hint=stored_in.again
        ).to_store()
        terminal = Terminal(
            reporter=here.reporter, target=here.target, as_json=here.as_json, quiet=bool(flags["quiet"])
        )
        with may_leave_something():
            done = start_job(
                job if args is None else replace(job, args=args),
                here.context,
                env=given.get("env", {}),
                output=into,
                show_plan=terminal.plan_for(into),
                on_interrupt=terminal.choose,
                detach=detach,
                cost_label=here.target.cost_label,
                labels=given.get("labels", ()),
                note=given.get("note"),
                like=record,
                stored_in=stored_in,
            )
        if into is not None:
            mark_here(into)
        return terminal.report(done, here.context)
