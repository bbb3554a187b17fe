"""Records in the bucket: conditional writes, two clients at one record, marks and the lock."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from tests.unit.fakes import ACCOUNT, BUCKET, RUN, START, FakeAws, FakeBucket, FakeClock, record, refused

from aws_run.errors import AwsCallError, AwsRunError, RunNotFoundError
from aws_run.runs.locks import LOCK_S
from aws_run.runs.record import Outcome, Record
from aws_run.runs.record_reader import load
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

KEY = f"runs/{RUN}/run.json"


class Place:
    """One bucket; `client()` is one more machine that works in it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws()
        self.bucket = FakeBucket(self.aws, self.clock)
        self.store = RunStore(self.aws, BUCKET, ACCOUNT)

    @property
    def stored(self) -> Record:
        return load(self.bucket.objects[KEY][0])

    def client(self) -> RecordWriter:
        return RecordWriter.resume(self.store, RUN, self.clock)


@pytest.fixture
def place() -> Place:
    return Place()


def test_every_request_names_the_buckets_owner(place: Place) -> None:
    place.store.create(record())
    place.store.read(RUN)
    place.store.locks.mark_live(RUN)
    place.store.locks.live()
    place.store.locks.unmark(RUN)
    place.store.locks.lock("demo", RUN, place.clock)
    place.store.locks.wait_until_unlocked("other", place.clock)
    place.store.locks.unlock("demo", RUN)
    place.store.put_text("a", io.BytesIO(b"b"))
    assert b"".join(place.store.pieces("a") or ()) == place.store.last_bytes("a", 9) == b"b"
    place.store.run_ids()
    place.store.exists()
    assert place.aws.calls
    for call in place.aws.calls:
        assert (call.parameters["Bucket"], call.parameters["ExpectedBucketOwner"]) == (BUCKET, ACCOUNT), call


def test_a_second_run_of_the_same_name_is_refused(place: Place) -> None:
    place.store.create(record(owner="first"))
    with pytest.raises(AwsCallError, match="PreconditionFailed"):
        place.store.create(record(owner="second"))
    assert place.stored.owner == "first"


def test_a_replace_of_something_older_changes_nothing_and_says_so(place: Place) -> None:
    old = place.store.create(record())
    newer = place.store.replace(record(owner="b"), old)
    assert newer is not None
    assert place.store.replace(record(owner="c"), old) is None
    assert place.stored.owner == "b"


def test_a_refusal_is_no_conflict(place: Place) -> None:
    place.store.create(record())
    place.aws.on("put_object", refused("AccessDenied"))
    with pytest.raises(AwsCallError, match="AccessDenied"):
        place.store.replace(record(), "etag")


def test_a_run_that_is_not_recorded_is_named(place: Place) -> None:
    with pytest.raises(RunNotFoundError, match=RUN):
        place.store.read(RUN)


def test_a_record_that_may_not_be_read_is_not_called_absent(place: Place) -> None:
    place.aws.on("get_object", refused("AccessDenied")).on("head_bucket", refused("403"))
    for read in (lambda: place.store.read(RUN), lambda: place.store.get("x"), place.store.exists):
        with pytest.raises(AwsCallError):
            read()


def test_without_a_bucket_there_are_no_runs_and_no_marks(place: Place) -> None:
    gone = refused("NoSuchBucket")
    place.aws.on("list_objects_v2", gone).on("head_bucket", refused("404"))
    assert place.store.run_ids() == []
    assert place.store.locks.live() == []
    assert not place.store.exists()


def test_runs_are_listed_by_time_across_projects_and_only_the_projects_own(place: Place) -> None:
    ids = ["b-20260102-000000-0000", "a-20260103-000000-0000", "a-b-20260101-000000-0000"]
    for run in ids:
        place.store.create(record(run_id=run))
    place.bucket.objects["runs/not-a-run/x"] = (b"", "", START)
    assert place.store.run_ids() == [ids[2], ids[0], ids[1]]
    assert place.store.run_ids("a") == [ids[1]]


# -- one record, several hands ------------------------------------------------------------------------------------


