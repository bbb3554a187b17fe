"""`aws-run submit` and `aws-run plan`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli import compose
from aws_run.cli.job_lines import emit_for
from aws_run.cli.options import aws_options, detach_option, file_options, quiet_start_option, run_options
from aws_run.cli.running import (
    Terminal,
    may_leave_something,
    refuse_detach_on_ephemeral,
    with_way_back,
    without_cleanup_hint,
)
from aws_run.cli.say import result_json
from aws_run.cli.script import ScriptCommand, flags_with_script, with_chosen_script
from aws_run.cli.spec_file import SavedSpec, refuse_unwritable
from aws_run.cli.trust import ask_whether_meant, need_trust, warn_of_doubt
from aws_run.cli.types import PATH
from aws_run.errors import UsageError

if TYPE_CHECKING:
    from aws_run.cli.target import Target
    from aws_run.config import Config
    from aws_run.lifecycle.context import AppContext
    from aws_run.report import Reporter


@click.command(cls=ScriptCommand)
@click.argument("path", type=PATH, default=".")
@click.argument("args", nargs=-1, metavar="")
@file_options
@run_options
@detach_option
@click.option(
    "--save-spec", type=PATH, metavar="FILE",
    help="Write the job as it was started, its image and inputs pinned, for `aws-run start FILE`.",
)  # fmt: skip
@quiet_start_option
@click.option("--dry-run", is_flag=True, help="Show the plan and stop; the same as `aws-run plan`.")
@aws_options
def submit(
    path: Path,
    args: tuple[str, ...],
    detach: bool,
    dry_run: bool,
    save_spec: Path | None,
    **flags: Any,
) -> int:
    """Run the project in the folder PATH on AWS and fetch its results. PATH may also be a script of the project.

    The script is called with -i and -o and absolute paths; ARGS after -- come before them.
    """
    if save_spec is not None:
        if dry_run:
            raise UsageError("--save-spec writes a job that was started, and --dry-run starts none")
        refuse_unwritable(save_spec)
    return _submit(path, args, flags, detach=detach, dry_run=dry_run, save_spec=save_spec)


@click.command(cls=ScriptCommand)
@click.argument("path", type=PATH, default=".")
@click.argument("args", nargs=-1, metavar="")
@file_options
@run_options
@aws_options
def plan(path: Path, args: tuple[str, ...], **flags: Any) -> int:
    """Show what `submit` of the project in PATH would create and cost. Changes nothing."""
    return _submit(path, args, flags, detach=False, dry_run=True)


def _submit(
    path: Path,
    args: tuple[str, ...],
    flags: dict[str, Any],
    *,
    detach: bool,
    dry_run: bool,
    save_spec: Path | None = None,
) -> int:
    verbose, quiet = bool(flags.pop("verbose")), bool(flags.pop("quiet", False))
    as_json, debug, local = flags.pop("as_json"), flags.pop("debug"), flags.pop("local")
    if quiet and dry_run and not as_json:
        raise UsageError("--quiet leaves nothing of a plan to print", hint="leave out --quiet or --dry-run")
    file, trusted, runtime = flags.pop("file"), bool(flags.pop("trust_project_file")), flags.pop("runtime")
    path, flags = flags_with_script(path, flags)
    config = compose.load(path, file, {**flags, "args": args, "detach": detach or dry_run}, for_run=True)
    if not dry_run:
        need_trust(config, trusted=trusted)

    from aws_run.report import make_reporter

    refuse_detach_on_ephemeral(detach=detach, local=local)
    # A plan is a result, so it goes to stdout and can be piped.
    stream = sys.stdout if dry_run and not as_json else sys.stderr

    def follow(config: Config) -> int:
        with (
            make_reporter(
                "json" if as_json else "auto",
                debug=debug,
                verbose=verbose or dry_run,
                quiet=quiet and not as_json,
                stream=stream,
            ) as reporter,
            compose.open_target(local, lambda: compose.base_image(config), runtime, flags=flags) as target,
        ):
            aws = compose.open_aws(region=config.region, profile=config.profile, local=local)
            context = compose.make_context(aws, emit_for(reporter, as_json=as_json, quiet=quiet), target)
            context = replace(context, agree=warn_of_doubt(reporter) if dry_run else ask_whether_meant(reporter))
            if dry_run:
                return _show_plan(config, context, reporter, target, as_json=as_json)

            from aws_run.image.sources.results import mark
            from aws_run.usecases.submit import submit as run

            terminal = Terminal(reporter=reporter, target=target, as_json=as_json, quiet=quiet)
            saved = SavedSpec(save_spec, reporter.emit)
            with without_cleanup_hint(target), may_leave_something():
                done = run(
                    config,
                    context,
                    show_plan=terminal.plan_for(config.output),
                    on_interrupt=terminal.choose,
                    on_accepted=saved.save,
                    detach=detach,
                    cost_label=target.cost_label,
                )
            if config.output is not None:
                mark(config.output, config.project_dir)
            code = terminal.report(done, context)
            if saved.failed is not None:
                reporter.error(saved.failed)
                return code or saved.failed.exit_code
            return code

    return with_chosen_script(config, follow)


def _show_plan(config: Config, context: AppContext, reporter: Reporter, target: Target, *, as_json: bool) -> int:
    from aws_run.report.jsonlines import to_json
    from aws_run.usecases.plan import plan as show_only

    view = with_way_back(show_only(config, context), target)
    reporter.plan(view)
    if as_json:
        result_json(to_json(view))
    return 0
