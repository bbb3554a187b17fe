"""The run record: what is written is what is read, by this version, by later ones, and of version 1."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import RUN, record
from tests.unit.runs.support import JSON, RECORDS, Place, holders, version_1

from aws_run.errors import AwsRunError
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import VERSION, Outcome, Record, ResourceEntry, TaskHandle, dump
from aws_run.runs.record_reader import load
from aws_run.runs.writer import RecordWriter

ENDED = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished")
INTERRUPTED = Outcome(exit_code=1, reason=OutcomeReason.INTERRUPTION, sentence="the machine was taken away")
HANDLE = TaskHandle(id="arn:task", place=f"arun-{RUN}")


@given(written=RECORDS)
def test_a_record_is_read_as_it_was_written(written: Record) -> None:
    assert load(dump(written)) == written


def test_missing_fields_have_their_default() -> None:
    document = json.loads(dump(record()))
    for name in ("cost_usd", "keep", "resources", "origin", "job"):
        del document[name]
    assert load(json.dumps(document).encode()) == record()


# -- fields that this version does not know -----------------------------------------------------------------------


@given(written=RECORDS, name=st.text().map("later_{}".format) | st.just("unknown"), value=JSON)
def test_unknown_fields_survive_a_rewrite_by_any_client_at_every_depth(written: Record, name: str, value: Any) -> None:
    place = Place()
    place.store.create(written)
    document = place.document
    for holder in holders(document):
        holder[name] = value
    place.document = document
    place.client().change(lambda r: replace(r, owner="an older client"), now=True)
    assert place.document == {**document, "owner": "an older client"}


def test_unknown_fields_survive_every_step_of_a_run() -> None:
    place = Place()
    begun = record(resources=(ResourceEntry(kind="group", name=f"arun-{RUN}", scope="run"),))
    writer = RecordWriter.begin(place.store, begun.with_handle(HANDLE), place.clock)
    document = place.document
    known = [id(holder) for holder in holders(document) if not holder.update(later=[1])]  # type: ignore[func-returns-value]
    place.document = document  # the writer meets it: what it changes goes on top
    for step in (
        lambda r: r.with_resource("group", f"arun-{RUN}", "created", "g"),
        lambda r: r.with_handle(TaskHandle(id="arn:task", place=f"arun-{RUN}", unknown=r.handle.unknown)),
        lambda r: r.with_attempt(2, last=INTERRUPTED),
        lambda r: r.with_outcome(ENDED, stopped_at=r.created_at),
        lambda r: replace(r, state="removed"),
    ):
        writer.change(step, now=True)
    later = [holder for holder in holders(place.document) if holder.get("later") == [1]]
    assert len(later) == len(known)


def test_a_record_that_meets_another_clients_keeps_what_only_that_client_knows() -> None:
    place = Place()
    writer = RecordWriter.begin(place.store, record(), place.clock)
    place.document = {**place.document, "later": {"a": [1, None]}}
    writer.change(lambda r: replace(r, state="stopped"), now=True)
    assert (place.document["later"], place.stored.state) == ({"a": [1, None]}, "stopped")


def test_a_reason_of_a_later_version_keeps_its_word() -> None:
    place = Place()
    place.store.create(record().with_outcome(ENDED))
    document = place.document
    document["outcome"]["reason"] = "invented-later"
    place.document = document
    client = place.client()
    outcome = client.record.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.reason_word) == (OutcomeReason.UNKNOWN, "invented-later")
    client.change(lambda r: replace(r, state="removed"), now=True)
    assert place.document["outcome"] == document["outcome"]


def test_a_job_of_a_later_version_survives_unchanged() -> None:
    job = {"version": 9, "name": "demo", "invented": {"later": [1.5, None]}}
    kept = load(dump(record(job=job)))
    assert kept.job == job


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(
            '"' + "é" * 1024 * 1024 + '"', id="more bytes than a record may have, once they are written again"
        ),
        pytest.param("[" * 20 + "]" * 20, id="deeper than any document"),
        pytest.param("1" * 100, id="a number of more digits than a larger document may have"),
        pytest.param("NaN", id="no number"),
    ],
)
def test_unknown_values_count_against_the_limits(value: str) -> None:
    text = json.dumps({**record().to_json(), "later": "here"}).replace('"here"', value)
    with pytest.raises(AwsRunError, match="can't be read"):
        load(text.encode())


def test_a_large_record_is_written_so_that_it_can_be_read_again() -> None:
    document = {**record().to_json(), "later": [[[[1]]]] * 20_000}
    accepted = load(json.dumps(document, separators=(",", ":")).encode())
    assert load(dump(accepted)) == accepted


# -- versions -----------------------------------------------------------------------------------------------------


def test_a_record_of_version_1_is_read_with_its_task_and_attempt() -> None:
    read = load(json.dumps(version_1()).encode(), run_id=RUN)
    assert (read.version, read.attempt, read.task_arn, read.cluster) == (
        VERSION,
        3,
        "arn:aws:ecs:::task/0123",
        f"arun-{RUN}",
    )
    assert read.current is not None
    assert (read.current.client_token, read.current.handle) == (
        f"arun-{RUN}-3", TaskHandle(id="arn:aws:ecs:::task/0123", place=f"arun-{RUN}")
    )  # fmt: skip
    assert (read.started_at, read.current.stopped_at) == ("2026-01-02T03:05:05Z", "2026-01-02T03:06:05Z")
    assert (
        read.outcome
        == read.current.outcome
        == Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished", job_exit_code=0)
    )
    assert read.origin == "cli"
    assert load(dump(read)) == read


def test_a_record_of_version_1_keeps_its_other_fields_and_those_nobody_knows() -> None:
    document = version_1(later=1, outcome={**version_1()["outcome"], "later": 2})
    written = json.loads(dump(load(json.dumps(document).encode())))
    moved = {"attempt", "client_token", "cluster", "log_stream_prefix", "started_at", "task_arn", "version"}
    same = document.keys() - moved - {"hardware", "outcome"}
    assert written["outcome"].items() >= document["outcome"].items()
    assert {name: written[name] for name in same} == {name: document[name] for name in same}
    assert document["hardware"].items() <= written["hardware"].items()
    assert not moved - {"version"} & written.keys()
    assert written["tasks"][0]["attempts"][0]["outcome"].items() >= version_1()["outcome"].items()


@pytest.mark.parametrize("changes", [{"version": 0}, {"attempt": 1, "task_arn": None, "outcome": None}])
def test_a_first_record_of_version_1_is_at_its_first_attempt(changes: dict[str, Any]) -> None:
    read = load(json.dumps(version_1(**changes)).encode())
    assert len(read.tasks) == len(read.tasks[0].attempts) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": []},
        {"cluster": "arun-demo-20260102-030405-0000"},
        {"cluster": None},
        {"client_token": None},
        {"attempt": 0},
        {"attempt": "1"},
        {"task_arn": 5},
        {"task_arn": "arn:aws:ecs:::task/arun-demo-20260102-030405-0000/1"},
        {"started_at": "9999-12-31T23:59:59Z"},
        {"started_at": 5},
        {"outcome": []},
    ],
)
def test_a_version_1_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AwsRunError, match="can't be read"):
        load(json.dumps(version_1(**changes)).encode())


def test_a_record_of_a_newer_format_asks_for_an_upgrade() -> None:
    document = {**record().to_json(), "version": VERSION + 1}
    with pytest.raises(AwsRunError, match="newer aws-run") as caught:
        load(json.dumps(document).encode())
    assert "pip install -U" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"[]", b"null", b"{}", b'{"run_id": 1}', b'{"resources": 5}', b"\xff"]
)
def test_what_is_no_record_is_a_sentence_and_no_traceback(text: bytes) -> None:
    with pytest.raises(AwsRunError, match="can't be read"):
        load(text)


def test_the_document_of_the_format_names_every_field() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs" / "record.md").read_text(encoding="utf-8")
    assert [each.name for each in fields(Record) if each.name != "unknown" and f"`{each.name}`" not in text] == []


# -- steps --------------------------------------------------------------------------------------------------------


def test_a_step_changes_its_own_entry_and_keeps_an_id_that_was_known() -> None:
    entries = tuple(ResourceEntry(kind="role", name=name, scope="run") for name in ("a", "b"))
    after = (
        record(resources=entries).with_resource("role", "a", "created", "arn:a").with_resource("role", "a", "deleted")
    )
    assert [(entry.name, entry.state, entry.id) for entry in after.resources] == [
        ("a", "deleted", "arn:a"),
        ("b", "intended", None),
    ]


def test_a_resource_that_was_not_intended_is_added_as_the_runs_own() -> None:
    assert record().with_resource("group", "g", "created").resources == (
        ResourceEntry(kind="group", name="g", scope="run", state="created"),
    )


@pytest.mark.parametrize(
    ("state", "finished"),
    [("starting", False), ("running", False), ("stopped", True), ("removing", True), ("removed", True)],
)
def test_a_run_is_finished_from_stopped_on(state: Any, finished: bool) -> None:
    assert record(state=state).finished is finished


def test_a_further_attempt_has_a_token_of_its_own_and_no_task_yet() -> None:
    began, ended = "2026-01-02T03:04:05Z", "2026-01-02T03:05:05Z"
    second = record().with_handle(HANDLE).with_attempt(2, last=INTERRUPTED, started_at=began, stopped_at=ended)
    first, current = second.tasks[0].attempts
    assert (first.handle, first.outcome, first.started_at, first.stopped_at) == (HANDLE, INTERRUPTED, began, ended)
    assert (current.number, current.client_token, second.task_arn) == (2, f"arun-{RUN}-2", None)
    assert (second.attempt, second.outcome, second.finished) == (2, None, False)


def test_the_outcome_of_a_run_is_that_of_its_last_attempt_too() -> None:
    ended = record(task_arn="arn:task").with_attempt(2).with_outcome(ENDED, stopped_at="2026-01-02T03:05:05Z")
    assert ended.current is not None
    assert (ended.outcome, ended.current.outcome, ended.tasks[0].attempts[0].outcome) == (ENDED, ENDED, None)
    assert (ended.state, ended.stopped_at) == ("stopped", "2026-01-02T03:05:05Z")


def test_a_time_that_is_not_known_at_the_end_stays_as_it_was() -> None:
    started = record(started_at="2026-01-02T03:05:05Z", stopped_at="2026-01-02T03:06:05Z").with_outcome(ENDED)
    assert (started.started_at, started.stopped_at) == ("2026-01-02T03:05:05Z", "2026-01-02T03:06:05Z")


@pytest.mark.parametrize(
    "step",
    [
        lambda r: r.with_attempt(2, last=INTERRUPTED),
        lambda r: r.with_handle(HANDLE),
        lambda r: r.with_outcome(ENDED, stopped_at="2026-01-02T03:05:05Z"),
        lambda r: r.with_resource("group", "g", "created"),
    ],
)
def test_a_step_that_is_applied_twice_is_the_same_step(step: Any) -> None:
    once = step(record())
    assert step(once) == once


def test_a_handle_of_an_earlier_attempt_is_not_noted_for_a_later_one() -> None:
    later = record().with_attempt(2)
    assert later.with_handle(HANDLE, attempt=1) == later
    assert later.with_handle(HANDLE, attempt=2).handle == HANDLE


def test_a_record_without_tasks_gets_its_first_attempt_with_the_first_handle() -> None:
    bare = record(tasks=())
    assert (bare.attempt, bare.task_arn, bare.started_at) == (1, None, None)
    assert bare.with_handle(HANDLE).attempt == 1
    assert bare.with_outcome(ENDED).tasks == ()
