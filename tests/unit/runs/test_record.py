"""The run record: what is written is what is read, by this version and by later ones."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import ACCOUNT, REGION, RUN, START, record

from aws_run.clock import iso
from aws_run.errors import AwsRunError
from aws_run.runs.record import VERSION, HardwareEntry, Outcome, Record, ResourceEntry, dump
from aws_run.runs.record_reader import load

TEXT = st.text(max_size=20)


def every_field_of(kind: type, **given: Any) -> st.SearchStrategy[Any]:
    """Values with every field set, those with defaults too."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in given}
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in hints.items()}, **given)


SECONDS = st.integers(0, 20 * 86_400)
TIMES = SECONDS.map(lambda seconds: iso(START + timedelta(seconds=seconds)))
CODES = st.integers(0, 255)
OWN = st.sampled_from(["", "-task", "-exec", "-stop"]).map(f"arun-{RUN}".__add__)
ENTRIES = every_field_of(ResourceEntry, scope=st.just("run"), name=OWN) | every_field_of(
    ResourceEntry, scope=st.just("kept")
)
# The values that tell whose the record is, and what no run may exceed, are checked; the others are anybody's.
RECORDS = every_field_of(
    Record,
    version=st.just(VERSION),
    run_id=st.just(RUN),
    project=st.just("demo"),
    account=st.just(ACCOUNT),
    region=st.just(REGION),
    cluster=st.just(f"arun-{RUN}"),
    backend=st.sampled_from(["", "ec2", "fargate"]),
    attempt=st.integers(1, 100),
    created_at=st.just(iso(START)),
    deadline=TIMES,
    renewed_at=st.none() | TIMES,
    started_at=st.none() | TIMES,
    stopped_at=st.none() | TIMES,
    cost_usd=st.none() | st.decimals(0, 10_000, places=6).map("{:f}".format),
    inputs=st.lists(st.dictionaries(TEXT, st.none() | TEXT | st.integers(), max_size=3), max_size=2).map(tuple),
    hardware=st.none()
    | every_field_of(
        HardwareEntry,
        vcpu=st.floats(min_value=0, max_value=1e6),
        **{name: st.integers(0, 2**40) for name in ("memory_mib", "gpus", "disk_gib")},
    ),
    resources=st.lists(ENTRIES, max_size=4).map(tuple),
    outcome=st.none()
    | every_field_of(
        Outcome,
        exit_code=CODES,
        job_exit_code=st.none() | CODES,
        reason=st.sampled_from(["exit", "deadline"]),
        sentence=st.text("abc é(;)", max_size=20).map(str.strip),
        stop_code=st.none() | st.just("UserInitiated"),
    ),
)


@given(written=RECORDS)
def test_a_record_is_read_as_it_was_written(written: Record) -> None:
    assert load(dump(written)) == written


def test_fields_of_a_later_tool_are_passed_over_and_missing_ones_have_their_default() -> None:
    raw = json.loads(dump(record()))
    raw["invented_later"] = 1
    for name in ("attempt", "cost_usd", "keep", "resources"):
        del raw[name]
    assert load(json.dumps(raw).encode()) == record()


@given(written=RECORDS, name=st.text(min_size=1).map("later_{}".format), value=st.none() | TEXT | st.integers())
def test_fields_of_a_later_tool_are_passed_over_at_any_depth(written: Record, name: str, value: object) -> None:
    raw = json.loads(dump(written))
    for holder in filter(None, (raw, raw["hardware"], raw["outcome"], *raw["resources"])):
        holder[name] = value
    assert load(json.dumps(raw).encode()) == written


def test_a_record_of_a_newer_format_asks_for_an_upgrade() -> None:
    raw = {**json.loads(dump(record())), "version": 2}
    with pytest.raises(AwsRunError, match="newer aws-run") as caught:
        load(json.dumps(raw).encode())
    assert "pip install -U" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"[]", b"null", b"{}", b'{"run_id": 1}', b'{"resources": 5}', b"\xff"]
)
def test_what_is_no_record_is_a_sentence_and_no_traceback(text: bytes) -> None:
    with pytest.raises(AwsRunError, match="can't be read"):
        load(text)


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
