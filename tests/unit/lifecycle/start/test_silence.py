"""Whoever waits for a lane that says nothing hears so, and is not left waiting for ever."""

from __future__ import annotations

import pytest
from tests.unit.fakes import Events, FakeClock, config

from aws_run.errors import DeadlineError
from aws_run.events import Lane, LaneProgress, Notice
from aws_run.lifecycle import budget
from aws_run.lifecycle.start.silence import Silence

LIMIT_S = 3600


class Waiting:
    def __init__(self) -> None:
        self.clock, self.events = FakeClock(), Events()
        self.silence = Silence(self.events.emit, self.clock, LIMIT_S)

    def wait(self, lane: Lane, seconds: int, *, talking: bool = False) -> None:
        for _ in range(seconds // 10):
            self.silence.look([lane])
            self.clock.elapsed_s += 10
            if talking:
                self.silence.emit(LaneProgress(lane=lane, text="RUN sleep 100000"))

    @property
    def told(self) -> list[str]:
        return [event.text for event in self.events.of(Notice)]


def test_silence_is_told_every_two_minutes_with_what_was_heard_last() -> None:
    waiting = Waiting()
    waiting.silence.emit(LaneProgress(lane="image", text="RUN sleep 100000"))
    waiting.wait("image", 370)
    assert [text[:33] for text in waiting.told] == [f"image: nothing heard for {n} min (l" for n in (2, 4, 6)]
    assert "RUN sleep 100000" in waiting.told[0]


def test_a_lane_that_talks_is_left_alone_and_its_events_go_on() -> None:
    waiting = Waiting()
    waiting.wait("input", 2 * LIMIT_S, talking=True)
    assert waiting.told == []
    assert len(waiting.events.of(LaneProgress)) == 2 * LIMIT_S // 10


@pytest.mark.parametrize(
    ("lane", "talking"), [("image", False), ("image", True), ("input", False), ("capacity", False)]
)
def test_a_build_as_a_whole_and_the_silence_of_anything_end_at_the_limit(lane: Lane, talking: bool) -> None:
    waiting = Waiting()
    with pytest.raises(DeadlineError, match=lane) as ended:
        waiting.wait(lane, 2 * LIMIT_S, talking=talking)
    assert ended.value.exit_code == 124
    assert ended.value.hint
    assert LIMIT_S <= waiting.clock.elapsed_s <= LIMIT_S + 10


@pytest.mark.parametrize(("timeout_s", "limit_s"), [(60, 3600), (7200, 7200)])
def test_the_start_may_take_as_long_as_the_job_and_an_hour_at_the_least(timeout_s: int, limit_s: int) -> None:
    assert budget.start_s(config(timeout_s=timeout_s)) == limit_s
