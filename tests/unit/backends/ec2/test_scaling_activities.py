"""Is a machine coming? Every code that ends the waiting, the sentences AWS uses instead, and what heals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.unit.fakes import Events, FakeAws, FakeClock, ec2_backend, job, spec

from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.backends.ec2.scaling_activities import capacity_status
from aws_run.errors import CapacityError
from aws_run.events import Notice
from aws_run.runs.spec import Rung, RunSpec

TERMINAL = [
    "InsufficientInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
    "UnfulfillableCapacity",
    "Unsupported",
    "InsufficientFreeAddressesInSubnet",
    "MaxFleetCountExceeded",
    "SpotMaxPriceTooLow",
    "InvalidAMIID.NotFound",
]
SENTENCES = [
    ("We currently do not have sufficient g4dn.xlarge capacity in the Availability Zone you requested (us-east-1a).",
     "InsufficientInstanceCapacity"),
    ("There is no Spot capacity available that matches your request.", "InsufficientInstanceCapacity"),
    ("You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket.",
     "VcpuLimitExceeded"),
    ("Max spot instance count exceeded. Launching EC2 instance failed.", "MaxSpotInstanceCountExceeded"),
    ("The requested configuration is currently not supported. Please check the documentation.", "Unsupported"),
    ("Your requested instance type (p5.48xlarge) is not supported in your requested Availability Zone (us-east-1e).",
     "Unsupported"),
    ("InvalidParameterCombination - The specified instance type is not eligible for Free Tier. For a list of Free Tier "
     "instance types, run 'describe-instance-types' with the filter 'free-tier-eligible=true'.", "FreeTierOnly"),
]  # fmt: skip
HEALING = [
    ("Authentication Failure. Launching EC2 instance failed.", "transient"),
    ("Invalid IAM Instance Profile name. Launching EC2 instance failed.", "transient"),
    ("Something that nobody has seen yet", "unknown"),
    ("", "unknown"),
]


def failed(message: str, **more: Any) -> dict[str, Any]:
    return {"StatusCode": "Failed", "StatusMessage": message, "Description": "Launching a new EC2 instance", **more}


def launched(status: str = "Successful", **more: Any) -> dict[str, Any]:
    return {"StatusCode": status, "Description": "Launching a new EC2 instance: i-1", **more}


@pytest.mark.parametrize("code", TERMINAL)
def test_a_terminal_code_ends_the_waiting_and_says_what_to_try(code: str) -> None:
    verdict = capacity_status([failed(f"Launching EC2 instance failed. {code}: no. Launching failed.")])
    assert (verdict.state, verdict.code) == ("failed", code)
    assert verdict.hint


@pytest.mark.parametrize(("text", "code"), SENTENCES)
def test_a_sentence_without_its_code_is_known_too(text: str, code: str) -> None:
    verdict = capacity_status([failed(text)])
    assert (verdict.state, verdict.code) == ("failed", code)


@pytest.mark.parametrize(("text", "code"), HEALING)
def test_what_heals_or_is_not_known_is_waited_for(text: str, code: str) -> None:
    verdict = capacity_status([{"StatusCode": "Failed", "StatusMessage": text}])
    assert (verdict.state, verdict.code) == ("healing", code)


def test_what_nobody_can_read_is_left_out() -> None:
    said = "You are not authorized to perform this operation. Encoded authorization failure message: 4kPqUz-_x. Failed."
    assert capacity_status([failed(said)]).text == "You are not authorized to perform this operation. Failed."


def test_a_code_inside_a_longer_word_is_not_that_code() -> None:
    assert capacity_status([failed("UnsupportedOperationX happened")]).state == "healing"


@pytest.mark.parametrize(
    "status", ["Successful", "PreInService", "InProgress", "WaitingForInstanceId", "MidLifecycleAction"]
)
def test_a_launch_under_way_is_a_machine_that_comes(status: str) -> None:
    assert capacity_status([launched(status)]).state == "launching"


def test_nothing_said_is_waiting() -> None:
    assert capacity_status([]).state == "waiting"
    assert capacity_status([{"StatusCode": "WaitingForSpotInstanceRequestId"}]).state == "waiting"


def test_the_newest_activity_decides() -> None:
    assert capacity_status([launched(), failed("InsufficientInstanceCapacity")]).state == "launching"
    assert capacity_status([failed("InsufficientInstanceCapacity"), launched()]).state == "failed"


def test_a_termination_says_nothing_about_what_comes() -> None:
    terminating = {"StatusCode": "Successful", "Description": "Terminating EC2 instance: i-1"}
    assert capacity_status([terminating, failed("VcpuLimitExceeded")]).code == "VcpuLimitExceeded"


def test_a_cancelled_launch_is_a_failure_by_its_message() -> None:
    assert capacity_status([{"StatusCode": "Cancelled", "StatusMessage": "SpotMaxPriceTooLow"}]).state == "failed"


def test_since_when_an_instance_is_up_is_said() -> None:
    up = datetime(2026, 1, 2, 3, 0, tzinfo=timezone.utc)
    assert capacity_status([launched(EndTime=up)]).since == up
    assert capacity_status([launched("InProgress")]).since is None


# -- what the backend makes of it -------------------------------------------------------------------------------------


def spot_then_on_demand(*types: str) -> RunSpec:
    asked = spec(job=job(spot_policy="auto"))
    offer = replace(
        asked.offer,
        hardware=replace(asked.offer.hardware, spot=True),
        ladder=(Rung(spot=False, instance_types=types or ("m6i.large",)),),
    )
    return replace(asked, offer=offer)


def backend(*answers: list[dict[str, Any]]) -> tuple[Ec2Backend, FakeAws, FakeClock]:
    aws, clock = FakeAws(), FakeClock()
    aws.on("describe_scaling_activities", *({"Activities": answer} for answer in answers))
    return ec2_backend(aws, clock), aws, clock


def test_no_capacity_is_one_sentence_with_the_reason_the_type_and_the_zone() -> None:
    ec2, _, clock = backend([failed("InsufficientInstanceCapacity")])
    ec2.check_capacity(spec(), Events().emit)
    clock.sleep(5)
    with pytest.raises(CapacityError, match=r"InsufficientInstanceCapacity \(m6i.large in us-east-1a\)"):
        ec2.check_capacity(spec(), Events().emit)


def test_spot_auto_asks_for_on_demand_once_and_then_gives_up() -> None:
    spot, on_demand = failed("UnfulfillableCapacity", ActivityId="1"), failed("VcpuLimitExceeded", ActivityId="2")
    ec2, aws, clock = backend([spot], [spot], [spot], [on_demand, spot])
    asked, events = spot_then_on_demand(), Events()
    for _ in range(3):  # the third look still shows the refusal of before, which says nothing about on-demand
        ec2.check_capacity(asked, events.emit)
        clock.sleep(5)
    policy = aws.sent("update_auto_scaling_group")[0]["MixedInstancesPolicy"]["InstancesDistribution"]
    assert policy["OnDemandPercentageAboveBaseCapacity"] == 100
    assert [notice.text for notice in events.of(Notice)] == [
        "tried: m6i.large spot in us-east-1a: no capacity (UnfulfillableCapacity)",
        "asking for m6i.large on demand instead",
    ]
    with pytest.raises(
        CapacityError, match=r"VcpuLimitExceeded .*; before that: m6i\.large spot in us-east-1a: no cap"
    ):
        ec2.check_capacity(asked, events.emit)
    assert len(ec2.tried(asked)) == 2


def test_one_zones_lack_is_not_the_end_while_auto_scaling_tries_the_next() -> None:
    lack = failed("InsufficientInstanceCapacity", ActivityId="1")
    ec2, _, clock = backend([lack], [launched("InProgress"), lack], [lack])
    for _ in range(3):
        ec2.check_capacity(spec(), Events().emit)
        clock.sleep(5)


def test_a_quota_is_the_end_at_the_first_look() -> None:
    ec2, _, _ = backend([failed("VcpuLimitExceeded")])
    with pytest.raises(CapacityError, match="VcpuLimitExceeded"):
        ec2.check_capacity(spec(), Events().emit)


def test_another_attempt_leaves_the_old_machine_and_its_activities_behind() -> None:
    """The old one came into service an hour ago: that must not count as a new one that never joins."""
    old = launched(EndTime=FakeClock().now(), ActivityId="1")
    ec2, aws, clock = backend([old])
    aws.on("describe_auto_scaling_groups", {"AutoScalingGroups": [{"Instances": [{"InstanceId": "i-1"}]}]})
    aws.on("list_container_instances", {"containerInstanceArns": ["ci-1"]})
    ec2.prepare_retry(spec())
    assert aws.sent("deregister_container_instance")[0]["force"] is True
    assert aws.sent("terminate_instance_in_auto_scaling_group")[0]["InstanceId"] == "i-1"
    clock.sleep(3600)
    ec2.check_capacity(spec(), Events().emit)


@pytest.mark.parametrize(
    ("left", "armed"), [(timedelta(hours=5), timedelta(minutes=20)), (timedelta(), timedelta(minutes=10))]
)
def test_another_attempts_machine_has_a_lease_before_it_can_be_launched_and_never_a_later_end(
    left: timedelta, armed: timedelta
) -> None:
    """A client that dies between the two leaves a machine that nobody sends a task to."""
    ec2, aws, clock = backend([])
    aws.on("describe_auto_scaling_groups", {"AutoScalingGroups": []})
    ec2.on_task_accepted(spec(), "task/1", clock.now() + left, Events().emit)
    ec2.prepare_retry(spec())
    accepted, again = aws.sent("put_scheduled_update_group_action")
    assert accepted["StartTime"] == clock.now() + left + timedelta(minutes=10)
    assert again["StartTime"] == clock.now() + armed
    order = [name for name in aws.operations if name in ("put_scheduled_update_group_action", "resume_processes")]
    assert order[-2:] == ["put_scheduled_update_group_action", "resume_processes"]


def test_a_machine_that_never_joins_is_told_from_one_that_never_comes() -> None:
    ec2, _, clock = backend([launched(EndTime=FakeClock().now())])
    ec2.check_capacity(spec(), Events().emit)
    clock.sleep(3600)
    with pytest.raises(CapacityError, match="has not joined the cluster"):
        ec2.check_capacity(spec(), Events().emit)


def looks(ec2: Ec2Backend, clock: FakeClock, events: Events, for_s: float) -> None:
    while clock.elapsed_s < for_s:
        ec2.check_capacity(spec(), events.emit)
        clock.sleep(5)


VALIDATED = "Your request for accessing resources in this region is being validated. Launching EC2 instance failed."


def test_a_failure_nobody_knows_is_told_once_and_ends_the_wait_in_awss_own_words() -> None:
    """Each try of Auto Scaling's looks like a machine on its way until it fails as the one before."""
    ec2, aws, clock = backend()
    tries = [[failed(VALIDATED, ActivityId=str(n))] for n in range(100)]
    tries = [tries[n] if n % 2 else [launched("InProgress", ActivityId=str(n)), *tries[n - 1]] for n in range(1, 100)]
    aws.on("describe_scaling_activities", *({"Activities": answer} for answer in tries))
    events = Events()
    with pytest.raises(CapacityError, match="is being validated") as ended:
        looks(ec2, clock, events, 600)
    assert "subnets" not in f"{ended.value.message} {ended.value.hint}"
    assert 180 <= clock.elapsed_s <= 190
    warnings = [notice.text for notice in events.of(Notice) if notice.level == "warning"]
    assert warnings == [f"waiting for AWS: {VALIDATED}"]


