"""`aws-run ps`: times as people read them, and a table that is drawn anew."""

from __future__ import annotations

import time
from typing import TextIO

import pytest
from tests.unit.fakes import FakeClock

from aws_run.cli.commands.ps import _redraw, shown_time


def test_times_are_this_machines_unless_utc_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert shown_time("2026-01-02T23:04:05Z", utc=True) == "2026-01-02 23:04"
        assert shown_time("2026-01-02T23:04:05Z", utc=False) == "2026-01-03 08:04"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_each_look_replaces_the_one_before_it_until_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    clock, looks = FakeClock(), 0

    def show(stream: TextIO) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise KeyboardInterrupt
        stream.write(f"look {looks}\n")

    _redraw(show, clock)
    told = capsys.readouterr()
    assert told.out == "\x1b[H\x1b[2Jlook 1\n\x1b[H\x1b[2Jlook 2\n"
    assert told.err.count("Ctrl-C ends this") == 2
