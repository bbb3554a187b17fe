"""One client's hold on a record: two clients at one record, writes that fail, and what is written when."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.fakes import RUN, record, refused
from tests.unit.runs.support import Place

from aws_run.errors import AwsCallError, AwsRunError
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.writer import RecordWriter


@pytest.fixture
def place() -> Place:
    return Place()


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
    outcome = Outcome(exit_code=7, reason=OutcomeReason.EXIT, sentence="")
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
