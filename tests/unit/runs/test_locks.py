"""Marks and locks: of two clients one always sees the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.fakes import RUN, START, refused
from tests.unit.runs.support import Place

from aws_run.errors import AwsCallError
from aws_run.runs.locks import LOCK_S


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_mark_is_there_until_it_is_taken_away(place: Place) -> None:
    place.store.locks.mark_live(RUN)
    place.bucket.objects["live/junk"] = (b"", "", START)
    assert place.store.locks.live() == [RUN]
    place.store.locks.unmark(RUN)
    assert place.store.locks.live() == []


def test_one_of_two_gets_the_lock_and_the_other_after_it_is_given_back(place: Place) -> None:
    assert place.store.locks.lock("demo", "one", place.clock)
    assert not place.store.locks.lock("demo", "two", place.clock)
    assert place.store.locks.lock("other", "two", place.clock)
    place.store.locks.unlock("demo", "one")
    assert place.store.locks.lock("demo", "two", place.clock)


def test_a_lock_whose_answer_was_lost_is_known_as_ones_own(place: Place) -> None:
    assert place.store.locks.lock("demo", "one", place.clock)
    assert place.store.locks.lock("demo", "one", place.clock)


def test_a_lock_whose_owner_died_is_taken_over_when_its_time_is_up(place: Place) -> None:
    assert place.store.locks.lock("demo", "dead", place.clock)
    place.clock.sleep(LOCK_S - 1)
    assert not place.store.locks.lock("demo", "two", place.clock)
    place.clock.sleep(2)
    assert place.store.locks.lock("demo", "two", place.clock)
    assert not place.store.locks.lock("demo", "three", place.clock)


def test_a_lock_may_be_taken_for_longer(place: Place) -> None:
    assert place.store.locks.lock("demo", "destroyer", place.clock, lasts_s=3600)
    place.clock.sleep(3599)
    assert not place.store.locks.lock("demo", "two", place.clock)
    place.clock.sleep(2)
    assert place.store.locks.lock("demo", "two", place.clock)


@pytest.mark.parametrize("lasts", ["999999999999", "99999999", "9" * 5000, "\u0664\u0664"])
def test_no_lock_that_somebody_wrote_holds_for_longer_than_an_hour(place: Place, lasts: str) -> None:
    assert place.store.locks.lock("demo", "forger", place.clock)
    place.bucket.metadata["locks/demo"]["lasts-s"] = lasts
    place.clock.sleep(3601)
    assert place.store.locks.lock("demo", "two", place.clock)


def test_a_lock_that_was_taken_over_is_not_given_back_by_its_first_owner(place: Place) -> None:
    assert place.store.locks.lock("demo", "slow", place.clock)
    place.clock.sleep(LOCK_S + 1)
    assert place.store.locks.lock("demo", "two", place.clock)
    place.store.locks.unlock("demo", "slow")
    assert not place.store.locks.lock("demo", "three", place.clock)
    place.store.locks.unlock("demo", "two")
    place.store.locks.unlock("demo", "two")
    assert place.store.locks.lock("demo", "three", place.clock)


def test_of_two_that_find_a_stale_lock_one_gets_it(place: Place) -> None:
    assert place.store.locks.lock("demo", "dead", place.clock)
    place.clock.sleep(LOCK_S + 1)
    head = place.bucket._head

    def head_and_lose(**parameters: object) -> object:
        found = head(**parameters)  # type: ignore[arg-type]
        place.aws.on("head_object", head)
        assert place.store.locks.lock("demo", "faster", place.clock)
        return found

    place.aws.on("head_object", head_and_lose)
    assert not place.store.locks.lock("demo", "slower", place.clock)
    assert place.bucket.objects["locks/demo"][0] == b"faster"


def test_a_start_waits_for_a_removal_in_progress_and_for_a_dead_one_no_longer_than_it_holds(place: Place) -> None:
    place.store.locks.wait_until_unlocked("demo", place.clock)
    assert place.clock.slept == []
    place.store.locks.lock("demo", "one", place.clock)
    place.store.locks.wait_until_unlocked("demo", place.clock)
    waited = place.clock.now() - START
    assert timedelta(seconds=LOCK_S) <= waited <= timedelta(seconds=LOCK_S + 10)


def test_a_lock_that_may_not_be_looked_at_is_an_error(place: Place) -> None:
    assert place.store.locks.lock("demo", "somebody", place.clock)
    for call in ("head_object", "list_objects_v2"):
        place.aws.on(call, refused("403"))
        with pytest.raises(AwsCallError):
            place.store.locks.wait_until_unlocked("demo", place.clock)


def test_one_look_tells_what_else_there_is_beside_the_locks(place: Place) -> None:
    place.aws.call("s3", "put_object", Key="locks/allowance.json", Body=b"{}")
    before = len(place.aws.calls)
    assert place.store.locks.wait_until_unlocked("demo", place.clock) == {"locks/allowance.json"}
    assert len(place.aws.calls) == before + 1


def test_a_start_and_a_removal_at_once_never_both_go_on(place: Place) -> None:
    """Whoever writes first is seen by the other: mark then look for the lock, lock then look for marks."""
    # The start is first: the removal sees its mark.
    place.store.locks.mark_live(RUN)
    assert place.store.locks.lock("demo", "remover", place.clock)
    assert place.store.locks.live() == [RUN]
    # The removal is first: the start waits until the lock is gone.
    place.store.locks.wait_until_unlocked("demo", place.clock)
    assert place.clock.slept != []
