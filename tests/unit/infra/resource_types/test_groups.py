"""The Auto Scaling group and its switch: armed before it is raised, emptied before it goes, one machine and no other."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.fakes import RUN, FakeAws, FakeClock, refused
from tests.unit.infra.resource_samples import GROUP, NAME

from aws_run.errors import AwsCallError, CapacityError
from aws_run.infra.resource_types import group


@pytest.mark.parametrize(("subnets", "most"), [(("subnet-a",), 1), (("subnet-a", "subnet-b"), 0)])
def test_a_group_is_made_empty_and_armed_and_never_raised_by_its_create(subnets: tuple[str, ...], most: int) -> None:
    """With one subnet it has room for the machine that LaunchInstances brings."""
    aws, clock = FakeAws(), FakeClock()
    group.create(aws, replace(GROUP, subnets=subnets), clock)
    assert aws.operations == ["create_auto_scaling_group", "put_scheduled_update_group_action", "suspend_processes"]
    request = aws.sent("create_auto_scaling_group")[0]
    assert (request["MinSize"], request["MaxSize"], request["DesiredCapacity"]) == (0, most, 0)
    switch = aws.sent("put_scheduled_update_group_action")[0]
    assert switch["StartTime"] == clock.now() + timedelta(seconds=GROUP.lease_s)
    assert (switch["MinSize"], switch["MaxSize"], switch["DesiredCapacity"]) == (0, 0, 0)


def test_a_launch_at_once_gives_the_machine_or_what_aws_has_against_it() -> None:
    error = {"InstanceType": "m5.large", "AvailabilityZone": "us-east-1a", "ErrorCode": "X", "ErrorMessage": "none"}
    launched = {"Instances": [{"InstanceType": "m5.large", "InstanceIds": ["i-1"]}], "Errors": []}
    aws = FakeAws().on("launch_instances", refused("IdempotentCallInProgress"), launched, {"Errors": [error]})
    first = group.launch_one(aws, GROUP, "run-1", FakeClock())
    assert first == group.LaunchAnswer(instance_ids=("i-1",))
    second = group.launch_one(aws, GROUP, "run-2", FakeClock())
    told = group.LaunchRefusal(instance_type="m5.large", zone="us-east-1a", code="X", text="none")
    assert second == group.LaunchAnswer(refusals=(told,))
    sent = aws.sent("launch_instances")
    assert [one["ClientToken"] for one in sent] == ["run-1", "run-1", "run-2"]
    assert {len(one["SubnetIds"]) for one in sent} == {1}


@pytest.mark.parametrize(
    "text",
    [
        "Invalid IamInstanceProfile: arn:aws:iam::123456789012:instance-profile/arun-demo",
        "Invalid IAM Instance Profile name",
        "The specified launch template, with template name arun-demo, does not exist.",
    ],
)
def test_a_group_waits_until_aws_knows_what_was_made_seconds_ago(text: str) -> None:
    clock = FakeClock()
    aws = FakeAws().on("create_auto_scaling_group", *[refused("ValidationError", text)] * 3, {})
    group.create(aws, GROUP, clock)
    assert len(clock.slept) == 3
    assert "put_scheduled_update_group_action" in aws.operations


def test_a_group_that_is_wrong_is_refused_at_once_and_one_that_stays_unknown_in_the_end() -> None:
    clock = FakeClock()
    aws = FakeAws().on("create_auto_scaling_group", refused("ValidationError", "At least one Availability Zone"))
    with pytest.raises(AwsCallError, match="Availability Zone"):
        group.create(aws, GROUP, clock)
    assert clock.slept == []
    aws.on("create_auto_scaling_group", refused("ValidationError", "Invalid IamInstanceProfile: arun-demo"))
    with pytest.raises(AwsCallError, match="Invalid IamInstanceProfile"):
        group.create(aws, GROUP, clock)
    assert 100 < sum(clock.slept) < 150


@pytest.mark.parametrize("code", ["AccessDenied", "LimitExceeded", "ServiceUnavailable"])
def test_a_group_whose_switch_cannot_be_armed_starts_nothing(code: str) -> None:
    aws = FakeAws().on("put_scheduled_update_group_action", refused(code))
    with pytest.raises(CapacityError, match="dead-man's switch could not be armed") as caught:
        group.create(aws, GROUP, FakeClock())
    assert "PutScheduledUpdateGroupAction" in (caught.value.hint or "")
    assert "update_auto_scaling_group" not in aws.operations


@pytest.mark.parametrize(
    "text",
    [
        "Invalid IamInstanceProfile: p",
        "You must use a valid instance profile",
        "You must use a valid fully-formed launch template. The specified launch template does not exist.",
    ],
)
def test_what_was_made_seconds_ago_is_waited_for(text: str) -> None:
    aws, clock = FakeAws().on("create_auto_scaling_group", *[refused("ValidationError", text)] * 3, {}), FakeClock()
    group.create(aws, GROUP, clock)
    assert len(aws.sent("create_auto_scaling_group")) == 4
    assert clock.elapsed_s > 3


def test_another_validation_error_is_raised_at_once() -> None:
    aws, clock = FakeAws().on("create_auto_scaling_group", refused("ValidationError", "subnet?")), FakeClock()
    with pytest.raises(AwsCallError):
        group.create(aws, GROUP, clock)
    assert clock.slept == []


@pytest.mark.parametrize(("spot", "percentage"), [(True, 0), (False, 100)])
def test_the_market_and_every_type_are_in_the_groups_request(spot: bool, percentage: int) -> None:
    aws = FakeAws()
    group.create(aws, replace(GROUP, spot=spot, instance_types=("g4dn.xlarge", "g5.xlarge")), FakeClock())
    policy = aws.sent("create_auto_scaling_group")[0]["MixedInstancesPolicy"]
    assert policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] == percentage
    assert policy["InstancesDistribution"]["OnDemandBaseCapacity"] == 0
    assert policy["LaunchTemplate"]["Overrides"] == [{"InstanceType": "g4dn.xlarge"}, {"InstanceType": "g5.xlarge"}]


def test_a_group_is_emptied_before_it_is_deleted_and_waited_for() -> None:
    there: dict[str, Any] = {"AutoScalingGroups": [{}]}
    aws = FakeAws().on("describe_auto_scaling_groups", there, there, {"AutoScalingGroups": []})
    busy = refused("ScalingActivityInProgress")
    aws.on("update_auto_scaling_group", busy, {}).on("delete_auto_scaling_group", busy, refused("ResourceInUse"), {})
    group.delete(aws, NAME, FakeClock())
    update, delete = "update_auto_scaling_group", "delete_auto_scaling_group"
    looks = [*["describe_auto_scaling_groups"] * 3, "describe_instances"]
    assert aws.operations == [update, update, delete, delete, delete, *looks]
    assert aws.sent(delete)[-1]["ForceDelete"] is True


NO_GROUP: dict[str, Any] = {"AutoScalingGroups": []}


def test_a_group_is_absent_only_without_a_machine_of_the_run() -> None:
    aws = FakeAws().on("describe_auto_scaling_groups", NO_GROUP)
    aws.on("describe_instances", [{"Instances": [{"InstanceId": "i-1"}]}], ())
    assert not group.absent(aws, NAME)
    assert group.absent(aws, NAME)
    run, states = aws.sent("describe_instances")[0]["Filters"]
    assert run == {"Name": "tag:aws-run:run", "Values": [RUN]}
    assert states["Values"] == ["pending", "running", "stopping", "stopped"]


def test_a_group_that_is_being_deleted_already_is_only_waited_for() -> None:
    machine = {"InstanceId": "i-1", "LifecycleState": "InService"}
    there: dict[str, Any] = {"AutoScalingGroups": [{"Status": "Delete in progress", "Instances": [machine]}]}
    going = refused("ValidationError", "The AutoScaling group may not be modified while it is pending delete")
    for operation in ("update_auto_scaling_group", "delete_auto_scaling_group"):
        aws = FakeAws().on("describe_auto_scaling_groups", there, there, NO_GROUP).on(operation, going)
        group.delete(aws, NAME, FakeClock())
        assert len(aws.sent(operation)) == 1
        assert len(aws.sent("describe_auto_scaling_groups")) == 3


def test_a_group_whose_last_machine_is_shutting_down_is_over_since_nothing_bills() -> None:
    machine = {"InstanceId": "i-1", "LifecycleState": "Terminating"}
    going = {"AutoScalingGroups": [{"Status": "Delete in progress", "Instances": [machine]}]}
    aws, clock = FakeAws().on("describe_auto_scaling_groups", going), FakeClock()
    group.delete(aws, NAME, clock)
    assert clock.elapsed_s == 0
    assert group.absent(aws, NAME)


def test_a_group_that_is_deleted_with_a_machine_that_still_bills_is_waited_for_twenty_minutes() -> None:
    going = {"AutoScalingGroups": [{"Status": "Delete in progress"}]}
    aws, clock = FakeAws().on("describe_auto_scaling_groups", going), FakeClock()
    aws.on("describe_instances", [{"Instances": [{"InstanceId": "i-1"}]}])
    with pytest.raises(AwsCallError, match="still being deleted"):
        group.delete(aws, NAME, clock)
    assert 1200 <= clock.elapsed_s < 1210


@pytest.mark.parametrize("update", [{}, refused("AccessDenied")])
def test_the_bill_ends_at_once_and_not_when_auto_scaling_gets_to_it(update: Any) -> None:
    aws = FakeAws().on("update_auto_scaling_group", update)
    aws.on("describe_instances", [{"Instances": [{"InstanceId": "i-1"}]}])
    with contextlib.suppress(AwsCallError):
        group.end_bill(aws, NAME, FakeClock())
    assert aws.operations == ["update_auto_scaling_group", "describe_instances", "terminate_instances"]


def test_a_machine_that_outlives_its_group_is_ended() -> None:
    aws = FakeAws().on("describe_auto_scaling_groups", NO_GROUP)
    aws.on("describe_instances", [{"Instances": [{"InstanceId": "i-1"}]}], ())
    group.delete(aws, NAME, FakeClock())
    assert aws.sent("terminate_instances") == [{"InstanceIds": ["i-1"]}]


def test_a_group_that_never_goes_is_reported() -> None:
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": [{}]})
    with pytest.raises(AwsCallError, match="still being deleted"):
        group.delete(aws, NAME, FakeClock())


def test_exactly_one_machine_is_asked_for_and_none_replaces_it() -> None:
    aws = FakeAws()
    group.scale_to_one(aws, NAME, FakeClock())
    group.suspend_launches(aws, NAME)
    raised = aws.sent("update_auto_scaling_group")[0]
    assert (raised["MinSize"], raised["MaxSize"], raised["DesiredCapacity"]) == (1, 1, 1)
    assert aws.sent("suspend_processes")[0]["ScalingProcesses"] == ["Launch", "ReplaceUnhealthy", "AZRebalance"]


def test_a_group_that_is_gone_has_no_activities() -> None:
    gone = FakeAws().on("describe_scaling_activities", refused("ValidationError", "Group name not found"))
    assert group.activities(gone, NAME) == []
    with pytest.raises(AwsCallError):
        group.activities(FakeAws().on("describe_scaling_activities", refused("AccessDenied")), NAME)
