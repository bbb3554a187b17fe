"""Another attempt after AWS took the machine away, and the limits that money sets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import SNAPSHOT, START, FakeAws, FakeClock, job, refused, spec

from aws_run.backends.ec2 import scaling_activities
from aws_run.backends.ecs.tasks import run_task_request, task_state
from aws_run.backends.executor import TaskRequest
from aws_run.config import Limits, Retry
from aws_run.errors import UsageError
from aws_run.infra.resource_types import group, schedule
from aws_run.infra.resource_types.schedule import Schedule
from aws_run.lifecycle import budget
from aws_run.lifecycle.follow import outcome
from aws_run.pricing.receipt import Charge
from aws_run.runs.spec import JobSpec, Offer


class Priced:
    """A backend of which only the price is asked."""

    name = "fargate"
    waits = False
    ending_s = 60

    def __init__(self, usd: str | None) -> None:
        self._usd = Decimal(usd) if usd is not None else None

    def charges(self, hardware: Any, usage: Any) -> tuple[Charge, ...]:
        return (Charge(what="machine", seconds=usage.seconds, usd_per_hour=self._usd),)


def wanted(limits: Limits) -> tuple[JobSpec, Offer]:
    return job(limits=limits, timeout_s=7200), spec().offer


@pytest.mark.parametrize(
    ("limits", "usd", "seconds"),
    [
        (Limits(), "1.00", 7200),
        (Limits(max_cost_usd=10), "1.00", 7200),
        (Limits(max_cost_usd=0.5), "1.00", 1740),  # less a minute in which the machine starts and goes
        (Limits(max_price_usd_per_hour=1.0), "1.00", 7200),
    ],
)
def test_a_cost_cap_is_a_deadline_where_it_comes_first(limits: Limits, usd: str, seconds: int) -> None:
    assert budget.timeout_s(*wanted(limits), Priced(usd)) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limits", "usd", "said"),
    [
        (Limits(max_cost_usd=0.001), "1.00", "less than"),
        (Limits(max_price_usd_per_hour=0.5), "1.00", "over --max-price"),
        (Limits(max_cost_usd=5), None, "not known"),
        (Limits(max_price_usd_per_hour=5), None, "not known"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_before_anything_is_made(
    limits: Limits, usd: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        budget.timeout_s(*wanted(limits), Priced(usd))  # type: ignore[arg-type]


def test_attempts_differ_by_number_and_token_only() -> None:
    def build(attempt: int) -> dict[str, Any]:
        request = TaskRequest(
            spec=spec(),
            definition="arn",
            inputs=(SNAPSHOT,),
            deadline=START,
            attempt=attempt,
        )
        return run_task_request(request, {})

    assert build(1) == build(1), "a repeated call is the same call"
    first, second = build(1), build(2)
    assert first["clientToken"] != second["clientToken"]
    assert len(second["clientToken"]) <= 64
    names = {"AWS_RUN_ATTEMPT": ("1", "2")}
    for one, two in zip(environment(first), environment(second), strict=True):
        assert (one["value"], two["value"]) == names.get(one["name"], (one["value"], one["value"]))


def environment(request: dict[str, Any]) -> list[dict[str, str]]:
    return list(request["overrides"]["containerOverrides"][0]["environment"])


def test_an_earlier_attempts_result_is_not_this_ones() -> None:
    task = {"taskArn": "arn", "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "containers": []}
    stopped = task_state(task, "cluster")
    old = b'{"exit_code": 0, "reason": "exit", "attempt": 1}'
    assert outcome.classify(stopped, old, 1).exit_code == 0
    assert outcome.classify(stopped, old, 2).exit_code == 125


def test_another_machine_may_take_the_place_of_one_that_was_taken_away() -> None:
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": [{"Instances": [{"InstanceId": "i-1"}]}]})
    group.replace(aws, "arun-g")
    # It must leave its place empty, since `Launch` fills that and nothing else is resumed: a machine that powers
    # itself off when its job is over has to be the last one.
    (ended,) = aws.sent("terminate_instance_in_auto_scaling_group")
    assert ended == {"InstanceId": "i-1", "ShouldDecrementDesiredCapacity": False}
    assert [sent["ScalingProcesses"] for sent in aws.sent("resume_processes")] == [["Launch"]]


def test_the_stop_at_the_deadline_moves_to_the_new_attempts_task() -> None:
    aws = FakeAws().on("create_schedule", refused("ConflictException")).on("update_schedule", {"ScheduleArn": "a"})
    wanted = Schedule(name="arun-s", at=START, cluster="c", task_arn="task/2", role_arn="r")
    assert schedule.create(aws, wanted, FakeClock()) == "a"
    assert "task/2" in aws.sent("update_schedule")[0]["Target"]["Input"]


def test_refusals_are_counted_since_the_last_launch_that_went_well() -> None:
    failed = {"StatusCode": "Failed", "StatusMessage": "InsufficientInstanceCapacity"}
    went_well = {"StatusCode": "Successful", "Description": "Launching"}
    assert scaling_activities.capacity_status([failed, failed, went_well, failed]).failures == 2
    assert scaling_activities.capacity_status([failed]).failures == 1


def test_retry_is_for_interruptions_unless_more_is_asked() -> None:
    assert Retry().on == ("interruption",)
