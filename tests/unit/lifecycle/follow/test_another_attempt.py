"""Which ends of an attempt another one follows, and what is done before it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.fakes import START

from aws_run.backends.ecs.tasks import task_state
from aws_run.config import Retry
from aws_run.lifecycle.follow.another_attempt import AnotherAttempt, another_attempt
from aws_run.lifecycle.follow.outcome import classify

ROLE = "arun-demo-us-east-1-execution"
DENIED = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
    "to retrieve ecr registry auth: service call has been retried 3 time(s): AccessDeniedException: User: "
    f"arn:aws:sts::123456789012:assumed-role/{ROLE}/8b is not authorized to perform: ecr:GetAuthorizationToken"
)
PULL = f"CannotPullContainerError: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/{ROLE}/8b"
UNNAMED = "ResourceInitializationError: AccessDeniedException: no words"
OTHER = DENIED.replace(ROLE, "somebody-elses")


def decide(
    reason: str = DENIED,
    code: str = "TaskFailedToStart",
    made_s: float = 30,
    retries: int = 0,
    left_s: float = 3600,
    retry: Retry | None = None,
) -> AnotherAttempt | None:
    """For a task that stopped so, `made_s` after its execution role was made."""
    task: dict[str, Any] = {
        "taskArn": "a", "lastStatus": "STOPPED", "stopCode": code, "stoppedReason": reason, "launchType": "FARGATE"
    }  # fmt: skip
    state = task_state(task, "cluster")
    now: datetime = START + timedelta(seconds=made_s)
    return another_attempt(
        classify(state, None, 1),
        state,
        retry=retry or Retry(),
        retries=retries,
        new_roles={ROLE: START},
        now=now,
        deadline=now + timedelta(seconds=left_s),
    )


@pytest.mark.parametrize("reason", [DENIED, PULL, UNNAMED])
def test_a_task_that_a_role_made_seconds_ago_could_not_start_is_started_again_on_its_machine(reason: str) -> None:
    again = decide(reason)
    assert again is not None
    assert (again.new_machine, 0 < again.wait_s < 30) == (False, True)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"made_s": 121},
        {"reason": OTHER},
        {"reason": "ResourceInitializationError: failed to validate logger args: no such log group"},
        {"left_s": 59},
        {"code": "EssentialContainerExited", "reason": "the job said AccessDenied"},
    ],
)
def test_what_time_does_not_heal_is_the_end(otherwise: dict[str, Any]) -> None:
    assert decide(**otherwise) is None


def test_interruptions_are_counted_apart() -> None:
    spot = {"code": "SpotInterruption", "reason": "Host EC2 terminated."}
    again = decide(**spot, retries=2)
    assert again is not None
    assert again.new_machine
    assert decide(**spot, retries=3) is None
    assert decide(**spot, retry=Retry(on=())) is None
    assert decide(retries=3, retry=Retry(on=())) is not None


def test_a_task_that_fargate_has_no_room_for_is_requested_again_where_the_user_wants_that() -> None:
    full = {"reason": "Capacity is unavailable at this time. Please try again later"}
    patient = Retry(on=("no-capacity",), max=2)
    first, second = (decide(**full, retry=patient, retries=number) for number in (0, 1))
    assert first is not None
    assert second is not None
    assert (first.new_machine, first.counts) == (False, True)
    assert 0 < first.wait_s < second.wait_s
    assert decide(**full, retry=patient, retries=2) is None
    assert decide(**full) is None
