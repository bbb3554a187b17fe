"""Records in the bucket: conditional writes and what is absent."""

from __future__ import annotations

import io

import pytest
from tests.unit.fakes import ACCOUNT, BUCKET, RUN, START, record, refused
from tests.unit.runs.support import Place

from aws_run.errors import AwsCallError, RunNotFoundError


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
