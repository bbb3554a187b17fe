from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run_entrypoint.contract import EndReason
from aws_run_entrypoint.stop_budget import (
    DEADLINE_WINDOW_S,
    Amount,
    Pace,
    StopPlan,
    grace_s,
    notice_window_s,
    reserve_s,
)

SECONDS = st.floats(min_value=0, max_value=1e6)
WINDOWS = st.floats(min_value=0, max_value=600)
AMOUNTS = st.builds(Amount, st.integers(0, 10**7), st.integers(0, 10**13))
SYNCS = st.lists(st.tuples(AMOUNTS, st.floats(min_value=0.001, max_value=1e5)), max_size=5)


def paced(syncs: list[tuple[Amount, float]]) -> Pace:
    pace = Pace()
    for sent, seconds in syncs:
        pace.note(sent, seconds)
    return pace


@given(needed=SECONDS, window=WINDOWS, asked=SECONDS)
def test_grace_and_reserve_are_never_more_than_the_window(needed: float, window: float, asked: float) -> None:
    kept = reserve_s(needed, window)
    grace = grace_s(asked, window, kept)
    assert kept >= 0
    assert 0 <= grace <= asked
    assert grace + kept <= window or math.isclose(grace + kept, window)


@given(window=WINDOWS, asked=SECONDS, amount=AMOUNTS, more=AMOUNTS, syncs=SYNCS)
def test_more_to_send_never_gives_the_job_more_time(
    window: float, asked: float, amount: Amount, more: Amount, syncs: list[tuple[Amount, float]]
) -> None:
    pace = paced(syncs)
    little, much = pace.seconds(amount), pace.seconds(amount.plus(more))
    assert little <= much
    assert reserve_s(little, window) <= reserve_s(much, window)
    before = grace_s(asked, window, reserve_s(little, window))
    after = grace_s(asked, window, reserve_s(much, window))
    assert after <= before


@given(needed=SECONDS, window=st.floats(min_value=0.1, max_value=600))
def test_the_job_always_gets_some_of_the_window(needed: float, window: float) -> None:
    assert grace_s(1e9, window, reserve_s(needed, window)) >= min(9.99, window / 4.01)


@given(window=st.floats(min_value=60, max_value=600), needed=st.floats(min_value=0, max_value=10_000))
def test_a_sync_that_fits_is_given_half_as_much_again_as_it_needs(window: float, needed: float) -> None:
    if 1.5 * needed <= window - 10:
        assert reserve_s(needed, window) >= 1.5 * needed


def test_a_slow_run_is_believed_and_a_fast_one_within_bounds() -> None:
    usual, amount = Pace(), Amount(10, 500_000_000)
    slow = paced([(Amount(10, 500_000_000), 4 * usual.seconds(amount))])
    assert slow.seconds(amount) == pytest.approx(4 * usual.seconds(amount))
    assert paced([(amount, 1e-6)]).seconds(amount) == pytest.approx(usual.seconds(amount) / 5)
    assert paced([(Amount(0, 0), 100.0)]).seconds(amount) == usual.seconds(amount)  # nothing sent says nothing


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"action":"terminate","time":"2026-01-02T03:06:05Z"}', 110),
        ('{"action":"terminate","time":"2026-01-02T03:05:05Z"}', 55),
        ('{"action":"terminate","time":"2026-01-02T03:00:05Z"}', 0),
        ('{"action":"terminate"}', 110),
        ("something else", 110),
        ("[]", 110),
        ("[" * 4096, 110),
        ('{"time": null}', 110),
    ],
)
def test_a_notice_says_how_long_the_machine_stays(text: str, seconds: float) -> None:
    now = 1767323045.0  # 2026-01-02T03:04:05Z
    assert notice_window_s(text, now) == seconds


class Folder:
    """What is not saved, as a test says; a clock of its own."""

    def __init__(
        self, notice: Path | None = None, grace: float = 90, window: float = 120, looking_s: float = 0
    ) -> None:
        self.amount = Amount(0, 0)
        self.at = 0.0
        self.looks = 0
        self.looking_s = looking_s
        self.said: list[str] = []
        self.plan = StopPlan(
            stop_grace_s=grace,
            stop_window_s=window,
            notice_file=str(notice) if notice else None,
            unsaved=self.look,
            pace=Pace(),
            say=self.said.append,
            now=lambda: self.at,
            wall=lambda: 1767323045.0,
        )

    def look(self) -> Amount:
        self.looks += 1
        self.at += self.looking_s
        return self.amount

    def grace(self, reason: EndReason = EndReason.STOPPED) -> float:
        return self.plan.grace(reason)


def test_with_nothing_to_save_the_job_gets_its_whole_grace_and_it_is_said_once() -> None:
    folder = Folder()
    assert folder.grace() == 90
    folder.at = 5
    assert folder.grace() == 90
    assert folder.said == ["stopped: the job has 90 s to end; 15 s are kept to save what is new (0 files, 0.0 MB)"]


def test_a_job_that_writes_much_in_its_grace_gets_less_of_it() -> None:
    folder = Folder()
    assert folder.grace() == 90
    folder.amount, folder.at = Amount(1, 1_000_000_000), 2  # 40 s and a bit by the model
    assert folder.grace() == pytest.approx(120 - 1.5 * (2 + 1 / 200 + 40))
    folder.amount, folder.at = Amount(1, 10**13), 4
    assert folder.grace() == 10
    assert len(folder.said) == 1


def test_looking_takes_a_tenth_of_the_time_at_most() -> None:
    folder = Folder(looking_s=0.5)
    for second in range(60):
        folder.at = max(folder.at, float(second))
        folder.grace()
    assert folder.looks <= 12


def test_a_deadline_leaves_more_time_than_a_stop_and_a_notice_as_much_as_it_says(tmp_path: Path) -> None:
    assert DEADLINE_WINDOW_S < 300
    much = Amount(0, 2_500_000_000)
    graces = []
    notice = tmp_path / "notice"
    notice.write_text(json.dumps({"action": "terminate", "time": "2026-01-02T03:05:30Z"}))
    for reason in (EndReason.STOPPED, EndReason.DEADLINE, EndReason.SPOT_NOTICE):
        folder = Folder(notice)
        folder.amount = much
        graces.append(folder.grace(reason))
    assert graces == [10, 90, 10]
    little = Folder(notice)
    assert little.grace(EndReason.SPOT_NOTICE) == 80 - 15


def test_what_is_not_saved_can_not_be_told_and_the_job_is_stopped_all_the_same() -> None:
    said: list[str] = []

    def fails() -> Amount:
        raise RecursionError("too deep")

    plan = StopPlan(
        stop_grace_s=90, stop_window_s=120, notice_file=None, unsaved=fails, pace=Pace(), say=said.append
    )  # fmt: skip
    assert plan.grace(EndReason.STOPPED) == 60
    assert plan.grace(EndReason.STOPPED) == 60
    assert len(said) == 1
    assert "RecursionError: too deep" in said[0]
    assert plan.window_s(EndReason.STOPPED) == 120
