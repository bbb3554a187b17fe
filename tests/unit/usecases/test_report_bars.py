"""The bars of a run's report: the lanes of its start side by side, the wait for the machine, each attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.fakes import START, record

from aws_run.report.html import Attempt
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import LaneEntry, Outcome, Record
from aws_run.usecases.report_bars import bars_of

FAILED = Outcome(exit_code=125, reason=OutcomeReason.NOT_STARTED, sentence="torch==2.99 does not exist")
LANES = (
    LaneEntry(name="capacity", began_s=1.0, ended_s=41.5, text="m6i.large requested"),
    LaneEntry(name="image", began_s=1.0, ended_s=90.0, text="pushed 84 MB"),
    LaneEntry(name="input", began_s=1.0, ended_s=1.5, how="same", text="unchanged: 3 files, nothing sent"),
)


def seconds(bar: Attempt) -> tuple[str, float, float | None, str]:
    ended = None if bar.ended is None else (bar.ended - START).total_seconds()
    return bar.name, (bar.began - START).total_seconds(), ended, bar.how


def bars(run: Record) -> list[tuple[str, float, float | None, str]]:
    return [seconds(bar) for bar in bars_of(run)]


def at(after_s: float) -> str:
    return f"{START + timedelta(seconds=after_s):%Y-%m-%dT%H:%M:%SZ}"


def test_the_lanes_go_side_by_side_and_the_wait_lasts_until_the_job_begins() -> None:
    run = record(lanes=LANES, started_at=at(120))
    assert bars(run) == [
        ("capacity", 1.0, 41.5, "done"),
        ("image", 1.0, 90.0, "done"),
        ("input", 1.0, 1.5, "done"),
        ("waiting", 90.0, 120.0, "done"),
        ("job", 120.0, None, "running"),
    ]
    assert [bar.text for bar in bars_of(run)][:3] == [lane.text for lane in LANES]


def test_a_failed_start_shows_which_lane_failed_and_what_it_stopped() -> None:
    lanes = (
        replace(LANES[0], how="stopped"), replace(LANES[1], how="failed", text=FAILED.sentence),
        LaneEntry(name="input", began_s=1.0, how="stopped"),
    )  # fmt: skip
    run = record(lanes=lanes).with_outcome(FAILED, stopped_at=at(95))
    assert bars(run) == [
        ("capacity", 1.0, 41.5, "stopped"),
        ("image", 1.0, 90.0, "failed"),
        ("input", 1.0, 95.0, "stopped"),
    ]
    assert [bar.text for bar in bars_of(run)][1:] == [FAILED.sentence, "stopped"]


def test_a_job_that_never_began_waited_in_vain() -> None:
    run = record(lanes=LANES).with_outcome(FAILED, stopped_at=at(900))
    assert bars(run)[-1] == ("waiting", 90.0, 900.0, "failed")


def test_an_older_record_has_one_bar_for_its_start() -> None:
    assert bars(record(started_at=at(120))) == [("start", 0.0, 120.0, "done"), ("job", 120.0, None, "running")]
    assert bars(record()) == [("start", 0.0, None, "running")]


def test_times_that_can_not_be_turn_no_bar_around() -> None:
    """Whoever may write into the bucket can write a record."""
    odd = (LaneEntry(name="image", began_s=50.0, ended_s=2.0), LaneEntry(name="input", began_s=1.0, how="invented"))
    assert bars(record(lanes=odd, started_at=at(0))) == [
        ("image", 50.0, 50.0, "done"),
        ("input", 1.0, None, "stopped"),
        ("job", 0.0, None, "running"),
    ]
