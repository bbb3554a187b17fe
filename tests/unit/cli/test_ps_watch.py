"""`aws-run ps`: times as people read them, what is said beside the table, and a table that is drawn anew."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import click
import pytest
from tests.unit.fakes import FakeAccount, record, refused

from aws_run.cli import main
from aws_run.cli.commands import ps as command
from aws_run.cli.commands.ps import _Asked, _columns, _redraw, _row, shown_time
from aws_run.cli.types import PHASE
from aws_run.errors import AwsCallError
from aws_run.events import Event, JobUsage, Notice
from aws_run.lifecycle.run_status import ENDED, RunStatus
from aws_run.lifecycle.so_far import SoFar
from aws_run.usecases.ps import Listed

ASKED = _Asked(project="demo", limit=50)
CLEAR = "\x1b[H\x1b[2J"


def test_times_are_this_machines_unless_utc_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert shown_time("2026-01-02T23:04:05Z", utc=True) == "2026-01-02 23:04"
        assert shown_time("2026-01-02T23:04:05Z", utc=False) == "2026-01-03 08:04"
    finally:
        monkeypatch.undo()
        time.tzset()


# -- --status -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "told"),
    [("runing", 'did you mean "running"?'), ("gone-bad", "known are starting, running, ending, ended, succeeded")],
)
def test_a_status_that_no_run_has_is_refused(word: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["ps", "--status", word], debug=False) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_shell_completes_a_status() -> None:
    context = click.Context(main.cli)
    told = PHASE.shell_complete(context, click.Option(["--status"]), "s")
    assert [item.value for item in told][:2] == ["starting", "succeeded"]
    assert PHASE.convert("Running", None, None) == "running"


# -- beside the table ---------------------------------------------------------------------------------------------


def status(phase: str = "running", **changes: Any) -> RunStatus:
    return RunStatus(record=record(**changes), phase=phase, exit_code=None)


@pytest.mark.parametrize(
    ("asked", "listed", "told"),
    [
        (ASKED, Listed(runs=(status(),), recorded=1, cut=False), []),
        (ASKED, Listed(runs=(status(),), recorded=2345, cut=True),
         ["the 1 newest of 2,345 runs; `--limit 1000` shows more"]),
        (ASKED, Listed(runs=(), recorded=0, cut=False),
         ["no runs of the project demo: `aws-run ps --all` lists those of all projects"]),
        (_Asked(project=None, limit=1, wanted=("running",)), Listed(runs=(status(),), recorded=9, cut=True),
         ["the 1 newest with the status running; `--limit N` shows more of them"]),
        (_Asked(project="demo", limit=1, wanted=("failed", "ended")), Listed(runs=(), recorded=9, cut=False),
         ["no run of the project demo has the status failed or ended"]),
    ],
)  # fmt: skip
def test_what_the_table_does_not_show_is_said(asked: _Asked, listed: Listed, told: list[str]) -> None:
    assert list(asked.sentences(listed)) == told


def test_what_a_run_uses_now_is_in_its_row() -> None:
    usage = JobUsage(cpu_percent=152, memory_bytes=3 * 1024**3, gpu_percent=87)
    so_far = SoFar(elapsed_s=60, cost_usd=Decimal("0.01"), left_s=60, usage=usage)
    run = RunStatus(record=record(), phase="running", exit_code=None, so_far=so_far)
    for long in (False, True):
        shown = dict(zip(_columns(long=long, utc=True), _row(run, long=long, utc=True), strict=True))
        assert shown["uses now"] == "GPU 87 %, CPU 152 %, 3.0 GiB"


# -- --watch ------------------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    """A terminal of a width, of which the table asks the system; everything goes onto it, in order."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 42


def watch(screen: Screen, monkeypatch: pytest.MonkeyPatch, looks: list[Callable[[Any], Listed]]) -> None:
    monkeypatch.setattr(sys, "stdout", screen)  # in the test itself: pytest puts its own there after the fixtures
    monkeypatch.setattr(command, "say", lambda line: screen.write(f"{line}\n"))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def emit(event: Event) -> None:
        assert isinstance(event, Notice)
        screen.write(f"{event.text}\n")

    context = replace(FakeAccount().context, emit=emit)

    def look(asked: _Asked, context: Any) -> Listed:
        if not looks:
            raise KeyboardInterrupt
        return looks.pop(0)(context)

    monkeypatch.setattr(_Asked, "look", look)
    _redraw(context, ASKED)


def two_with_a_damaged_one(context: Any) -> Listed:
    context.emit(Notice(text="demo-2 is damaged", level="warning"))
    return Listed(runs=(status(ENDED),), recorded=2, cut=True)


def test_what_is_said_of_a_look_comes_after_its_table_and_stays_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    watch(screen, monkeypatch, [two_with_a_damaged_one, two_with_a_damaged_one])
    before, *frames = bare(screen.getvalue()).split(CLEAR)
    assert (before, len(frames)) == ("", 2)
    for frame in frames:
        lines = [line for line in frame.splitlines() if line]
        assert lines[0].startswith("RUN")
        assert lines[-4:-1] == [
            "demo-2 is damaged",
            "the 1 newest of 2 runs; `--limit 2` shows more",
            f"ended, not settled yet: {record().run_id}; `aws-run wait {record().run_id}` "
            "notes the result and removes what was used",
        ]
        assert lines[-1].endswith("Ctrl-C ends this")


def bare(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize(("columns", "lines"), [(80, 2), (160, 1)])
def test_the_table_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> None:
    screen = Screen()

    def size(fd: int) -> os.terminal_size:
        if fd != 42:
            raise OSError("no terminal")
        return os.terminal_size((columns, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    usage = JobUsage(cpu_percent=152, memory_bytes=3 * 1024**3, gpu_percent=87)
    so_far = SoFar(elapsed_s=60, cost_usd=Decimal("0.01"), left_s=60, usage=usage)
    run = RunStatus(record=record(), phase="running", exit_code=None, so_far=so_far)
    watch(screen, monkeypatch, [lambda context: Listed(runs=(run,), recorded=1, cut=False)])
    table = screen.getvalue().partition("looked at")[0].splitlines()
    assert len(table) == 2 * lines


def test_a_bad_minute_ends_no_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()

    def offline(context: Any) -> Listed:
        raise AwsCallError("no answer", code="ConnectionError", operation="ListObjectsV2")

    watch(screen, monkeypatch, [two_with_a_damaged_one, offline, two_with_a_damaged_one])
    assert screen.getvalue().count(CLEAR) == 2
    assert "no answer; looking again" in screen.getvalue()


def test_what_was_never_allowed_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(context: Any) -> Listed:
        raise refused("AccessDenied")

    with pytest.raises(AwsCallError):
        watch(Screen(), monkeypatch, [denied])
