"""A step's log: grouped, annotated, and deaf to what a job writes into it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.github.commands import Log
from tests.unit.fakes import FakeClock

from aws_run.errors import AwsRunError, BuildError, ConfigError, Place
from aws_run.events import Event, LaneStarted, LogLine, Notice, RunStarted, StatusChanged, TeardownStep
from aws_run.report.github import GithubReporter, annotation

WORKSPACE = Path("/home/runner/work/p/p")
HOSTILE = [
    "::set-output name=status::succeeded",
    "##[set-output name=status]succeeded",
    "progress ##[save-state name=RUN_ID]other",
    "  ::save-state name=RUN_ID::other",
    "::add-mask::a",
    "::error file=x::gotcha",
    "##[error]gotcha",
    "::endgroup::",
    "::token-1::",
    "::stop-commands::mine",
    "\x1b[31m::warning::w",
    "a\r::notice::n",
    "##[add-path]/tmp",
]


def log_of(*events: Event, end: bool = True, tokens: list[str] | None = None) -> Log:
    stream = io.StringIO()
    names = iter(tokens or [f"token-{number}" for number in range(1, 100)])
    with GithubReporter(stream, clock=FakeClock(), workspace=WORKSPACE, new_token=lambda: next(names)) as reporter:
        for event in events:
            reporter.emit(event)
    log = Log()
    for line in stream.getvalue().splitlines():
        log.take(line)
    return log


def test_each_part_of_a_run_is_a_group_and_all_are_closed() -> None:
    log = log_of(
        RunStarted(run_id="p-1", project="p", region="eu-central-1", account="1", backend="ec2"),
        LaneStarted(lane="image", text="building"),
        LogLine(timestamp_ms=0, text="at work"),
        StatusChanged(status="STOPPED"),
        LogLine(timestamp_ms=0, text="the last line"),
        TeardownStep(kind="cluster", name="c", state="gone"),
    )
    assert log.groups == ["Start", "Output of the job", "Results and teardown"]
    assert log.depth == 0
    assert not log.stopped
    assert [line for line in log.lines if "at work" in line or "last" in line] == [
        "job      | at work",
        "job      | the last line",
    ]


@pytest.mark.parametrize("line", HOSTILE)
def test_no_line_of_a_job_commands_the_runner(line: str) -> None:
    log = log_of(LogLine(timestamp_ms=0, text=line), Notice(text=line), StatusChanged(status="X", detail=line))
    assert (log.outputs, log.state, log.annotations, log.masks, log.others) == ({}, {}, [], [], [])
    assert log.groups == ["Output of the job"]
    assert (log.depth, log.stopped) == (0, False)
    log = log_of(
        Notice(text=line), LaneStarted(lane="image", text=line), TeardownStep(kind="k", name=line, state="gone")
    )
    assert (log.outputs, log.state, log.annotations, log.masks, log.others) == ({}, {}, [], [], [])
    assert log.groups == ["Start", "Results and teardown"]


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30)), max_size=6))
def test_whatever_a_job_writes_the_runner_hears_no_command(lines: list[str]) -> None:
    log = log_of(*(LogLine(timestamp_ms=0, text=line) for line in lines))
    assert (log.outputs, log.state, log.annotations, log.masks, log.others) == ({}, {}, [], [], [])
    assert (log.depth, log.stopped) == (0, False)


def test_the_raw_log_of_a_job_stands_between_stop_commands_and_a_token_that_is_new_each_time() -> None:
    stream = io.StringIO()
    tokens = iter(["first", "second"])
    with GithubReporter(stream, clock=FakeClock(), workspace=WORKSPACE, new_token=lambda: next(tokens)) as reporter:
        reporter.emit(LogLine(timestamp_ms=0, text="a"))
        reporter.emit(TeardownStep(kind="k", name="n", state="gone"))
        reporter.emit(LogLine(timestamp_ms=0, text="b"))
    assert stream.getvalue().splitlines() == [
        "::group::Output of the job", "::stop-commands::first", "job      | a", "::first::", "::endgroup::",
        "::group::Results and teardown", "teardown | gone   k n", "::endgroup::",
        "::group::Output of the job", "::stop-commands::second", "job      | b", "::second::", "::endgroup::",
    ]  # fmt: skip


def shown(error: AwsRunError) -> Log:
    stream = io.StringIO()
    with GithubReporter(stream, clock=FakeClock(), workspace=WORKSPACE, new_token=lambda: "t") as reporter:
        reporter.emit(LogLine(timestamp_ms=0, text="x"))
        reporter.error(error)
    log = Log()
    for line in stream.getvalue().splitlines():
        log.take(line)
    return log


def test_an_error_is_an_annotation_at_its_line() -> None:
    error = ConfigError(
        "aws-run.yaml:3: wrong, 100%", hint="write it, so: right", place=Place(path=WORKSPACE / "a,b/c::d.yaml", line=3)
    )
    [note] = shown(error).annotations
    assert note.properties == {"file": "a,b/c::d.yaml", "line": "3", "title": "aws-run"}
    assert note.message == "aws-run.yaml:3: wrong, 100%\nwrite it, so: right"


def test_an_error_without_a_place_has_no_file() -> None:
    [note] = shown(AwsRunError("it failed")).annotations
    assert note.properties == {"title": "aws-run"}
    assert "file" not in annotation("warning", "w")


def test_the_end_of_a_build_follows_its_error() -> None:
    log = shown(BuildError("no image", log_tail=("one", "::error::two")))
    assert len(log.annotations) == 1
    assert [line.strip(" |") for line in log.lines[-2:]] == ["one", ": :error::two"]


def test_warnings_are_annotations_too_but_never_more_than_github_shows() -> None:
    log = log_of(*(Notice(text=f"careful {number}", level="warning") for number in range(30)))
    assert [note.message for note in log.annotations] == [f"careful {number}" for number in range(9)]
