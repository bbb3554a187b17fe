"""What a terminal shows. Without colours here: the words and where they stand."""
# ruff: noqa: RUF001 (signs and whole lines are what is tested)

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from rich.console import Console
from tests.unit.fakes import FakeClock

from aws_run.errors import BuildError
from aws_run.events import (
    JobLimits,
    JobUsage,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    LogLine,
    Notice,
    OutputProgress,
    RunStarted,
    StatusChanged,
    TeardownStep,
)
from aws_run.lifecycle.views import without_run
from aws_run.report.console import ConsoleReporter
from aws_run.report.live import LiveState, LiveView
from aws_run.report.symbols import UNICODE

from .conftest import BUCKET, LEFT, OUTCOME, OWN, PLAN, RECEIPT, RUN, Terminal

Written = Callable[[], list[str]]
Make = Callable[..., ConsoleReporter]


@pytest.fixture
def make(stream: io.StringIO, clock: FakeClock) -> Make:
    """A console that is no terminal: nothing moves, so that what stays can be read."""

    def reporter(width: int = 120, *, debug: bool = False) -> ConsoleReporter:
        return ConsoleReporter(stream, clock=clock, debug=debug, environ={}, width=width, force_terminal=False)

    return reporter


PLANNED = {
    80: [
        "  runs      python main.py --epochs 3 -i INPUT -o OUTPUT   (Python 3.12)",
        "  image     build: arun/segment:9f8a",
        "            of 12 files, 5.0 MiB (model/ 4.0 MiB, src/ 1.0 MiB)",
        "  input     data [bold]x: 2 files, 2.0 KiB; sent, as far as it changed",
        "  output    /home/me/out",
        "  price     about $0.34 an hour",
        "  makes     group (1 x g6.xlarge, spot), task-role task; gone after the run",
        f"  keeps     bucket {BUCKET} (there already)",
        "  note      spot prices of 2026-11-20",
        "",
    ],
    40: [
        "  runs      python main.py --epochs 3 -i",
        "            INPUT -o OUTPUT   (Python",
        "            3.12)",
    ],
}


@pytest.mark.parametrize("width", [40, 80])
def test_a_plan_is_a_list_whose_words_are_whole(make: Make, written: Written, width: int) -> None:
    make(width).plan(PLAN)
    lines = [line.rstrip() for line in written()]
    indent = " " * len(f"{RUN}  ")
    where = ["ec2, eu-central-1, account 123456789012"]
    if width < 80:
        where = ["ec2, eu-central-1,", "account 123456789012"]
    assert lines[: len(where)] == [f"{RUN}  {where[0]}", *(f"{indent}{word}" for word in where[1:])]
    lines = lines[len(where) :]
    assert lines[: len(PLANNED[width])] == PLANNED[width]


@pytest.mark.parametrize("width", [120, 160])
def test_a_plan_looks_the_same_on_wide_terminals(make: Make, written: Written, width: int) -> None:
    make(width).plan(PLAN)
    lines = [line.rstrip() for line in written()]
    assert lines[8:10] == [
        f"  keeps     bucket {BUCKET} (there already)",
        "  note      spot prices of 2026-11-20",
    ]


def test_a_plan_of_no_run_names_the_project(make: Make, written: Written) -> None:
    make(120).plan(without_run(PLAN))
    text = "\n".join(written())
    assert RUN not in text
    assert text.startswith("segment  ec2, eu-central-1")
    assert "task-role task" in text


def test_the_receipt_adds_up_in_a_column(make: Make, written: Written) -> None:
    make(60).receipt(RECEIPT)
    assert [line.rstrip() for line in written()] == [
        "  cost",
        "  g6.xlarge spot  0.0533 h × $0.3402     $0.0181",
        "  gp3 100 GB      5.33 GB-h × $0.000111  $0.0006",
        "                                         ───────",
        "  total                                  $0.0187",
        "  estimated at $0.0160, between $0.0150 and $0.0200, by 5",
        "  earlier runs; it cost 17 % more",
        "  not included: data transfer, tax; prices of 2026-11-01",
        "",
    ]


@pytest.mark.parametrize("width", [40, 60, 200])
def test_links_and_paths_are_never_cut_or_wrapped(make: Make, written: Written, width: int) -> None:
    make(width).outcome(replace(OUTCOME, left=LEFT))
    lines = written()
    assert f"  S3       s3://{BUCKET}/runs/{RUN}/output/" in lines
    assert f"  = bucket {BUCKET}  https://eu-central-1.console.aws.amazon.com/s3" in lines
    told = " ".join(line.strip() for line in lines)
    assert f"✗ {RUN}: the job ended with exit code 7 (ran 3m 12s)" in told
    assert lines[-2:] == [f"  next     aws-run logs {RUN}", f"           aws-run status {RUN}"]


def test_success_is_a_check_mark(make: Make, written: Written) -> None:
    make().outcome(replace(OUTCOME, exit_code=0, status="finished"))
    assert f"✓ {RUN}: finished (exit 0, ran 3m 12s)" in written()


