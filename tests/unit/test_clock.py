"""Waits that grow, on a clock that nobody waits for."""

from __future__ import annotations

from tests.unit.fakes import FakeClock

from aws_run.clock import GrowingWait, wait_until


def test_a_wait_grows_up_to_its_longest_and_starts_again_after_news() -> None:
    clock = FakeClock()
    wait = GrowingWait(clock, first_s=1, longest_s=3, factor=2)
    lengths = []
    for restart in (False, False, False, True, False):
        if restart:
            wait.restart()
        began = clock.monotonic()
        wait.sleep()
        lengths.append(clock.monotonic() - began)
    assert lengths == [1, 2, 3, 1, 2]


def test_a_condition_is_looked_at_at_once_and_given_up_when_its_time_is_over() -> None:
    clock = FakeClock()
    began = clock.monotonic()
    assert wait_until(clock, lambda: True, for_s=0)
    assert clock.monotonic() == began
    assert not wait_until(clock, lambda: False, for_s=10)
    assert 10 <= clock.monotonic() - began <= 15
