"""A run as most people see it: golden texts of the short forms, at the widths of usual terminals."""
# ruff: noqa: RUF001 (signs and whole lines are what is tested)

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from tests.unit.fakes import FakeClock

from aws_run.events import (
    LaneDone,
    LaneStarted,
    LogLine,
    Notice,
    RunStarted,
    StatusChanged,
    TeardownStep,
)
from aws_run.report import Reporter, calm
from aws_run.report.console import ConsoleReporter
from aws_run.report.hyperlinks import shows_hyperlinks
from aws_run.report.plain import PlainReporter
from aws_run.report.quiet import QuietReporter
from aws_run.report.text import outcome_head
from aws_run.report.views import EstimateView, LeftView, PlanAllowance

from .conftest import BUCKET, LEFT, OUTCOME, OWN, PLAN, RECEIPT, RUN, Terminal

Written = Callable[[], list[str]]
KEPT = LeftView(rows=LEFT.rows[:1])
GOOD = replace(OUTCOME, exit_code=0, status="the job finished", receipt=RECEIPT, left=KEPT, next_commands=())
LONG = "the project asks for Python 3.12, and without Docker it runs on this machine's own version, which is 3.11"
S3, CONSOLE = f"s3://{BUCKET}/runs/{RUN}/output/", "https://eu-central-1.console.aws.amazon.com/s3"


def show_a_run(reporter: Reporter) -> None:
    with reporter:
        emit = reporter.emit
        emit(RunStarted(run_id=RUN, project="segment", region="eu-central-1", account="123456789012", backend="ec2"))
        reporter.plan(PLAN)
        emit(LaneStarted(lane="capacity", text="group"))
        emit(LaneStarted(lane="image", text="building"))
        emit(Notice(text=LONG, level="warning"))
        emit(LaneDone(lane="image", text="pushed 84 MB", seconds=19))
        emit(LaneDone(lane="capacity", text="g6.xlarge joined", seconds=41.2))
        for status in ("PENDING", "RUNNING"):
            emit(StatusChanged(status=status))
        emit(LogLine(timestamp_ms=0, text="epoch 1"))
        for status in ("STOPPED", "fetching"):
            emit(StatusChanged(status=status))
        for kind in ("group", "cluster", "role"):
            emit(TeardownStep(kind=kind, name=OWN, state="removing"))
            emit(TeardownStep(kind=kind, name=OWN, state="gone"))
        emit(TeardownStep(kind="log-group", name="g", state="kept", detail="another run of the project uses it"))
        reporter.outcome(GOOD)


WARNING = {
    80: [
        "  ! the project asks for Python 3.12, and without Docker it runs on this",
        "    machine's own version, which is 3.11",
    ],
    120: [f"  ! {LONG}"],
    160: [f"  ! {LONG}"],
}
PLAN_ROWS = [
    ("runs", "python main.py --epochs 3 -i INPUT -o OUTPUT"),
    ("price", "$0.3400 an hour, at most $0.6800 in 2h 00m"),
    ("leaves", "bucket; the rest is removed"),
]
PLACE = {
    80: [f"{RUN}  ec2, eu-central-1, account 123456789012"],
    120: [f"{RUN}  ec2, eu-central-1, account 123456789012"],
    160: [f"{RUN}  ec2, eu-central-1, account 123456789012"],
}


@pytest.mark.parametrize("width", [80, 120, 160])
def test_a_short_run_on_a_terminal(stream: io.StringIO, clock: FakeClock, written: Written, width: int) -> None:
    show_a_run(ConsoleReporter(stream, clock=clock, verbose=False, environ={}, width=width, force_terminal=False))
    assert [line.rstrip() for line in written()] == [
        *PLACE[width],
        *(f"  {what:<8}  {text}" for what, text in PLAN_ROWS),
        *WARNING[width],
        "  ✓ capacity  g6.xlarge joined  41s",
        "  ✓ image     pushed 84 MB  19s",
        "  › running",
        "epoch 1",
        "  ✓ removed 3 resources, kept 1 resource (another run of the project uses it)",
        f"✓ {RUN}: the job finished (exit 0, ran 3m 12s)",
        "  output   /home/me/out",
        f"  S3       {S3}",
        f"  console  {CONSOLE}",
        "  cost     $0.0187 (17 % more than the estimate, $0.0160)",
        f"  left     bucket {BUCKET}",
    ]


