"""Looking through many files: told from the first second on, at a bearable rate, and only where it takes its time."""

from __future__ import annotations

from tests.unit.fakes import Events, FakeClock

from aws_run.events import LookProgress
from aws_run.looking import Looking


def looked(files: int, s_each: float) -> list[LookProgress]:
    events, clock = Events(), FakeClock()
    with Looking("the sources", events.emit, clock) as seen:
        for number in range(1, files + 1):
            clock.sleep(s_each)
            seen(number, number * 10)
    return events.of(LookProgress)


def test_a_quick_look_is_no_news() -> None:
    assert looked(1000, 0.0004) == []


def test_a_long_one_is_told_within_a_second_and_not_too_often() -> None:
    told = looked(1000, 0.005)  # five seconds
    assert told[0].files * 0.005 < 1
    assert 15 < len(told) < 30
    assert [one.done for one in told] == [*[False] * (len(told) - 1), True]
    assert (told[0].what, told[0].bytes) == ("the sources", told[0].files * 10)