def test_a_missing_exit_code_is_no_success(make: Make, written: Written) -> None:
    make().outcome(replace(OUTCOME, exit_code=None, status="interrupted"))
    assert f"✗ {RUN}: interrupted (no exit code, ran 3m 12s)" in written()


def test_a_whole_run_in_the_scrollback(make: Make, clock: FakeClock, written: Written) -> None:
    with make() as reporter:
        emit = reporter.emit
        emit(RunStarted(run_id=RUN, project="segment", region="eu-central-1", account="123456789012", backend="ec2"))
        emit(LaneStarted(lane="capacity", text="group"))
        emit(LaneStarted(lane="input", text="reading"))
        emit(LaneStarted(lane="image", text="building"))
        emit(LaneDone(lane="input", text="2 files unchanged", seconds=0.31, skipped=True))
        emit(LaneProgress(lane="image", text="layer 3", done=1, total=4))
        emit(LaneDone(lane="image", text="pushed 84 MB", seconds=19))
        emit(Notice(text="the price went up", level="warning", hint="set --max-price"))
        emit(LaneDone(lane="capacity", text="g6.xlarge joined", seconds=41.2))
        emit(StatusChanged(status="PENDING", detail="pulling"))
        emit(StatusChanged(status="RUNNING"))
        emit(LogLine(timestamp_ms=0, text="\x1b[31m[bold]epoch\x1b[0m 1\x07"))
        emit(OutputProgress(files=1, bytes=1, total_files=2, total_bytes=2))
        emit(StatusChanged(status="STOPPED", detail="exit 0"))
        emit(TeardownStep(kind="group", name=OWN, state="removing"))
        emit(TeardownStep(kind="group", name=OWN, state="gone"))
        emit(TeardownStep(kind="bucket", name=BUCKET, state="kept"))
        emit(TeardownStep(kind="role", name="r", state="failed", detail="AccessDenied"))
        emit(Notice(text="24 round trips", level="debug"))
    assert written() == [
        f"{RUN}  ec2, eu-central-1, account 123456789012",
        "  ! the price went up",
        "    set --max-price",
        "  ✓ capacity  g6.xlarge joined  41s",
        "  = input     2 files unchanged  0.3s",
        "  ✓ image     pushed 84 MB  19s",
        "  › pending  pulling",
        "  › running",
        "[bold]epoch 1",
        "  › stopped  exit 0",
        f"  ✓ gone   group {OWN}",
        f"  = kept   bucket {BUCKET}",
        "  ✗ failed role r  AccessDenied",
    ]


def test_the_head_of_the_run_is_not_repeated_below_its_plan(make: Make, written: Written) -> None:
    reporter = make()
    reporter.plan(PLAN)
    written()
    reporter.emit(RunStarted(run_id=RUN, project="p", region="r", account="a", backend="ec2"))
    assert written() == []


def test_what_was_under_way_when_it_ended_is_shown_as_not_finished(make: Make, written: Written) -> None:
    with make() as reporter:
        reporter.emit(LaneStarted(lane="capacity", text="waiting for a machine"))
        reporter.emit(LaneStarted(lane="image", text="building"))
        reporter.emit(LaneFailed(lane="image", text="pip failed"))
    assert written() == ["  · capacity  waiting for a machine  not finished", "  ✗ image     pip failed  0.0s"]


def test_an_error_is_told_below_everything_else(make: Make, written: Written) -> None:
    with make() as reporter:
        reporter.emit(LaneStarted(lane="image", text="building"))
        reporter.error(BuildError("The image did not build.", log_tail=("[red]no[/red]",), hint="Look."))
    assert written() == [
        "  · image     building  not finished",
        "error: The image did not build.",
        "  | [red]no[/red]",
        "hint: Look.",
    ]


def test_debug_notices_are_shown_when_asked_for(make: Make, written: Written) -> None:
    make(debug=True).emit(Notice(text="24 round trips", level="debug"))
    assert written() == ["  · 24 round trips"]


def words(terminal: Terminal) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())


