"""The machine that waits for its image and input does so for a bounded time, whatever AWS and the client do meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.fakes import (
    START,
    Events,
    FakeAws,
    FakeClock,
    backends,
    ec2_backend,
    fargate_backend,
    job,
    refused,
    spec,
)

from aws_run.config import Limits
from aws_run.errors import AwsCallError, DeadlineError
from aws_run.events import Notice
from aws_run.lifecycle import budget
from aws_run.lifecycle.start.lease import Lease

IDLE_S = 600


class Held:
    """A lease on a scripted group."""

    def __init__(self, idle_s: int = IDLE_S) -> None:
        self.aws, self.clock, self.events = FakeAws(), FakeClock(), Events()
        self.aws.on("describe_scaling_activities", {"Activities": [{"ActivityId": "old"}]})
        self.backend = ec2_backend(self.aws, self.clock)
        self.spec = spec(idle_s=idle_s)
        self.lease = Lease(self.backend, self.spec, self.clock, self.events.emit)

    @property
    def sizes(self) -> list[int]:
        """What the group was set to, one after the other; a LaunchInstances raises it by the one that it launches."""
        return [
            1 if call.operation == "launch_instances" else call.parameters["DesiredCapacity"]
            for call in self.aws.calls
            if call.operation in ("launch_instances", "update_auto_scaling_group")
        ]

    @property
    def told(self) -> list[str]:
        return [event.text for event in self.events.of(Notice)]


@pytest.fixture
def held() -> Held:
    return Held()


def test_the_machine_is_given_back_once_its_time_is_over_and_the_user_is_told_in_one_sentence(held: Held) -> None:
    held.lease.begin()
    held.clock.elapsed_s = IDLE_S - 1
    held.lease.look("the image")
    assert held.sizes == [1]
    held.clock.elapsed_s = IDLE_S
    for _ in range(3):
        held.lease.look("the image")
    assert held.sizes == [1, 0]
    (sentence,) = held.told
    assert "waited 10 min for the image" in sentence
    assert "given back" in sentence


def test_it_is_raised_again_with_a_new_lease_before_the_task_is_asked_for(held: Held) -> None:
    held.lease.begin()
    held.clock.elapsed_s = IDLE_S
    held.lease.look("the image")
    held.clock.elapsed_s = 3000
    held.lease.ready()
    operations = [name for name in held.aws.operations if name.startswith(("put_scheduled", "update_auto"))]
    assert operations[-2:] == ["put_scheduled_update_group_action", "update_auto_scaling_group"], "armed, then raised"
    assert held.sizes == [1, 0, 1]
    (armed,) = held.aws.sent("put_scheduled_update_group_action")
    assert armed["StartTime"] == START + timedelta(seconds=3000 + IDLE_S + 180)
    held.clock.elapsed_s = 3020
    assert held.lease.used_s == IDLE_S + 20


def test_what_is_ready_in_time_keeps_its_machine_and_costs_no_call(held: Held) -> None:
    held.lease.begin()
    calls = len(held.aws.calls)
    held.clock.elapsed_s = 100
    held.lease.ready()
    assert len(held.aws.calls) == calls
    assert held.lease.used_s == 100


def test_a_client_that_slept_through_the_switch_asks_for_a_machine_again(held: Held) -> None:
    """The group is at 0 by then; a task would wait for a machine that nobody brings."""
    held.lease.begin()
    held.clock.elapsed_s = 5 * 3600
    held.lease.ready()
    assert held.sizes == [1, 0, 1]
    assert held.lease.used_s <= 2 * IDLE_S, "AWS ended the machine while the client slept"


def test_a_machine_that_cannot_be_given_back_is_told_tried_again_and_never_taken_for_gone(held: Held) -> None:
    held.lease.begin()
    held.aws.on("update_auto_scaling_group", refused("AccessDenied"))
    held.clock.elapsed_s = IDLE_S
    for _ in range(5):
        held.lease.look("the input")
    assert held.sizes == [1, 0], "not twenty times a second"
    held.clock.elapsed_s += 30
    held.lease.look("the input")
    assert held.sizes == [1, 0, 0]
    with pytest.raises(AwsCallError):
        held.lease.ready()
    assert all("could not be given back" in sentence for sentence in held.told)


def test_the_old_machine_gets_no_task_and_its_launch_is_not_taken_for_the_new_ones(held: Held) -> None:
    held.aws.on("list_container_instances", ["arn:old"])
    held.lease.begin()
    held.clock.elapsed_s = IDLE_S
    held.lease.look("the image")
    assert [sent["containerInstance"] for sent in held.aws.sent("deregister_container_instance")] == ["arn:old"]
    old = {"ActivityId": "old", "StatusCode": "Successful", "Description": "Launching", "EndTime": held.clock.now()}
    held.aws.on("describe_scaling_activities", {"Activities": [old]})
    held.clock.elapsed_s += 3600
    held.lease.ready()
    held.backend.check_capacity(held.spec, held.events.emit)  # else: "up for 10 minutes and has not joined"


def test_the_receipt_counts_a_machine_that_ec2_shows_no_more(held: Held) -> None:
    def shown(name: str, since_s: float) -> list[dict[str, Any]]:
        launched = START + timedelta(seconds=since_s)
        one = {"InstanceId": name, "LaunchTime": launched, "State": {"Name": "running"}, "InstanceType": "m6i.large"}
        return [{"Instances": [one]}]

    held.lease.begin()
    held.aws.on("describe_instances", shown("i-1", 0))
    held.clock.elapsed_s = IDLE_S
    held.lease.look("the image")
    held.aws.on("describe_instances", shown("i-2", 4000))
    held.clock.elapsed_s = 9000
    usage = held.backend.usage(held.spec.run_id, None, held.clock.now())
    assert usage is not None
    assert usage.seconds == IDLE_S + 5000


def test_after_six_hours_no_machine_is_asked_for_that_its_guard_would_end(held: Held) -> None:
    held.lease.begin()
    held.clock.elapsed_s = IDLE_S
    held.lease.look("the input")
    held.clock.elapsed_s = 6 * 3600 + 1
    with pytest.raises(DeadlineError, match="more than 6 hours") as ended:
        held.lease.ready()
    assert ended.value.exit_code == 124
    assert held.sizes == [1, 0]


def test_fargate_has_no_machine_that_could_wait() -> None:
    aws, clock = FakeAws(), FakeClock()
    lease = Lease(fargate_backend(aws, clock), spec(idle_s=0), clock, Events().emit)
    lease.begin()
    clock.elapsed_s = 10 * 3600
    lease.look("the image")
    lease.ready()
    assert aws.calls == []
    assert lease.used_s == 0


@pytest.mark.parametrize(
    ("backend", "timeout_s", "idle_s"),
    [("ec2", 7200, 900), ("ec2", 86400, 900), ("ec2", 1200, 300), ("ec2", 60, 120), ("fargate", 7200, 0)],
)
def test_a_machine_waits_a_quarter_of_the_jobs_time_within_2_and_15_minutes(
    backend: str, timeout_s: int, idle_s: int
) -> None:
    assert budget.idle_s(backends(FakeAws(), FakeClock())[backend], timeout_s) == idle_s


@pytest.mark.parametrize("bought_s", [420, 600, 1800, 7200, 9000])
def test_whatever_the_machine_waited_the_three_parts_stay_within_the_cap(bought_s: int) -> None:
    timeout_s = min(7200, bought_s - 360)
    idle_s = budget.idle_s(backends(FakeAws(), FakeClock())["ec2"], timeout_s)
    limits = Limits(max_cost_usd=1)
    capped = spec(job=job(limits=limits), timeout_s=timeout_s, idle_s=idle_s, cap_s=bought_s, ending_s=240)
    for waited_s in range(0, idle_s + 1):
        job_s = budget.job_s(capped, waited_s)
        assert 60 <= job_s <= timeout_s
        assert waited_s + job_s + 240 <= bought_s
    assert budget.billed_at_most_s(capped) <= bought_s


def test_a_wait_that_has_used_up_the_cap_ends_the_run_with_124() -> None:
    with pytest.raises(DeadlineError, match="used up --max-cost"):
        budget.job_s(spec(job=job(limits={"max_cost_usd": 1.0}), cap_s=1000, timeout_s=640, ending_s=240), 701)
