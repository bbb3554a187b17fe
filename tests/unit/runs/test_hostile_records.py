"""A record that somebody damaged, or forged: it costs its own run one line, and no other run anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.fakes import (
    ACCOUNT,
    START,
    FakeAccount,
    record,
)
from tests.unit.runs.support import version_1

from aws_run.errors import AwsRunError, DamagedError
from aws_run.events import Notice
from aws_run.lifecycle.end import leftovers
from aws_run.naming import TAG_RUN
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import HardwareEntry, Outcome, Record, ResourceEntry, dump
from aws_run.runs.record_reader import MOST_BYTES, load
from aws_run.usecases.ps import ps
from aws_run.usecases.status import status

HOSTILE = "demo-20260102-020405-0001"
VICTIM = "demo-20260102-021405-0002"  # it runs, and has a good record
OVER = "other-20260102-010405-0003"
DEEP = b"[" * 100_000


def good(run_id: str, **changes: Any) -> Record:
    times = {"created_at": "2026-01-02T02:04:05Z", "deadline": "2026-01-02T05:04:05Z"}
    project = run_id.partition("-")[0]
    return record(run_id=run_id, project=project, **{**times, **changes})


def full() -> dict[str, Any]:
    """Every field of a record set, as JSON."""
    whole = good(
        HOSTILE,
        backend="ec2",
        hardware=HardwareEntry(backend="ec2", description="m6i.large", vcpu=2, memory_mib=7000),
        resources=(ResourceEntry(kind="group", name=f"arun-{HOSTILE}", scope="run", state="created"),),
        inputs=({"label": "data"},),
        keep=("bucket",),
        task_arn=f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/arun-{HOSTILE}/0123",
        origin_detail="nightly",
        job={"version": 1, "name": "demo"},
        outcome=Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished"),
        stopped_at="2026-01-02T02:05:05Z",
        cost_usd="0.01",
        renewed_at="2026-01-02T02:04:05Z",
        image="i",
    )
    parsed: dict[str, Any] = json.loads(dump(whole))
    return parsed


def changed(**fields: Any) -> bytes:
    return json.dumps({**full(), **fields}).encode()


def changed_attempt(**fields: Any) -> bytes:
    return changed(tasks=[{**TASK, "attempts": [{**ATTEMPT, **fields}]}])


def changed_1(**fields: Any) -> bytes:
    """Of a record of version 1."""
    names = {"run_id": HOSTILE, "client_token": f"arun-{HOSTILE}", "cluster": f"arun-{HOSTILE}", "resources": []}
    return json.dumps(version_1(**{**names, "task_arn": None, **fields})).encode()


TASK = full()["tasks"][0]
ATTEMPT = TASK["attempts"][0]


class Account(FakeAccount):
    """A damaged record, a run that goes on, and one that is long over, each with a group in the listing."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        task = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/arun-{VICTIM}/0123"
        over = good(OVER, created_at="2026-01-02T01:04:05Z", deadline="2026-01-02T02:04:05Z")
        for run_id, held in ((HOSTILE, text), (VICTIM, dump(good(VICTIM, task_arn=task))), (OVER, dump(over))):
            self.aws.call("s3", "put_object", Key=RunKeys(run_id=run_id).record, Body=held)
            self.store.locks.mark_live(run_id)
        self.groups = {
            f"arun-{run_id}": {
                "AutoScalingGroupName": f"arun-{run_id}",
                "Tags": [{"Key": TAG_RUN, "Value": run_id}],
                "Instances": [],
            }
            for run_id in (HOSTILE, VICTIM, OVER)
        }
        self.aws.on("describe_auto_scaling_groups", self._describe)
        self.aws.on("delete_auto_scaling_group", lambda **asked: self.groups.pop(asked["AutoScalingGroupName"]) and {})
        self.aws.on("list_tasks", {"taskArns": []})
        self.aws.on("describe_tasks", {"tasks": [{"lastStatus": "RUNNING", "taskArn": task}]})

    def _describe(self, AutoScalingGroupNames: list[str] | None = None) -> Any:
        if AutoScalingGroupNames is None:  # as pages of a listing
            return list(self.groups.values())
        return {"AutoScalingGroups": [self.groups[name] for name in AutoScalingGroupNames if name in self.groups]}

    def touched(self, run_id: str) -> list[str]:
        """The calls that take something from a run."""
        taking = ("delete", "terminate", "update", "stop", "deregister", "detach", "remove")
        return [
            call.operation
            for call in self.aws.calls
            if call.operation.startswith(taking) and run_id in json.dumps(call.parameters, default=str)
        ]


