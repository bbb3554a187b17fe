"""How long a run is followed while AWS can't be asked, on a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.fakes import RUN, SNAPSHOT, Events, FakeAws, FakeClock, refused, spec

from aws_run.backends.ecs.tasks import EcsExecutor
from aws_run.backends.executor import TaskRequest
from aws_run.errors import AwsCallError, AwsRunError, CapacityError, CredentialsError
from aws_run.events import Notice
from aws_run.lifecycle.follow.patience import DENIED_S, UNANSWERED_S, Patience, out_of_reach


def failing(*errors: AwsRunError) -> Callable[[], str]:
    left = list(errors)

    def look() -> str:
        if left:
            raise left.pop(0)
        return "there"

    return look


def always(error: AwsRunError) -> Callable[[], str]:
    def look() -> str:
        raise error

    return look


@pytest.mark.parametrize("error", [refused("ConnectionError"), refused("AccessDenied"), CredentialsError("expired")])
def test_what_passes_is_told_once_and_waited_out(error: AwsRunError) -> None:
    events = Events()
    assert Patience(FakeClock(), events.emit, 0.5)(failing(error, error, error)) == "there"
    assert [notice.text for notice in events.of(Notice)] == [f"{error.message}; the run goes on"]


@pytest.mark.parametrize(
    ("error", "within_s"),
    [
        (refused("ConnectionError"), UNANSWERED_S),
        (CredentialsError("expired"), UNANSWERED_S),
        (refused("AccessDeniedException"), DENIED_S),
        (refused("UnauthorizedOperation"), DENIED_S),
    ],
)
def test_what_lasts_is_raised_after_a_bounded_time(error: AwsRunError, within_s: float) -> None:
    clock = FakeClock()
    with pytest.raises(type(error)):
        Patience(clock, Events().emit, 0.5)(always(error))
    assert within_s <= clock.elapsed_s <= within_s + 31


@pytest.mark.parametrize("error", [refused("ClusterNotFoundException"), CapacityError("none"), AwsRunError("no")])
def test_what_says_something_about_the_run_is_raised_at_once(error: AwsRunError) -> None:
    clock = FakeClock()
    assert not out_of_reach(error)
    with pytest.raises(type(error)):
        Patience(clock, Events().emit, 0.5)(always(error))
    assert clock.slept == []


# -- RunTask ------------------------------------------------------------------------------------------------------


def accept(aws: FakeAws, attempt: int = 1) -> str:
    request = TaskRequest(spec=spec(), definition="arn", inputs=(SNAPSHOT,), deadline=spec().deadline, attempt=attempt)
    return EcsExecutor(aws, FakeClock(), lambda _: {}).start(request).id


def described(arn: str, attempt: int = 1) -> dict[str, Any]:
    variables = [{"name": "AWS_RUN_ATTEMPT", "value": str(attempt)}]
    overrides = {"containerOverrides": [{"environment": variables}]}
    return {"tasks": [{"taskArn": arn, "lastStatus": "RUNNING", "overrides": overrides}]}


ACCEPTED: dict[str, Any] = {"tasks": [{"taskArn": "arn:1"}], "failures": []}


@pytest.mark.parametrize("first", [refused("ConnectionError"), {}, {"tasks": [], "failures": []}])
def test_a_run_task_without_a_readable_answer_is_asked_again_with_the_same_token(first: Any) -> None:
    aws = FakeAws().on("run_task", first, ACCEPTED)
    assert accept(aws) == "arn:1"
    assert len({sent["clientToken"] for sent in aws.sent("run_task")}) == 1


def test_a_run_task_that_is_never_answered_is_looked_for_on_the_runs_cluster() -> None:
    aws = FakeAws().on("run_task", refused("ConnectionError")).on("list_tasks", {"taskArns": ["arn:1"]})
    aws.on("describe_tasks", described("arn:1"))
    assert accept(aws) == "arn:1"
    assert aws.sent("list_tasks") == [{"cluster": f"arun-{RUN}", "desiredStatus": "RUNNING"}]


def test_a_run_task_that_is_never_answered_and_left_no_task_is_an_error() -> None:
    aws = FakeAws().on("run_task", refused("ConnectionError")).on("list_tasks", {"taskArns": []})
    with pytest.raises(AwsCallError, match="ConnectionError"):
        accept(aws)


def test_an_earlier_attempts_task_is_not_taken_for_this_ones() -> None:
    aws = FakeAws().on("run_task", refused("ConflictException")).on("list_tasks", {"taskArns": ["arn:1", "arn:2"]})
    aws.on("describe_tasks", described("arn:1", 1), described("arn:2", 2))
    assert accept(aws, attempt=2) == "arn:2"


def test_a_refusal_by_failures_is_not_asked_again() -> None:
    aws = FakeAws().on("run_task", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    with pytest.raises(CapacityError, match="RESOURCE:MEMORY"):
        accept(aws)
    assert len(aws.sent("run_task")) == 1
