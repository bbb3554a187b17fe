"""`aws-run bench`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aws_run.cli import compose
from aws_run.cli.options import aws_options, file_options, run_options
from aws_run.cli.running import may_leave_something
from aws_run.cli.say import result_json, say
from aws_run.cli.script import ScriptCommand, flags_with_script
from aws_run.cli.trust import need_trust
from aws_run.cli.types import PATH, TEXT
from aws_run.errors import UsageError
from aws_run.hints import reaching

if TYPE_CHECKING:
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
    as_json, debug, local = flags.pop("as_json"), flags.pop("debug"), flags.pop("local")
    flags.pop("verbose")
    file, trusted, runtime = flags.pop("file"), bool(flags.pop("trust_project_file")), flags.pop("runtime")
    names = tuple(name.strip() for name in on.split(",") if name.strip())
    from aws_run.image.sources.results import mark
    from aws_run.usecases import bench as benches

    benches.refuse_same(names)
    given = {name: flags_of(name) for name in names}
    if flags.get("instance_type") or flags.get("backend"):
        raise UsageError("--on says what the runs are on", hint="leave --instance-type and --backend out")
    path, flags = flags_with_script(path, flags)
    capped = {**flags, "max_cost": flags.get("max_cost") or _MAX_COST, "args": args, "detach": False}
    whole = compose.load(path, file, capped, for_run=True)
    need_trust(whole, trusted=trusted)
    sized = flags.get("cpu") is not None or flags.get("memory") is not None
    configs = {
        name: _config(compose.load(path, file, {**capped, **given[name]}, for_run=True), name, sized=sized)
        for name in names
    }

    from aws_run.report import make_reporter

    with (
        make_reporter("json" if as_json else "plain", debug=debug, verbose=False) as reporter,
        compose.open_target(local, lambda: compose.base_image(whole), runtime, flags=flags) as target,
    ):
        aws = compose.open_aws(region=whole.region, profile=whole.profile, local=local)
        with may_leave_something():
            comparison = benches.bench(
                compose.make_context(aws, reporter.emit, target),
                configs,
                show_plan=_show_start,
                on_end=lambda row: _show_end(_led_back(row, target)),
                cost_label=target.cost_label,
            )
    rows = tuple(_led_back(row, target) for row in comparison.rows)
    comparison = replace(comparison, rows=rows)
    for row in rows:
        if row.output is not None:
            mark(row.output, whole.project_dir)
    if as_json:
        result_json(as_data(comparison))
    else:
        _print(comparison)
    return comparison.exit_code


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