def test_two_writers_of_one_record_both_get_their_change_in(place: Place) -> None:
    first = RecordWriter.begin(place.store, record(), place.clock)
    second = place.client()
    second.change(lambda r: r.with_resource("group", f"arun-{RUN}", "deleted"), now=True)
    first.change(lambda r: r.with_resource("cluster", f"arun-{RUN}", "created"), now=True)
    second.change(lambda r: replace(r, state="removed"), now=True)
    assert {(e.kind, e.state) for e in place.stored.resources} == {("group", "deleted"), ("cluster", "created")}
    assert place.stored.state == "removed"
    assert second.record == place.stored


def test_steps_within_a_second_share_one_request_and_flush_writes_the_rest(place: Place) -> None:
    writer = RecordWriter.begin(place.store, record(), place.clock)
    for suffix in "abcde":
        writer.change(partial(Record.with_resource, kind="role", name=f"arun-{RUN}-{suffix}", state="created"))
    assert place.stored.resources == ()
    place.clock.sleep(5.0)
    writer.change(lambda r: r.with_resource("role", f"arun-{RUN}-f", "created"))
    assert len(place.stored.resources) == 6
    writer.change(lambda r: replace(r, owner="last"))
    assert place.stored.owner == ""
    writer.flush()
    assert place.stored.owner == "last"
    assert len(place.aws.sent("put_object")) == 3


def test_a_flush_with_nothing_new_sends_nothing(place: Place) -> None:
    writer = RecordWriter.begin(place.store, record(), place.clock)
    before = len(place.aws.calls)
    writer.flush()
    assert len(place.aws.calls) == before


def test_a_record_that_others_rewrite_for_ever_is_given_up_with_a_sentence(place: Place) -> None:
    writer = RecordWriter.begin(place.store, record(), place.clock)
    place.aws.on("put_object", refused("PreconditionFailed"))
    with pytest.raises(AwsRunError, match="again and again"):
        writer.change(lambda r: replace(r, state="stopped"), now=True)


def test_a_change_that_could_not_be_written_goes_out_with_the_next(place: Place) -> None:
    writer = RecordWriter.begin(place.store, record(), place.clock)
    put = place.bucket._put
    place.aws.on("put_object", refused("ServiceUnavailable"), put)
    outcome = Outcome(exit_code=7, reason="exit", sentence="")
    with pytest.raises(AwsCallError):
        writer.change(lambda r: replace(r, outcome=outcome), now=True)
    writer.change(lambda r: replace(r, state="stopped"), now=True)
    assert place.stored.state == "stopped"
    assert place.stored.outcome == outcome


def test_a_change_lost_to_an_error_survives_a_meeting_with_somebody_elses(place: Place) -> None:
    writer = RecordWriter.begin(place.store, record(), place.clock)
    put = place.bucket._put
    place.aws.on("put_object", refused("ServiceUnavailable"), put)
    with pytest.raises(AwsCallError):
        writer.change(lambda r: replace(r, owner="mine"), now=True)
    place.client().change(lambda r: replace(r, cost_usd="1"), now=True)
    writer.change(lambda r: replace(r, state="stopped"), now=True)
    assert (place.stored.owner, place.stored.cost_usd, place.stored.state) == ("mine", "1", "stopped")


# -- marks and locks ----------------------------------------------------------------------------------------------


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
    place.aws.on("head_object", refused("403"))
    with pytest.raises(AwsCallError):
        place.store.locks.wait_until_unlocked("demo", place.clock)


def test_a_start_and_a_removal_at_once_never_both_go_on(place: Place) -> None:
    """Whoever writes first is seen by the other: mark then look for the lock, lock then look for marks."""
    # The start is first: the removal sees its mark.
    place.store.locks.mark_live(RUN)
    assert place.store.locks.lock("demo", "remover", place.clock)
    assert place.store.locks.live() == [RUN]
    # The removal is first: the start waits until the lock is gone.
    place.store.locks.wait_until_unlocked("demo", place.clock)
    assert place.clock.slept != []