DAMAGED = {
    "deep": DEEP,
    "deep objects": b'{"a":' * 50_000,
    "deep inside": json.dumps(full()).encode()[:-1] + b', "later": ' + b"[" * 500 + b"]" * 500 + b"}",
    "large": b" " * (MOST_BYTES + 1) + b"{}",
    "no text": b"\xff\xfe",
    "many digits": b'{"version": ' + b"1" * 100_000 + b"}",
    "deadline never": changed(deadline="never"),
    "deadline naive": changed(deadline="2026-01-02T05:04:05"),
    "deadline far": changed(deadline="9999-12-31T23:59:59Z"),
    "deadline of next year": changed(deadline="2027-01-02T05:04:05Z"),
    "deadline a number": changed(deadline=5),
    "deadline null": changed(deadline=None),
    "created far": changed(created_at="9999-12-31T23:59:59Z"),
    "renewed far": changed(renewed_at="9999-12-31T23:59:59Z"),
    "stopped never": changed(stopped_at="never"),
    "cost": changed(cost_usd="abc"),
    "cost infinite": changed(cost_usd="Infinity"),
    "cost nan": changed(cost_usd="NaN"),
    "cost negative": changed(cost_usd="-1"),
    "cost of many digits": changed(cost_usd="1E-999999999"),
    "cost nothing of many digits": changed(cost_usd="0E-999999999"),
    "outcome list": changed(outcome=[]),
    "outcome text": changed(outcome="exit"),
    "outcome code": changed(outcome={"exit_code": "0", "reason": "exit", "sentence": "x"}),
    "outcome 256": changed(outcome={"exit_code": 256, "reason": "exit", "sentence": "x"}),
    "outcome reason": changed(outcome={"exit_code": 0, "reason": {}, "sentence": "x"}),
    "hardware": changed(hardware={"backend": "ec2", "description": [], "vcpu": "two", "memory_mib": None}),
    "state": changed(state="sleeping"),
    "version": changed(version="1"),
    "version 1's attempt": changed_1(attempt=-1),
    "version 1's start": changed_1(started_at="never"),
    "a mixture of versions": changed_1(tasks=[]),
    "attempt": changed_attempt(number=-1),
    "attempt a text": changed_attempt(number="1"),
    "attempts of one number": changed(tasks=[{**TASK, "attempts": [ATTEMPT, ATTEMPT]}]),
    "attempts in no order": changed(tasks=[{**TASK, "attempts": [{**ATTEMPT, "number": 2}, ATTEMPT]}]),
    "many attempts": changed(tasks=[{**TASK, "attempts": [ATTEMPT] * 1001}]),
    "tasks": changed(tasks={"index": 0}),
    "tasks of one index": changed(tasks=[TASK, TASK]),
    "many tasks": changed(tasks=[{**TASK, "index": index} for index in range(101)]),
    "task without attempts": changed(tasks=[{"index": 0}]),
    "started never": changed_attempt(started_at="never"),
    "started far": changed_attempt(started_at="9999-12-31T23:59:59Z"),
    "attempt stopped far": changed_attempt(stopped_at="9999-12-31T23:59:59Z"),
    "attempt's outcome": changed_attempt(outcome={"exit_code": 256, "reason": "exit", "sentence": "x"}),
    "handle": changed_attempt(handle="arn"),
    "handle without place": changed_attempt(handle={"id": "arn"}),
    "another's cluster": changed_attempt(handle={"id": "arn", "place": "default"}),
    "another run's task": changed_attempt(
        handle={"id": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/arun-{VICTIM}/0123", "place": f"arun-{HOSTILE}"}
    ),
    "another run's token": changed_attempt(client_token=f"arun-{VICTIM}"),
    "origin": changed(origin="\x1b[2J"),
    "another project's job": changed(job={"name": "other"}),
    "job": changed(job=[]),
    "price": changed(hardware={**full()["hardware"], "usd_per_hour": "NaN"}),
    "large once written again": changed(later="\u00e9" * 2**20).decode().replace("\\u00e9", "\u00e9").encode(),
    "another run's": dump(good(VICTIM)),
    "another run's cluster": changed_attempt(handle={"id": "arn", "place": f"arun-{VICTIM}"}),
    "version 1 on another run's cluster": changed_1(cluster=f"arun-{VICTIM}"),
    "another run's group": changed(
        resources=[{"kind": "group", "name": f"arun-{VICTIM}", "scope": "run", "state": "created"}]
    ),
    "another project's role": changed(
        resources=[{"kind": "role", "name": "arun-other-us-east-1-execution", "scope": "shared", "state": "created"}]
    ),
    "a role as its own": changed(
        resources=[{"kind": "role", "name": "arun-demo-us-east-1-execution", "scope": "run", "state": "created"}]
    ),
    "resources": changed(resources=[1, None]),
    "many resources": changed(resources=[{}] * 1001),
    "project": changed(project="other"),
    "account": changed(account="../../x"),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_record_costs_its_run_one_line_and_no_other_run_anything(text: bytes) -> None:
    account = Account(text)
    with pytest.raises(DamagedError):
        status(account.context, HOSTILE, None)
    account.events.clear()
    assert [run.record.run_id for run in ps(account.context, None).runs] == [VICTIM, OVER]
    (line,) = account.events.of(Notice)
    assert line.text.startswith(f"{HOSTILE}: A run record of {HOSTILE} in the bucket can't be read: it ")
    assert line.text.isprintable()
    found = {item.run_id: item for item in leftovers.find_leftovers(account.context)}
    assert [found[run].removable for run in (HOSTILE, VICTIM, OVER)] == [False, False, True]
    leftovers.collect(account.context, tuple(found.values()))
    assert account.touched(OVER)
    assert account.touched(HOSTILE) == account.touched(VICTIM) == []


def test_what_a_damaged_record_leaves_goes_when_no_run_can_be_that_old() -> None:
    account = Account(DEEP)
    account.clock.sleep(31 * 86_400)
    found = next(item for item in leftovers.find_leftovers(account.context) if item.run_id == HOSTILE)
    assert found.removable
    leftovers.collect(account.context, (found,))
    assert "delete_auto_scaling_group" in account.touched(HOSTILE)


def test_a_run_that_breaks_gc_itself_keeps_no_other_from_being_collected() -> None:
    account = Account(changed(outcome=None, stopped_at=None, cost_usd=None))

    def broken(**asked: Any) -> Any:
        if HOSTILE in asked["cluster"]:
            raise RecursionError("a fault of ours")
        return {"tasks": [{"lastStatus": "RUNNING", "taskArn": "t"}]}

    account.aws.on("describe_tasks", broken)
    heard: list[str] = []
    found = leftovers.find_leftovers(account.context, heard.append)
    assert heard == [f"{HOSTILE} could not be judged: RecursionError: a fault of ours"]
    removable = tuple(replace(item, removable=True) for item in found if item.run_id != VICTIM)
    removed = leftovers.collect(account.context, removable)
    assert account.touched(OVER)
    assert [item.error for item in removed if HOSTILE in item.ref.name] == ["RecursionError: a fault of ours"]


def test_a_stop_that_is_still_to_come_keeps_no_run_from_being_collected() -> None:
    account = Account(changed(state="stopped", stopped_at="2026-01-09T02:05:05Z"))
    found = next(item for item in leftovers.find_leftovers(account.context) if item.run_id == HOSTILE)
    assert found.removable


def test_a_run_id_with_a_date_that_there_is_not_costs_one_line() -> None:
    impossible = "demo-99999999-999999-abcd"
    account = Account(dump(good(HOSTILE)))
    text = json.dumps({**full(), "run_id": impossible}).encode()
    account.aws.call("s3", "put_object", Key=RunKeys(run_id=impossible).record, Body=text)
    shown = [run.record.run_id for run in ps(account.context, None).runs]
    assert sorted(shown) == sorted([HOSTILE, VICTIM, OVER])
    (line,) = account.events.of(Notice)
    assert line.text.startswith(f"{impossible}: ")


def test_what_a_record_says_is_shown_without_anything_that_moves_a_terminal() -> None:
    evil = "\x1b]0;PWNED\x07\u202e\r\n::error::x"
    outcome = load(changed(outcome={"exit_code": 1, "reason": evil, "sentence": evil, "stop_code": evil})).outcome
    assert outcome is not None
    assert (outcome.reason + outcome.sentence + (outcome.stop_code or "")).isprintable()


NAMES = ["kind", "name", "scope", "state", "exit_code", "reason", "sentence", *TASK, *ATTEMPT, "id", "place"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([START.isoformat(), "2026-01-02T05:04:05Z", "1e999", "removed", "running", VICTIM, HOSTILE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=st.dictionaries(st.sampled_from(sorted(full())), JSON, min_size=1, max_size=4))
def test_any_json_in_any_field_raises_nothing_else_and_takes_nothing_from_a_run_that_lives(
    fields: dict[str, Any],
) -> None:
    text = changed(**fields)
    account = Account(text)
    try:
        load(text, run_id=HOSTILE)
        damaged = False
    except AwsRunError:
        damaged = True
    shown = [run.record.run_id for run in ps(account.context, None).runs]
    assert [run for run in shown if run != HOSTILE] == [VICTIM, OVER]
    assert (HOSTILE not in shown) == damaged
    leftovers.collect(account.context, leftovers.find_leftovers(account.context))
    assert account.touched(VICTIM) == []
    assert account.touched(OVER)
    if damaged:
        assert account.touched(HOSTILE) == []
    try:
        status(account.context, HOSTILE, None)
    except AwsRunError:
        return
    assert account.touched(VICTIM) == []


def test_every_field_that_a_record_has_is_read_again() -> None:
    assert load(dump(whole := record(base_image="python@sha256:1", owner="ann"))) == whole
