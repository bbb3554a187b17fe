"""`aws-run bench`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli import compose
from aws_run.cli.options import aws_options, file_options, run_options
from aws_run.cli.output_memory import remember_fetched, remember_output
from aws_run.cli.running import may_leave_something, without_cleanup_hint
from aws_run.cli.say import result_json, say
from aws_run.cli.script import ScriptCommand, flags_with_script, with_chosen_script
from aws_run.cli.session import say_simulated
from aws_run.cli.trust import ask_whether_meant, need_trust, once
from aws_run.cli.types import PATH, TEXT
from aws_run.errors import UsageError
from aws_run.frozen import frozen
from aws_run.hints import reaching

if TYPE_CHECKING:
    from aws_run.aws.session import Aws
    from aws_run.cli.target import Target
    from aws_run.config import Config
    from aws_run.report.views import PlanView
    from aws_run.usecases.bench import Bench, BenchRow

_MAX_COST = "1.00"  # of each run, where nothing else is given: a sample is to be cheap
_FARGATE = re.compile(r"fargate:(?P<cpu>[0-9.]+):(?P<memory>[0-9.]+GB)")
_EC2 = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_GRAVITON = re.compile(r"(a1|[a-z]+[0-9]+g[a-z-]*)\.")  # the processor's letter follows the generation: c7g, m6gd, t4g


@click.command(cls=ScriptCommand)
@click.argument("path", type=PATH, default=".")
@click.argument("args", nargs=-1, metavar="")
@click.option(
    "--on", "on", metavar="OFFERS", type=TEXT, required=True,
    help="What to compare: EC2 types and Fargate sizes, c7i.large,c7g.large,fargate:2:8GB.",
)  # fmt: skip
@file_options
@run_options
@aws_options
def bench(path: Path, args: tuple[str, ...], on: str, **flags: Any) -> int:
    """Run the project in PATH on several machines at once, with a sample as its input, and compare time and cost.

    Each run is capped: by --max-cost, else at $1.00. The outputs go into a folder of each offer's name below -o.
    """
    names = tuple(name.strip() for name in on.split(",") if name.strip())
    from aws_run.usecases.bench import refuse_same

    refuse_same(names)
    given = {name: flags_of(name) for name in names}
    if flags.get("instance_type") or flags.get("backend"):
        raise UsageError("--on says what the runs are on", hint="leave --instance-type and --backend out")
    shown = _Shown(as_json=flags.pop("as_json"), debug=flags.pop("debug"), verbose=flags.pop("verbose"))
    local, runtime = flags.pop("local"), flags.pop("runtime")
    file, trusted = flags.pop("file"), bool(flags.pop("trust_project_file"))
    path, flags = flags_with_script(path, flags)
    capped = {**flags, "max_cost": flags.get("max_cost") or _MAX_COST, "args": args, "detach": False}
    whole = compose.load(path, file, capped, for_run=True)
    need_trust(whole, trusted=trusted)
    sized = flags.get("cpu") is not None or flags.get("memory") is not None
    configs = {
        name: _config(compose.load(path, file, {**capped, **given[name]}, for_run=True), name, sized=sized)
        for name in names
    }

    def compare(chosen: Config) -> Bench:
        same = {name: replace(config, command=chosen.command) for name, config in configs.items()}
        with compose.open_target(local, lambda: compose.base_image(chosen), runtime, flags=flags) as target:
            aws = compose.open_aws(region=whole.region, profile=whole.profile, local=local)
            compared = _compare(aws, target, same, shown)
            compared = replace(compared, rows=tuple(_led_back(row, target) for row in compared.rows))
        if shown.as_json:
            result_json(as_data(compared))
        else:
            _print(compared)
            say_simulated(target)
        return compared

    return with_chosen_script(whole, compare).exit_code


@frozen
class _Shown:
    """What the command line says of the output."""

    as_json: bool
    debug: bool
    verbose: bool


def _compare(aws: Aws, target: Target, configs: Mapping[str, Config], shown: _Shown) -> Bench:
    from aws_run.image.sources.results import mark
    from aws_run.report import make_reporter
    from aws_run.usecases.bench import bench as compare

    kind = "json" if shown.as_json else "plain"
    with make_reporter(kind, debug=shown.debug, verbose=shown.verbose) as reporter:  # type: ignore[arg-type]
        context = compose.make_context(aws, reporter.emit, target)

        def start(name: str, view: PlanView) -> None:
            output = configs[name].output
            if output is not None and not target.ephemeral:
                remember_output(view.run_id, output)
            if shown.verbose:
                reporter.plan(view)
            _show_start(name, view)

        def end(row: BenchRow) -> None:
            if row.output is not None:
                mark(row.output, configs[row.offer].project_dir)
                if not target.ephemeral:
                    remember_fetched(row.run_id, row.output)
            _show_end(_led_back(row, target))
            if shown.verbose and row.receipt is not None:
                reporter.receipt(row.receipt)

        with without_cleanup_hint(target), may_leave_something():
            return compare(
                replace(context, agree=once(ask_whether_meant(reporter))),
                configs,
                show_plan=start,
                on_end=end,
                cost_label=target.cost_label,
                verbose=shown.verbose,
            )


def _led_back(row: BenchRow, target: Target) -> BenchRow:
    return replace(row, sentence=reaching(row.sentence, target.flag))


def flags_of(name: str) -> dict[str, Any]:
    """The flags that ask for one offer. UsageError for a name that is neither an EC2 type nor a Fargate size."""
    size = _FARGATE.fullmatch(name)
    if size is not None:
        return {"backend": "fargate", "cpu": size["cpu"], "memory": size["memory"]}
    if not _EC2.fullmatch(name):
        raise UsageError(
            f"--on: {name!r} is no EC2 type and no Fargate size", hint="c7i.large, or fargate:2:8GB for 2 vCPU and 8 GB"
        )
    return {"backend": "ec2", "instance_type": name, "arch": arch_of(name)}


def arch_of(name: str) -> str:
    """By the type's own name, so that its image can be built before AWS is asked."""
    return "arm64" if _GRAVITON.match(name) else "x86_64"