class TestOnATerminal:
    """The moving part, as the codes that are sent to the terminal."""

    @pytest.fixture
    def terminal(self) -> Terminal:
        return Terminal()

    @pytest.fixture
    def reporter(self, terminal: Terminal, clock: FakeClock) -> ConsoleReporter:
        return ConsoleReporter(terminal, clock=clock, environ={"TERM": "xterm-256color"}, width=80)

    HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"

    def test_lanes_move_with_their_time_and_share(
        self, reporter: ConsoleReporter, terminal: Terminal, clock: FakeClock
    ) -> None:
        with reporter:
            reporter.emit(LaneStarted(lane="image", text="building"))
            clock.sleep(72)
            reporter.emit(LaneProgress(lane="image", text="layer 3", done=1, total=4))
            with reporter.pause():
                shown = words(terminal)
        assert re.search(r"image +layer 3 +25% +1m 12s", shown)  # a bar would take the words' room

    def test_the_cursor_comes_back_whatever_happens(self, reporter: ConsoleReporter, terminal: Terminal) -> None:
        def broken() -> None:
            with reporter:
                reporter.emit(StatusChanged(status="RUNNING"))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            broken()
        shown = terminal.getvalue()
        assert shown.count(self.HIDE) == shown.count(self.SHOW) == 1
        assert shown.rindex(self.SHOW) > shown.rindex(self.HIDE)

    def test_a_question_to_the_user_finds_a_still_terminal(self, reporter: ConsoleReporter, terminal: Terminal) -> None:
        with reporter:
            reporter.emit(StatusChanged(status="RUNNING"))
            with reporter.pause():
                assert terminal.getvalue().count(self.HIDE) == terminal.getvalue().count(self.SHOW) == 1
            assert terminal.getvalue().count(self.HIDE) == 2

    def test_a_late_thread_starts_nothing_that_moves(self, reporter: ConsoleReporter, terminal: Terminal) -> None:
        with reporter:
            pass
        reporter.emit(StatusChanged(status="RUNNING"))
        assert self.HIDE not in terminal.getvalue()
        assert "running" in terminal.getvalue()

    def test_lanes_report_from_their_own_threads(self, reporter: ConsoleReporter, terminal: Terminal) -> None:
        def lane(name: str) -> None:
            for step in range(50):
                reporter.emit(LaneProgress(lane=name, text=f"step {step}", done=step, total=50))  # type: ignore[arg-type]
                reporter.emit(TeardownStep(kind=name, name=str(step), state="removing"))
                reporter.emit(TeardownStep(kind=name, name=str(step), state="gone"))
            reporter.emit(LaneDone(lane=name, text=f"{name} is there", seconds=1))  # type: ignore[arg-type]

        with reporter:
            threads = [threading.Thread(target=lane, args=(name,)) for name in ("capacity", "image", "input")]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for name in ("capacity", "image", "input"):
            assert f"{name} is there" in terminal.getvalue()
            assert len(re.findall(f"gone   {name} ", words(terminal))) == 50

    def test_no_color_leaves_the_motion_and_takes_the_colours(self, terminal: Terminal, clock: FakeClock) -> None:
        environ = {"TERM": "xterm-256color", "NO_COLOR": "1"}
        with ConsoleReporter(terminal, clock=clock, environ=environ, width=80) as reporter:
            reporter.emit(LaneStarted(lane="image", text="building"))
            reporter.emit(LaneDone(lane="image", text="built", seconds=1))
            reporter.outcome(OUTCOME)
        assert self.HIDE in terminal.getvalue()
        assert not re.search(r"\x1b\[[0-9;]*3[0-9][;m]", terminal.getvalue())


def test_commands_and_links_of_notices_and_steps_are_never_broken(make: Make, written: Written) -> None:
    link = "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A?region=eu-central-1"
    reporter = make(40)
    reporter.emit(Notice(text=f"look at {link}", level="warning", hint=f"aws-run cleanup {RUN} --local"))
    reporter.emit(TeardownStep(kind="group", name=RUN, state="failed", detail=link))
    reporter.emit(StatusChanged(status="fetching", detail=link))
    lines = written()
    assert sum(link in line for line in lines) == 3
    assert any(f"aws-run cleanup {RUN} --local" in line for line in lines)


def test_the_status_line_tells_cost_time_left_and_use_and_shows_the_bars_below(stream: io.StringIO) -> None:
    clock = FakeClock(datetime(2026, 11, 21, 4, 15, tzinfo=timezone.utc))
    state = LiveState(symbols=UNICODE, status="running", status_since=0.0, now=90.0, wall=clock.now())
    state.limits = JobLimits(deadline=clock.now() + timedelta(hours=2), usd_per_hour=Decimal("1.2"))
    state.usage = JobUsage(
        cpu_percent=380, memory_bytes=3 << 30, memory_limit_bytes=8 << 30, gpu_percent=97, gpu_memory_mib=2048
    )
    state.bars = ("epoch 1/3", " 42%|####")
    console = Console(file=stream, width=120, force_terminal=False, _environ={})
    console.print(LiveView(state))
    first, *bars = stream.getvalue().splitlines()
    assert "running   $0.0300 · 2h 00m left · GPU 97 %, 2.0 GiB · CPU 380 % · memory 3.0 GiB of 8.0 GiB" in first
    assert [bar.strip() for bar in bars] == ["epoch 1/3", "42%|####"]


def test_outputs_that_come_down_move_until_they_are_all_there() -> None:
    state = LiveState(symbols=UNICODE)
    assert state.empty
    state.note_outputs(OutputProgress(files=0, bytes=10, total_files=2, total_bytes=40))
    assert not state.empty, "a terminal without a job's status shows them all the same"
    assert state.outputs is not None
    assert state.outputs.share == 0.25
    state.note_outputs(OutputProgress(files=2, bytes=40, total_files=2, total_bytes=40))
    assert state.empty
