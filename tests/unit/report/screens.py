"""What a person sees at 80, 120 and 160 columns, rendered from fixed values: the golden texts beside this file.

.venv/bin/python -m tests.unit.report.screens    writes them anew, to be looked at in the diff
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

from rich.console import Console
from tests.unit.fakes import FakeClock, record
from tests.unit.report.conftest import LEFT, OUTCOME, OWN, PLAN, RECEIPT, RUN, Terminal

from aws_run.backends.ec2.quotas import Headroom
from aws_run.cli.commands import offers as offers_command
from aws_run.cli.commands import ps as ps_command
from aws_run.cli.commands import status as status_command
from aws_run.errors import BuildError
from aws_run.events import (
    JobLimits,
    JobUsage,
    LaneDone,
    LaneStarted,
    LogLine,
    Notice,
    OutputProgress,
    StatusChanged,
    TeardownStep,
)
from aws_run.lifecycle.run_status import RunStatus
from aws_run.lifecycle.so_far import SoFar
from aws_run.pricing.offers import Choice
from aws_run.report.console import ConsoleReporter
from aws_run.report.listing import listing
from aws_run.report.live import LaneState, LiveState, LiveView
from aws_run.report.symbols import UNICODE
from aws_run.report.tables import Mark, checklist, table
from aws_run.report.views import LeftRow, LeftView
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import AttemptEntry, HardwareEntry, Outcome, Record, ResourceEntry, TaskEntry, TaskHandle
from aws_run.usecases.offers import RankedOffer

WIDTHS = (80, 120, 160)
GOLDEN = Path(__file__).parent / "golden"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOW = datetime(2026, 11, 21, 4, 15, tzinfo=timezone.utc)
_JOB = {"command": ["python", "main.py"], "args": ["--epochs", "30", "--data", "all of it"]}
_HARDWARE = HardwareEntry(
    backend="ec2", description="g6.xlarge (4 vCPU, 16 GB, 1 x L4, spot)", vcpu=4, memory_mib=16384, usd_per_hour="0.34"
)


def screens(width: int) -> dict[str, str]:
    """The text of each screen, without colours."""
    made = {
        "a run": _console(_a_run, width),
        "a run on the embedded AWS": _console(_demo, width),
        "plan": _console(_plan, width, verbose=True),
        "a run with -v": _console(_a_run, width, verbose=True),
        "a failing job": _console(_failing, width),
        "a build that fails": _console(_not_built, width),
        "what moves at the start": _live(_starting(), width),
        "what moves while the job runs": _live(_running(), width),
        "what moves while the outputs come down": _live(_fetching(), width),
        "ps": _table(partial(_ps, long=False), width),
        "ps -l": _table(partial(_ps, long=True), width),
        "status": _table(_status, width),
        "check": _table(_check, width),
        "offers": _table(_offers, width),
    }
    return {name: _bare(text) for name, text in made.items()}


def golden(width: int) -> str:
    parts = (f"{f' {name} ':=^{width}}\n{text}" for name, text in screens(width).items())
    return "\n".join(parts)


def path_of(width: int) -> Path:
    return GOLDEN / f"screens-{width}.txt"


def _bare(text: str) -> str:
    return "\n".join(line.rstrip() for line in _ESCAPES.sub("", text).splitlines()) + "\n"


def _console(show: Callable[[ConsoleReporter], None], width: int, *, verbose: bool = False) -> str:
    stream = io.StringIO()
    with ConsoleReporter(
        stream, clock=FakeClock(_NOW), environ={}, width=width, force_terminal=False, verbose=verbose
    ) as reporter:
        show(reporter)
    return stream.getvalue()


def _a_run(reporter: ConsoleReporter) -> None:
    _start(reporter)
    reporter.emit(LogLine(timestamp_ms=0, text="epoch 30: loss 0.0312"))
    _end(reporter)
    done = replace(OUTCOME, exit_code=0, status="finished", next_commands=(), kept_days=90, receipt=RECEIPT)
    told = replace(done, image="arun/segment@0123456789ab", python="3.12", labels=("lr=0.1",), note="smaller steps")
    reporter.outcome(replace(told, left=replace(LEFT, rows=LEFT.rows[:1]), ran=("python", "main.py"), commit="0123abc"))


def _demo(reporter: ConsoleReporter) -> None:
    """As `make demo` shows it: no address of a console, and what the sum is."""
    reporter.emit(Notice(text="embedded AWS: tasks run as processes, because no Docker engine answers"))
    _start(reporter)
    _end(reporter)
    receipt = replace(RECEIPT, label="simulated: what AWS would have charged")
    done = replace(OUTCOME, exit_code=0, status="the job finished", next_commands=(), receipt=receipt, console_url=None)
    kept = ("bucket", "repository", "log-group", "role")
    rows = tuple(LeftRow(kind=kind, name=f"arun-segment-eu-central-1-{kind}") for kind in kept)
    report = Path("/home/me/out.report.html")
    reporter.outcome(replace(done, kept_days=90, report_file=report, left=LeftView(rows=rows)))


def _plan(reporter: ConsoleReporter) -> None:
    """As the command `plan` shows it: no run begins with it."""
    why = "g6.xlarge is the cheapest of 9 types that fit, and 7 more may be taken where it has no capacity"
    reporter.plan(replace(PLAN, run_id="", backend="ec2: g6.xlarge (4 vCPU, 16 GB, 1 x L4, spot)", why=why))


def _failing(reporter: ConsoleReporter) -> None:
    _start(reporter)
    for line in ("Traceback (most recent call last):", '  File "main.py", line 7, in <module>', "KeyError: 'label'"):
        reporter.emit(LogLine(timestamp_ms=0, text=line))
    _end(reporter)
    reporter.outcome(
        replace(OUTCOME, receipt=RECEIPT, warnings=("it left result.csv (8 B) in its working directory, now gone",))
    )


def _not_built(reporter: ConsoleReporter) -> None:
    reporter.error(
        BuildError(
            "The requirement torch==2.99 does not exist in the package index",
            log_tail=("error: No solution found when resolving dependencies",),
            hint="correct its name, or set PIP_INDEX_URL or UV_INDEX to the index that has it",
        )
    )


def _start(reporter: ConsoleReporter) -> None:
    reporter.plan(PLAN)
    reporter.emit(LaneStarted(lane="capacity", text="group"))
    reporter.emit(Notice(text="spot capacity of g6.xlarge is scarce in eu-central-1a today", level="warning",
                         hint="--spot-policy auto falls back to on-demand"))  # fmt: skip
    reporter.emit(LaneDone(lane="capacity", text="g6.xlarge (4 vCPU, 16 GB, 1 x L4, spot) or 7 like it", seconds=41.2))
    reporter.emit(LaneDone(lane="image", text="pushed 84 MB", seconds=19))
    reporter.emit(LaneDone(lane="input", text="2 files unchanged", seconds=0.31, skipped=True))
    reporter.emit(StatusChanged(status="PENDING", detail="pulling the image"))
    reporter.emit(StatusChanged(status="RUNNING"))


def _end(reporter: ConsoleReporter) -> None:
    reporter.emit(StatusChanged(status="STOPPED"))
    for kind in ("group", "cluster", "task-role"):
        reporter.emit(TeardownStep(kind=kind, name=OWN, state="gone"))
    reporter.emit(TeardownStep(kind="role", name="arun-segment-execution", state="kept", detail="free while idle"))


def _starting() -> LiveState:
    state = LiveState(symbols=UNICODE, now=72.0, wall=_NOW)
    state.looks["the sources"] = "looking at the sources: 41,000 files, 3.2 GiB"
    state.lanes["capacity"] = LaneState(text="g6.xlarge (4 vCPU, 16 GB, 1 x L4, spot) asked for", since=30.0)
    state.lanes["image"] = LaneState(
        text="installing dependencies", since=0.0, beside="Downloading torch-2.9.1-cp312-cp312-manylinux (810.4MiB)"
    )
    state.lanes["input"] = LaneState(
        text="1,204 of 9,000 files", since=40.0, share=0.31, beside="48.2 MiB/s, 1m 20s left"
    )
    return state


def _running() -> LiveState:
    state = LiveState(symbols=UNICODE, now=4000.0, wall=_NOW, status="running", status_since=400.0)
    state.limits = JobLimits(deadline=_NOW + timedelta(hours=1), usd_per_hour=Decimal("0.34"))
    state.usage = JobUsage(
        cpu_percent=388, memory_bytes=11 << 30, memory_limit_bytes=16 << 30, gpu_percent=97, gpu_memory_mib=20_000
    )
    state.bars = ("epoch 12/30:  41%|████      | 410/1000 [05:12<07:29,  1.31it/s]", "loss 0.0312")
    return state


def _fetching() -> LiveState:
    state = LiveState(symbols=UNICODE, now=4000.0, wall=_NOW)
    for second in range(10):
        state.now += 1.0
        state.note_outputs(OutputProgress(files=3, bytes=second * 90 << 20, total_files=30, total_bytes=3000 << 20))
    state.removing["cluster", OWN] = 4008.0
    return state


def _live(state: LiveState, width: int) -> str:
    stream = io.StringIO()
    # The spinner turns by this clock.
    console = Console(file=stream, width=width, force_terminal=False, get_time=lambda: 0.0, _environ={})
    console.print(LiveView(state))
    return stream.getvalue()


def _table(show: Callable[[Terminal, dict[str, str]], None], width: int) -> str:
    stream = Terminal()
    show(stream, {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "50"})
    return stream.getvalue()


def _run(run: str, **changes: object) -> Record:
    attempt = AttemptEntry(
        number=1, client_token="t", handle=TaskHandle(id="arn:aws:ecs:…:task/x/1", place="x"),
        started_at="2026-11-21T04:02:00Z",
    )  # fmt: skip
    values: dict[str, object] = {
        "run_id": run, "project": "segment", "region": "eu-central-1", "created_at": "2026-11-21T04:00:00Z",
        "deadline": "2026-11-21T06:00:00Z", "hardware": _HARDWARE, "job": _JOB, "commit": "0123456789abcdef",
        "dirty": True, "labels": ("lr=0.1",), "note": "smaller steps", "output_prefix": f"runs/{run}/output/",
        "tasks": (TaskEntry(attempts=(attempt,)),), "python": "3.12",
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/arun/segment@sha256:" + "9f8a" * 16,
        "resources": (ResourceEntry(kind="group", name=f"arun-{run}", scope="run", state="created"),),
    }  # fmt: skip
    return record(**{**values, **changes})


def _statuses() -> list[RunStatus]:
    going = RunStatus(
        record=_run(RUN),
        phase="running",
        exit_code=None,
        so_far=SoFar(
            elapsed_s=780,
            cost_usd=Decimal("0.0737"),
            left_s=6420,
            usage=JobUsage(
                cpu_percent=152, memory_bytes=3_300_000_000, memory_limit_bytes=15 * 1024**3, gpu_percent=87
            ),
            progress=("epoch 12/30:  41%|████      |",),
        ),
    )
    ended = Outcome(exit_code=7, reason=OutcomeReason.EXIT, sentence="the job ended with exit code 7")
    failed = _run(
        "segment-20261121-030000-c3d4", state="removed", outcome=ended, cost_usd="0.018720",
        stopped_at="2026-11-21T04:05:12Z", created_at="2026-11-21T03:00:00Z",
    )  # fmt: skip
    return [going, RunStatus(record=failed, phase="failed", exit_code=7)]


def _ps(stream: Terminal, environ: dict[str, str], *, long: bool) -> None:
    rows = [ps_command._row(one, long=long, utc=True) for one in _statuses()]
    listing(ps_command._columns(long=long, utc=True), rows, stream=stream, environ=environ)


def _status(stream: Terminal, environ: dict[str, str]) -> None:
    left_out = "not included: data transfer out of AWS and through NAT gateways or endpoints, S3, ECR and log storage"
    rows = [*status_command.rows_of(_statuses()[0], utc=True, label="cost"), ("receipt", left_out)]
    table(RUN, ("what", "value"), rows, stream=stream, environ=environ)


def _check(stream: Terminal, environ: dict[str, str]) -> None:
    rows = [
        ("project", Mark(state="ok", text="Python 3.12, uv.lock (14 packages); 12 files, 5.0 MB"), ""),
        ("region", Mark(state="failed", text="none is set"),
         "`aws configure set region us-east-1`, --region or AWS_REGION names one"),
        ("credentials", Mark(state="warning", text="temporary ones, which end in 20 minutes: longer runs go on without "
                             "this terminal"), "aws sso login"),
        ("quota for spot G and VT instances", Mark(state="unknown", text="not known: servicequotas:GetServiceQuota is "
                             "not allowed"), ""),
    ]  # fmt: skip
    checklist(rows, stream=stream, environ=environ)


def _offers(stream: Terminal, environ: dict[str, str]) -> None:
    quota = Headroom(code="L-3819A6DF", name="All G and VT Spot Instance Requests", limit=64, used=8)
    spot = Choice(
        backend="ec2", name="g6.xlarge", spot=True, zones=("eu-central-1a", "eu-central-1b"), vcpu=4, memory_mib=16384,
        usable_memory_mib=15500, arch="x86_64", gpus=1, gpu_model="L4", usd_per_hour=Decimal("0.34021"),
    )  # fmt: skip
    dear = replace(spot, name="g5.xlarge", spot=False, gpu_model="A10G", usd_per_hour=Decimal("1.2582"), at_most=True)
    ranked = [
        RankedOffer(choice=spot, expected_usd=Decimal("1.02"), quota=quota, taken=True, within=True),
        RankedOffer(choice=dear, expected_usd=None, quota=None, taken=False, within=False),
    ]
    rows = [offers_command.row_of(one) for one in ranked]
    table("", offers_command.columns_for(3 * 3600), rows, stream=stream, environ=environ)


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for width in WIDTHS:
        path_of(width).write_text(golden(width), encoding="utf-8")


if __name__ == "__main__":
    main()
