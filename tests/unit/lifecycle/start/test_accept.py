"""A request for a task that the service has no room for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.fakes import START, Events, FakeAws, FakeClock, job, spec

from aws_run.backends.ecs.tasks import EcsExecutor
from aws_run.backends.executor import TaskHandle, TaskRequest
from aws_run.config import Retry
from aws_run.errors import CapacityError
from aws_run.events import Notice
from aws_run.lifecycle.start.accept import start_task

FULL = {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time. Please try again later"}]}
TASK = {"tasks": [{"taskArn": "arn:task"}]}
PATIENT = Retry(on=("no-capacity",), max=2)


class Requested:
    """RunTask with these answers."""

    def __init__(self, *answers: object, retry: Retry = PATIENT, left_s: float = 3600) -> None:
        self.aws, self.clock, self.events = FakeAws().on("run_task", *answers), FakeClock(), Events()
        self.request = TaskRequest(
            spec=spec(job=job(retry=retry)), definition="d", inputs=(), deadline=START + timedelta(seconds=left_s)
        )

    def start(self) -> TaskHandle:
        executor = EcsExecutor(self.aws, self.clock, lambda _: {})
        return start_task(executor, self.request, clock=self.clock, emit=self.events.emit)

    @property
    def tokens(self) -> list[str]:
        return [sent["clientToken"] for sent in self.aws.sent("run_task")]


def test_it_is_made_again_under_another_token_and_says_so() -> None:
    there = Requested(FULL, FULL, TASK)
    assert there.start().id == "arn:task"
    assert len(set(there.tokens)) == 3
    assert max(map(len, there.tokens)) <= 64
    assert (there.clock.now() - START).total_seconds() == 30 + 60
    assert [notice.level for notice in there.events.of(Notice)] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("there", "times"),
    [
        (Requested(FULL, FULL, FULL, FULL), 3),
        (Requested(FULL, FULL, retry=Retry()), 1),
        (Requested(FULL, FULL, left_s=20), 1),
        (Requested({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}, TASK), 1),
    ],
)
def test_it_is_made_no_more_often_than_the_user_wants_and_it_helps(there: Requested, times: int) -> None:
    with pytest.raises(CapacityError):
        there.start()
    assert len(there.tokens) == times
