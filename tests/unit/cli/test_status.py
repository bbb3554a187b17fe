"""`status` says how long a run ran and when, in the words and the time zone of `ps` and `diff`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.unit.fakes import record

from aws_run.cli.commands.ps import _columns, shown_time
from aws_run.cli.commands.status import rows_of, zoned
from aws_run.lifecycle.run_status import RunStatus, status_of
from aws_run.lifecycle.so_far import SoFar
from aws_run.lifecycle.what_ran import facts
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record


@pytest.fixture
def kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ended() -> Record:
    """It ran for 7 s; somebody asked for it 20 minutes later."""
    outcome = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")
    return record(command="python main.py").with_outcome(
        outcome,
        stopped_at="2026-01-02T03:25:00Z",
        started_at="2026-01-02T03:05:00Z",
        ended_at="2026-01-02T03:05:07Z",
    )


def test_an_ended_run_says_how_long_it_ran_and_when_it_stopped() -> None:
    rows = dict(rows_of(status_of(ended()), utc=True, label="cost"))
    assert (rows["ran"], rows["stopped"]) == ("7s", "2026-01-02 03:05:07 UTC")
    assert "deadline" not in rows


def test_the_command_and_the_time_have_the_names_that_ps_and_diff_give_them() -> None:
    rows, told = dict(rows_of(status_of(ended()), label="cost")), facts(ended())
    assert (rows["command"], rows["ran"]) == (told["command"], told["ran"]) == ("python main.py", "7s")
    assert {"ran", "command"} <= set(_columns(long=True, utc=False))


def test_a_run_that_goes_on_says_how_long_it_has_and_may() -> None:
    going = RunStatus(
        record=record(),
        phase="running",
        exit_code=None,
        so_far=SoFar(elapsed_s=780, cost_usd=Decimal("0.07"), left_s=6420),
    )
    rows = dict(rows_of(going, utc=True, label="cost"))
    assert rows["ran"] == "13m 00s, 1h 47m left"
    assert "elapsed" not in rows
    assert rows["deadline"].endswith(" UTC")


def test_times_are_in_the_zone_that_ps_has_and_name_it(kolkata: None) -> None:
    moment = "2026-01-02T03:05:07Z"
    assert zoned(moment, utc=False) == "2026-01-02 08:35:07 IST"
    assert zoned(moment, utc=False).startswith(shown_time(moment, utc=False))
    assert zoned(moment, utc=True) == "2026-01-02 03:05:07 UTC"
    assert zoned(None, utc=False) == ""
