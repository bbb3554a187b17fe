"""The moments that a seed gives are the same each time, so that a night's can be tried again."""

from __future__ import annotations

from tests.crash.kills import moments


def test_a_seed_gives_the_same_moments_again_and_another_gives_others() -> None:
    assert moments(7, 20) == moments(7, 20)
    assert moments(7, 20) != moments(8, 20)
    assert moments(7, 5) == moments(7, 20)[:5]
    assert {moment.sleeps for moment in moments(7, 50)} == {True, False}