def test_a_short_run_in_a_file(stream: io.StringIO, clock: FakeClock, written: Written) -> None:
    show_a_run(PlainReporter(stream, clock=clock, verbose=False))
    assert written() == [
        f"plan     | {RUN} on ec2, eu-central-1, account 123456789012",
        *(f"plan     | {what:<8} {text}" for what, text in PLAN_ROWS),
        f"warning  | {LONG}",
        "image    | done: pushed 84 MB (19s)",
        "capacity | done: g6.xlarge joined (41s)",
        "run      | PENDING",
        "run      | RUNNING",
        "job      | epoch 1",
        "run      | STOPPED",
        "teardown | removed 3 resources, kept 1 resource (another run of the project uses it)",
        f"result   | {RUN}: the job finished (exit 0, ran 3m 12s)",
        "result   | output   /home/me/out",
        f"result   | S3       {S3}",
        f"result   | console  {CONSOLE}",
        "result   | cost     $0.0187 (17 % more than the estimate, $0.0160)",
        f"result   | left     bucket {BUCKET}",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_an_ending_tells_what_ran_in_one_line(
    stream: io.StringIO, clock: FakeClock, written: Written, terminal: bool
) -> None:
    told = replace(
        GOOD, ran=("python", "main.py", "--epochs", "3"), commit="0123456789ab", image="arun/demo@0123456789ab",
        python="3.12", labels=("lr=0.1",), note="smaller steps",
    )  # fmt: skip
    line = (
        "python main.py --epochs 3 (commit 0123456789ab, image arun/demo@0123456789ab, Python 3.12, lr=0.1, "
        '"smaller steps")'
    )
    reporter: Reporter = PlainReporter(stream, clock=clock, verbose=False)
    if terminal:
        reporter = ConsoleReporter(stream, clock=clock, verbose=False, environ={}, width=200, force_terminal=False)
    reporter.outcome(told)
    assert f"ran      {line}" in "\n".join(written())
    assert calm.ran(GOOD) == ""
    assert calm.ran(replace(GOOD, image="arun/demo@0123456789ab")) == "(image arun/demo@0123456789ab)"


def test_a_short_plan_has_a_line_for_each_subject() -> None:
    """The least that is charged is said to be that; whatever stays is named, whether it is there already or not."""
    estimate = EstimateView(usd=Decimal("0.002"), low_usd=Decimal("0.002"), high_usd=Decimal("0.002"), runs=3)
    assert PLAN.price is not None
    price = replace(PLAN.price, expected=estimate, expected_s=60.0)
    until = datetime(2026, 12, 2, tzinfo=timezone.utc)
    allowance = PlanAllowance(
        sentence="a long one", limit_usd=Decimal(20), per="day", used_usd=Decimal(0), reserved_usd=Decimal(0),
        free_usd=Decimal(20), until=until, holds_usd=Decimal("0.25"),
    )  # fmt: skip
    view = replace(PLAN, price=price, allowances=(allowance,), notes=("a long one", "a fact"), short_notes=("a doubt",))
    rows = calm.folded_plan(view)
    assert rows == [
        ("runs", "python main.py --epochs 3 -i INPUT -o OUTPUT"),
        ("price", "$0.0020 expected (a minute, the least), at most $0.6800 in 2h 00m"),
        ("leaves", "bucket; the rest is removed"),
        ("note", "allowance of $20.00 a day: $20.00 free, this run holds $0.2500"),
        ("note", "a doubt"),
    ]
    longer = replace(view, price=replace(price, expected_s=61.0))
    assert dict(calm.folded_plan(longer))["price"] == "$0.0020 expected (3 earlier runs), at most $0.6800 in 2h 00m"


def test_a_run_that_goes_on_has_no_exit_code_yet() -> None:
    view = replace(OUTCOME, exit_code=0, status="accepted", reason=None, seconds=None)
    assert outcome_head(replace(view, goes_on=True)) == f"{RUN}: accepted"
    assert outcome_head(view) == f"{RUN}: accepted (exit 0)"


def test_what_could_not_be_removed_is_never_folded(stream: io.StringIO, clock: FakeClock) -> None:
    for reporter in (
        ConsoleReporter(stream, clock=clock, verbose=False, environ={}, width=80, force_terminal=False),
        PlainReporter(stream, clock=clock, verbose=False),
        QuietReporter(stream),
    ):
        reporter.emit(TeardownStep(kind="role", name="left-role", state="failed", detail="AccessDenied"))
        text = stream.getvalue()
        assert "left-role" in text
        assert "AccessDenied" in text
        stream.truncate(0)


def test_quiet_says_nothing_of_a_success_and_one_line_of_a_failure(stream: io.StringIO, written: Written) -> None:
    show_a_run(QuietReporter(stream))
    assert written() == []
    QuietReporter(stream).outcome(replace(OUTCOME, warnings=("it saved nothing",)))
    assert written() == [
        f"{RUN}: the job ended with exit code 7 (ran 3m 12s)",
        "warning: it saved nothing",
    ]


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "6800"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4200"}, False),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"TERM_PROGRAM": "vscode", "TMUX": "/tmp/x"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM_PROGRAM": "vscode", "FORCE_HYPERLINK": "0"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
    ],
)
def test_terminals_with_hyperlinks_are_known_by_their_names(environ: dict[str, str], shown: bool) -> None:
    assert shows_hyperlinks(environ) is shown


def test_where_there_are_hyperlinks_addresses_are_behind_what_they_lead_to(clock: FakeClock) -> None:
    terminal = Terminal()
    environ = {"TERM": "xterm-256color", "FORCE_HYPERLINK": "1"}
    ConsoleReporter(terminal, clock=clock, verbose=False, environ=environ, width=80).outcome(GOOD)
    text = terminal.getvalue()
    assert f"{CONSOLE}\x1b\\\\{S3}\x1b]8;;\x1b\\\\".replace("\\\\", "\\") in text
    assert "file:///home/me/out" in text
    assert "console  " not in text


def test_no_thread_draws_over_a_question(clock: FakeClock) -> None:
    terminal = Terminal()
    hide = "\x1b[?25l"
    with ConsoleReporter(terminal, clock=clock, environ={"TERM": "xterm-256color"}, width=80) as reporter:
        reporter.emit(StatusChanged(status="RUNNING"))
        with reporter.pause():
            before = terminal.getvalue().count(hide)
            other = threading.Thread(target=lambda: reporter.emit(LaneStarted(lane="image", text="building")))
            other.start()
            other.join()
            assert terminal.getvalue().count(hide) == before
        assert terminal.getvalue().count(hide) == before + 1


@pytest.mark.parametrize(
    ("gone", "kept", "text"),
    [(0, [], ""), (1, [], "removed 1 resource"), (0, ["x", "x"], "kept 2 resources (x)"), (2, [""], "removed 2 resources, kept 1 resource")],
)  # fmt: skip
def test_a_teardown_is_one_line(gone: int, kept: list[str], text: str) -> None:
    assert calm.removal(gone, kept) == text