def test_a_failure_nobody_knows_is_forgotten_when_a_launch_goes_well() -> None:
    up = launched(EndTime=FakeClock().now())
    ec2, _, clock = backend([failed(VALIDATED)], [up], [failed(VALIDATED), up], [up])
    for _ in range(4):
        ec2.check_capacity(spec(), Events().emit)
        clock.sleep(170)


def test_a_spot_failure_nobody_knows_makes_auto_ask_for_on_demand() -> None:
    linked = failed("The service-linked role for EC2 Spot may not be created.", ActivityId="1")
    ec2, aws, clock = backend([linked], [linked], [launched("InProgress", ActivityId="2"), linked])
    events = Events()
    for _ in range(3):
        ec2.check_capacity(spot_then_on_demand(), events.emit)
        clock.sleep(185)
    assert len(aws.sent("update_auto_scaling_group")) == 1
    assert any(n.text.startswith("tried: ") and "may not be created" in n.text for n in events.of(Notice))


def test_a_known_failure_that_heals_is_waited_for_longer_but_not_for_ever() -> None:
    ec2, _, clock = backend([failed("Authentication Failure. Launching EC2 instance failed.")])
    events = Events()
    with pytest.raises(CapacityError, match="Authentication Failure"):
        looks(ec2, clock, events, 1200)
    assert 600 <= clock.elapsed_s <= 610
    assert {notice.level for notice in events.of(Notice)} == {"debug"}


def test_a_healing_failure_is_a_debug_notice() -> None:
    ec2, _, _ = backend([failed("Authentication Failure")])
    events = Events()
    ec2.check_capacity(spec(), events.emit)
    assert [notice.level for notice in events.of(Notice)] == ["debug"]
