"""A run is taken from under a client only when no client is at it: the record may be older than what ECS says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.fakes import (
    ACCOUNT,
    RUN,
    FakeAccount,
    record,
    refused,
)

from aws_run.clock import iso
from aws_run.lifecycle.end import leftovers
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.runs.writer import RecordWriter
from aws_run.usecases import explain, status

TASK = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/arun-demo/0123456789abcdef"


class Account(FakeAccount):
    """A bucket with one accepted run in it, whose cluster is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.writer = RecordWriter.begin(self.store, record(task_arn=TASK), self.clock)
        self.store.locks.mark_live(RUN)
        self.aws.on("describe_tasks", refused("ClusterNotFoundException"))

    def end(self) -> None:
        """What the run's own client does when it sees the end."""
        outcome = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished")

        def step(record: Record) -> Record:
            return replace(record, state="removing", outcome=outcome, stopped_at=iso(self.clock.now()))

        self.writer.change(step, now=True)

    def end_while_ecs_is_asked(self) -> None:
        def answer(**_: Any) -> Any:
            self.end()
            raise refused("ClusterNotFoundException")

        self.aws.on("describe_tasks", answer, refused("ClusterNotFoundException"))

    @property
    def changes(self) -> list[str]:
        return [call for call in self.aws.operations if call.startswith(("delete", "stop", "update", "put_object"))]


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_run_that_its_client_ends_while_ecs_is_asked_is_its_clients(account: Account) -> None:
    account.end_while_ecs_is_asked()
    (found,) = leftovers.find_leftovers(account.context)
    assert not found.removable
    assert found.why == "just ended; its client is removing it"


def test_status_and_explain_leave_it_to_its_client_too(account: Account) -> None:
    account.end_while_ecs_is_asked()
    before = len(account.changes)
    assert status.status(account.context, RUN, None).exit_code is None
    assert account.changes[before:] == ["put_object"]  # the client's own
    other = Account()
    other.end_while_ecs_is_asked()
    assert "its client is removing" in explain.explain(other.context, RUN, None).sentence


def test_a_run_that_nobody_ends_is_taken(account: Account) -> None:
    (found,) = leftovers.find_leftovers(account.context)
    assert found.removable


def test_what_was_doomed_when_listed_is_judged_again_when_its_turn_comes(account: Account) -> None:
    found = leftovers.find_leftovers(account.context)
    account.end()
    before = len(account.changes)
    assert leftovers.collect(account.context, found) == ()
    assert account.changes[before:] == []


def test_two_minutes_after_its_end_a_client_that_has_not_finished_removing_is_taken_for_dead(account: Account) -> None:
    account.end()
    account.clock.sleep(119)
    assert not leftovers.find_leftovers(account.context)[0].removable
    account.clock.sleep(2)
    assert leftovers.find_leftovers(account.context)[0].removable
