"""Back-off on named errors, on a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.fakes import FakeClock, refused

from aws_run.errors import AwsCallError, CredentialsError
from aws_run.infra.retry import on_codes, retrying


def failing(times: int, error: Exception) -> Callable[[], int]:
    """Fails so often, then gives the number of the call."""
    calls = 0

    def action() -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error
        return calls

    return action


def test_what_works_at_once_is_not_waited_for() -> None:
    clock = FakeClock()
    assert retrying(failing(0, refused("Busy")), when=on_codes("Busy"), for_s=60, clock=clock) == 1
    assert clock.slept == []


def test_a_named_error_is_tried_again_with_waits_that_grow_to_a_ceiling() -> None:
    clock = FakeClock()
    action = failing(12, refused("Busy"))
    assert retrying(action, when=on_codes("Other", "Busy"), for_s=600, clock=clock, longest_wait_s=8) == 13
    for slept, ceiling in zip(clock.slept, [0.5, 1, 2, 4, *[8] * 8], strict=True):
        assert ceiling / 2 <= slept <= ceiling


@pytest.mark.parametrize("error", [refused("Denied"), CredentialsError("expired"), ValueError("ours")])
def test_any_other_error_is_raised_at_once(error: Exception) -> None:
    clock = FakeClock()
    with pytest.raises(type(error)):
        retrying(failing(1, error), when=on_codes("Busy"), for_s=60, clock=clock)
    assert clock.slept == []


def test_when_time_is_up_the_last_error_is_raised() -> None:
    clock = FakeClock()
    with pytest.raises(AwsCallError, match="Busy"):
        retrying(failing(10**6, refused("Busy")), when=on_codes("Busy"), for_s=60, clock=clock)
    assert 60 <= clock.elapsed_s <= 70
