"""One line per change, for CI and pipes: exact output."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.fakes import FakeClock

from aws_run.errors import BuildError
from aws_run.events import (
    Event,
    JobProgress,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    LogLine,
    LookProgress,
    Notice,
    OutputProgress,
    RunStarted,
    StatusChanged,
    TeardownStep,
)
from aws_run.report.plain import PlainReporter
from aws_run.report.views import LeftView, OutcomeView

from .conftest import BUCKET, LEFT, OUTCOME, OWN, PLAN, RECEIPT, RUN

Written = Callable[[], list[str]]


@pytest.fixture
def reporter(stream: io.StringIO, clock: FakeClock) -> PlainReporter:
    return PlainReporter(stream, clock=clock)


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            RunStarted(run_id=RUN, project="segment", region="eu-central-1", account="123456789012", backend="ec2"),
            [f"run      | {RUN} on ec2 in eu-central-1, account 123456789012"],
        ),
        (LaneStarted(lane="capacity", text="launch template, group"), ["capacity | launch template, group"]),
        (LaneDone(lane="image", text="pushed 84 MB", seconds=19.04), ["image    | done: pushed 84 MB (19s)"]),
        (
            LaneDone(lane="input", text="2 files unchanged", seconds=0.31, skipped=True),
            ["input    | nothing to do: 2 files unchanged (0.3s)"],
        ),
        (LaneFailed(lane="image", text="pip failed\x1b[0m"), ["image    | failed: pip failed"]),
        (StatusChanged(status="PENDING"), ["run      | PENDING"]),
        (StatusChanged(status="RUNNING", detail="i-0abc"), ["run      | RUNNING: i-0abc"]),
        (LogLine(timestamp_ms=1, text="\x1b[1mepoch 1\x1b[0m [bold]"), ["job      | epoch 1 [bold]"]),
        (LogLine(timestamp_ms=1, text=""), ["job      |"]),
        (
            OutputProgress(files=3, bytes=4_400_000, total_files=3, total_bytes=4_400_000),
            ["output   | 3 of 3 files, 4.2 MiB of 4.2 MiB"],
        ),
        (TeardownStep(kind="group", name=OWN, state="removing"), []),
        (TeardownStep(kind="group", name=OWN, state="gone"), [f"teardown | gone   group {OWN}"]),
        (TeardownStep(kind="bucket", name=BUCKET, state="kept"), [f"teardown | kept   bucket {BUCKET}"]),
        (
            TeardownStep(kind="role", name="r", state="failed", detail="AccessDenied"),
            ["teardown | failed role r: AccessDenied"],
        ),
        (Notice(text="a thing"), ["note     | a thing"]),
        (
            Notice(text="a thing", level="warning", hint="do this"),
            ["warning  | a thing", "hint     | do this"],
        ),
        (Notice(text="24 round trips", level="debug"), []),
    ],
)
def test_an_event_is_a_line_with_the_prefix_of_its_kind(
    reporter: PlainReporter, written: Written, event: Event, lines: list[str]
) -> None:
    reporter.emit(event)
    assert written() == lines


def test_debug_notices_are_shown_when_asked_for(stream: io.StringIO, clock: FakeClock, written: Written) -> None:
    PlainReporter(stream, clock=clock, debug=True).emit(Notice(text="24 round trips", level="debug"))
    assert written() == ["note     | 24 round trips"]


def test_progress_is_news_once_in_ten_seconds_and_only_when_it_moved(
    reporter: PlainReporter, clock: FakeClock, written: Written
) -> None:
    def progress(done: float) -> list[str]:
        reporter.emit(LaneProgress(lane="input", text="sending", done=done, total=200))
        return written()

    assert progress(1) == []
    clock.sleep(9)
    assert progress(50) == []
    clock.sleep(1)
    assert progress(100) == ["input    | sending (50%)"]
    assert progress(101) == []
    clock.sleep(60)
    assert progress(100) == []
    assert progress(150) == ["input    | sending (75%)"]


def test_progress_without_a_known_end_has_no_share(reporter: PlainReporter, clock: FakeClock, written: Written) -> None:
    for _ in range(2):
        reporter.emit(LaneProgress(lane="image", text="#12 RUN uv pip install", done=3, total=None))
        clock.sleep(10)
    assert written() == ["image    | #12 RUN uv pip install"]


def test_the_last_output_file_is_always_reported_and_once(reporter: PlainReporter, written: Written) -> None:
    for files in (1, 2, 3, 3):
        reporter.emit(OutputProgress(files=files, bytes=files, total_files=3, total_bytes=3))
    assert written() == ["output   | 3 of 3 files, 3 B of 3 B"]


def test_the_same_status_twice_is_one_line(reporter: PlainReporter, written: Written) -> None:
    for status in ("PENDING", "PENDING", "RUNNING", "PENDING"):
        reporter.emit(StatusChanged(status=status))
    assert written() == ["run      | PENDING", "run      | RUNNING", "run      | PENDING"]


def test_the_plan(reporter: PlainReporter, written: Written) -> None:
    reporter.plan(PLAN)
    assert written() == [
        f"plan     | {RUN} on ec2, eu-central-1, account 123456789012",
        "plan     | runs     python main.py --epochs 3 -i INPUT -o OUTPUT   (Python 3.12)",
        "plan     | image    build: arun/segment:9f8a",
        "plan     | image    of 12 files, 5.0 MiB (model/ 4.0 MiB, src/ 1.0 MiB)",
        "plan     | input    data [bold]x: 2 files, 2.0 KiB; sent, as far as it changed",
        "plan     | output   /home/me/out",
        "plan     | price    about $0.34 an hour",
        "plan     | makes    group (1 x g6.xlarge, spot), task-role task; gone after the run",
        f"plan     | keeps    bucket {BUCKET} (there already)",
        "plan     | note     spot prices of 2026-11-20",
    ]


def test_the_outcome_with_receipt_and_what_is_left(reporter: PlainReporter, written: Written) -> None:
    reporter.outcome(replace(OUTCOME, receipt=RECEIPT, left=LEFT))
    assert written() == [
        "receipt  | cost:",
        "receipt  | g6.xlarge spot  0.0533 h   at $0.3402    $0.0181",
        "receipt  | gp3 100 GB      5.33 GB-h  at $0.000111  $0.0006",
        "receipt  | total                                    $0.0187",
        "receipt  | estimated at $0.0160, between $0.0150 and $0.0200, by 5 earlier runs; it cost 17 % more",
        "receipt  | not included: data transfer, tax; prices of 2026-11-01",
        f"left     | kept    bucket  {BUCKET}  https://eu-central-1.console.aws.amazon.com/s3",
        f"left     | failed  group   {OWN}                                                  ResourceInUse",
        f"result   | {RUN}: the job ended with exit code 7 (ran 3m 12s)",
        "result   | output   /home/me/out",
        f"result   | S3       s3://{BUCKET}/runs/{RUN}/output/",
        "result   | console  https://eu-central-1.console.aws.amazon.com/s3",
        f"next     | aws-run logs {RUN}",
        f"next     | aws-run status {RUN}",
    ]


def test_an_outcome_of_which_nothing_is_known_is_one_line(reporter: PlainReporter, written: Written) -> None:
    reporter.outcome(OutcomeView(run_id=RUN, exit_code=None, status="interrupted", left=LeftView(rows=())))
    assert written() == ["left     | nothing is left in AWS", f"result   | {RUN}: interrupted (no exit code)"]


def test_an_error_has_no_prefix(reporter: PlainReporter, written: Written) -> None:
    reporter.error(BuildError("The image did not build.", hint="look"))
    assert written() == ["error: The image did not build.", "hint: look"]


def test_no_control_code_is_ever_written(reporter: PlainReporter, stream: io.StringIO) -> None:
    with reporter:
        reporter.plan(PLAN)
        reporter.emit(LogLine(timestamp_ms=0, text="\x1b[2J\x1b]0;t\x07x\ry"))
        with reporter.pause():
            reporter.outcome(OUTCOME)
    assert not {c for c in stream.getvalue() if ord(c) < 32} - {"\n"}


def test_a_bar_is_shown_once_a_second_at_first_and_then_ever_rarer(
    reporter: PlainReporter, clock: FakeClock, written: Written
) -> None:
    for step in range(3600):
        reporter.emit(JobProgress(lines=(f"{step} of 3600",)))
        clock.sleep(1.0)
    lines = written()
    assert lines[:3] == [f"progress | {step} of 3600" for step in range(3)]
    assert 50 < len(lines) < 120
    reporter.emit(JobProgress(lines=()))
    assert written() == []


def test_what_is_looked_through_is_told_at_once_and_then_once_in_ten_seconds(
    reporter: PlainReporter, clock: FakeClock, written: Written
) -> None:
    def look(files: int, size_bytes: int = 0, *, done: bool = False) -> list[str]:
        reporter.emit(LookProgress(what="the sources", files=files, bytes=size_bytes, done=done))
        return written()

    assert look(9_000) == ["look     | looking at the sources: 9,000 files"]
    clock.sleep(9)
    assert look(20_000) == []
    clock.sleep(1)
    assert look(41_000, 3 << 30) == ["look     | looking at the sources: 41,000 files, 3.0 GiB"]
    assert look(41_000, 3 << 30, done=True) == []


def test_what_moves_is_told_with_its_speed_and_the_time_left(
    reporter: PlainReporter, clock: FakeClock, written: Written
) -> None:
    mib = 1 << 20
    for step in range(12):
        reporter.emit(
            LaneProgress(lane="input", text="3 of 9 files", done=step * 10 * mib, total=310 * mib, in_bytes=True)
        )
        reporter.emit(OutputProgress(files=1, bytes=step * mib, total_files=2, total_bytes=31 * mib))
        clock.sleep(1)
    assert written() == [
        "input    | 3 of 9 files (32%), 10.0 MiB/s, 21s left",
        "output   | 1 of 2 files, 10.0 MiB of 31.0 MiB, 1.0 MiB/s, 21s left",
    ]


def test_how_long_what_was_saved_is_kept_is_told(reporter: PlainReporter, written: Written) -> None:
    reporter.outcome(replace(OUTCOME, kept_days=90))
    assert "result   | kept     in S3 for 90 days" in written()


def test_the_whole_receipt_says_what_it_is_for(reporter: PlainReporter, written: Written) -> None:
    reporter.outcome(replace(OUTCOME, ran=("python", "main.py", "--note", "a b"), commit="0123456789ab"))
    lines = written()
    assert "result   | command  python main.py --note 'a b'" in lines
    assert "result   | commit   0123456789ab" in lines