def _config(config: Config, name: str, *, sized: bool) -> Config:
    """Its outputs in a folder of its own. A machine that --on names is taken as large as it is, whatever size the
    project's own file asks for; `sized`: the command line asks for one."""
    if config.resources.instance_types and not sized:
        whole = replace(config.resources, cpu=None, memory_mib=None)
        config = replace(config, resources=whole)
    folder = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    return config if config.output is None else replace(config, output=config.output / folder)


def _show_start(name: str, view: PlanView) -> None:
    from aws_run.report.format import money

    price = view.price
    most = "" if price is None or price.at_most is None else f", at most {money(price.at_most)}"
    say(f"{name}: {view.run_id}{most}")


def _show_end(row: BenchRow) -> None:
    sentence = row.sentence.removeprefix(f"{row.offer}: ")
    say(f"{row.offer}: {sentence} (exit {row.exit_code})")


def _print(comparison: Bench) -> None:
    from aws_run.report.format import money, seconds
    from aws_run.report.tables import Mark, table

    rows = [
        (
            Mark(state="failed" if row.exit_code else "ok", text=row.offer),
            seconds(row.seconds) if row.seconds is not None else None,
            money(row.usd) if row.usd is not None else None,
            money(row.usd_per_1000_files) if row.usd_per_1000_files is not None else None,
            "knee" if row.offer == comparison.knee else "best" if row.offer in comparison.best else "",
        )
        for row in comparison.rows
    ]
    table("", ("offer", "time", "cost", "$ per 1,000 files", ""), rows)
    say("time and $ per 1,000 files are of the job itself; cost is of the whole run with its boot")
    if comparison.knee is not None:
        say(f"knee: {comparison.knee}; a faster one costs more by a larger factor than it is faster")
    failed = [row.offer for row in comparison.rows if row.exit_code != 0]
    if failed:
        say(f"without a result: {', '.join(failed)}")


def as_data(comparison: Bench) -> dict[str, Any]:
    """Money as text, so that no digit is lost."""
    return {
        "runs": [
            {
                "offer": row.offer,
                "run_id": row.run_id or None,
                "exit_code": row.exit_code,
                "sentence": row.sentence,
                "hardware": row.hardware,
                "seconds": row.seconds,
                "usd": None if row.usd is None else f"{row.usd:.6f}",
                "usd_of_job": None if row.usd_of_job is None else f"{row.usd_of_job:.6f}",
                "files": row.files,
                "usd_per_1000_files": None if row.usd_per_1000_files is None else f"{row.usd_per_1000_files:.6f}",
                "output": None if row.output is None else str(row.output),
            }
            for row in comparison.rows
        ],
        "knee": comparison.knee,
        "best": list(comparison.best),
    }
