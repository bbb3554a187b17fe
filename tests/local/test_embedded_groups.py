"""Groups, instances and scheduled actions of the embedded AWS, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.local.support import Client, admin, group, role, stack, template
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws
from aws_run.local.sim.billing import bill
from aws_run.local.testing.inventory import left


def instances(client: Client, name: str = "arun-a") -> list[dict[str, Any]]:
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    rows = found[0]["Instances"] if found else []
    return [row for row in rows if row["LifecycleState"] != "Terminating"]


def in_service(client: Client, count: int) -> list[dict[str, Any]]:
    return until(  # type: ignore[no-any-return]
        lambda: len(rows := [i for i in instances(client) if i["LifecycleState"] == "InService"]) == count and rows
    )


def activities(client: Client, name: str = "arun-a") -> list[dict[str, Any]]:
    return list(client("autoscaling").describe_scaling_activities(AutoScalingGroupName=name)["Activities"])


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_group_launches_what_it_desires_and_says_so(client: Client) -> None:
    stack(client)
    assert activities(client) == []
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=1)
    assert instances(client)[0]["LifecycleState"] == "Pending"
    row = in_service(client, 1)[0]
    assert [a["StatusCode"] for a in activities(client)] == ["Successful"]
    assert row["InstanceId"] in activities(client)[0]["Description"]
    arn = until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])[0]
    found = client("ecs").describe_container_instances(cluster="arun-a", containerInstances=[arn])
    resources = {r["name"]: r.get("integerValue") for r in found["containerInstances"][0]["registeredResources"]}
    assert resources["CPU"] == 2048
    assert 7000 < resources["MEMORY"] < 8192


def test_an_instance_that_dies_is_replaced_unless_launch_is_suspended(client: Client) -> None:
    stack(client, size=1)
    first = in_service(client, 1)[0]["InstanceId"]
    client("ec2").terminate_instances(InstanceIds=[first])
    second = until(lambda: (rows := instances(client)) and rows[0]["InstanceId"] != first and rows[0])["InstanceId"]
    in_service(client, 1)
    client("autoscaling").suspend_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["Launch"])
    client("ec2").terminate_instances(InstanceIds=[second])
    assert instances(client) == []
    client("autoscaling").resume_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["Launch"])
    assert len(in_service(client, 1)) == 1


def test_an_unhealthy_instance_that_is_not_replaced_keeps_its_place_until_it_is_taken_out_by_name(
    client: Client, embedded: Embedded
) -> None:
    stack(client, size=1)
    first = in_service(client, 1)[0]["InstanceId"]
    scaling = client("autoscaling")
    scaling.suspend_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["Launch", "ReplaceUnhealthy"])
    client("ec2").terminate_instances(InstanceIds=[first])
    scaling.resume_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["Launch"])
    embedded.world.clock.advance(3600)
    assert [(i["InstanceId"], i["HealthStatus"]) for i in instances(client)] == [(first, "Unhealthy")]
    out = {"InstanceId": first, "ShouldDecrementDesiredCapacity": False}
    assert first in scaling.terminate_instance_in_auto_scaling_group(**out)["Activity"]["Description"]
    second = until(lambda: (rows := instances(client)) and rows[0]["InstanceId"])
    assert second != first
    with pytest.raises(ClientError) as refused:
        scaling.terminate_instance_in_auto_scaling_group(**out)
    assert refusal(refused) == "ValidationError"
    # A healthy one that is taken out leaves the same place.
    in_service(client, 1)
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=False)
    assert until(lambda: (rows := instances(client)) and rows[0]["InstanceId"]) not in (first, second)


def test_an_unhealthy_instance_is_replaced_when_that_is_resumed(client: Client) -> None:
    stack(client, size=1)
    first = in_service(client, 1)[0]["InstanceId"]
    scaling = client("autoscaling")
    scaling.suspend_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["ReplaceUnhealthy"])
    client("ec2").terminate_instances(InstanceIds=[first])
    assert [i["InstanceId"] for i in instances(client)] == [first]
    scaling.resume_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["ReplaceUnhealthy"])
    assert in_service(client, 1)[0]["InstanceId"] != first


def test_a_scheduled_action_empties_the_group_when_its_time_comes(client: Client, embedded: Embedded) -> None:
    stack(client, size=1)
    in_service(client, 1)
    when = embedded.world.clock.now().replace(microsecond=0) + timedelta(hours=2)
    switch = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
    client("autoscaling").put_scheduled_update_group_action(
        AutoScalingGroupName="arun-a", ScheduledActionName="dead-man", StartTime=when, **switch
    )
    # Armed again: only the later time counts.
    client("autoscaling").put_scheduled_update_group_action(
        AutoScalingGroupName="arun-a", ScheduledActionName="dead-man", StartTime=when + timedelta(hours=1), **switch
    )
    embedded.world.clock.advance(2.5 * 3600)
    assert len(instances(client)) == 1
    embedded.world.clock.advance(3600)
    assert instances(client) == []
    line = next(line for line in bill(embedded.world) if line.kind == "instance")
    assert not line.open
    assert line.seconds == pytest.approx(3 * 3600, abs=5)
    assert line.usd == pytest.approx(3 * 0.096, rel=0.01)
    assert "instance" not in left(embedded.world)


def test_spot_instances_are_marked_and_reclaimed_after_their_notice(client: Client, local_aws: LocalAws) -> None:
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a")
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "arun-a", "Version": "$Latest"},
            "Overrides": [{"InstanceType": "c5.large"}, {"InstanceType": "m5.large"}],
        },
        "InstancesDistribution": {"OnDemandBaseCapacity": 0, "OnDemandPercentageAboveBaseCapacity": 0},
    }
    group(client, "arun-a", 1, MixedInstancesPolicy=policy)
    identity = in_service(client, 1)[0]["InstanceId"]
    found = client("ec2").describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]
    assert (found["InstanceLifecycle"], found["InstanceType"]) == ("spot", "c5.large")
    assert admin(local_aws, "spot-interrupt", {"after_s": 120}) == {"interrupted": [identity]}
    admin(local_aws, "clock", {"advance_s": 119})
    assert [i["InstanceId"] for i in instances(client)] == [identity]
    admin(local_aws, "clock", {"advance_s": 2})
    state = client("ec2").describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]["State"]
    assert state["Name"] in ("shutting-down", "terminated")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("*", "InsufficientInstanceCapacity"),
        ("m5.large=VcpuLimitExceeded", "requested more vCPU capacity than your current vCPU limit"),
        ("on-demand:*=Unsupported", "not supported in your requested Availability Zone"),
    ],
)
def test_a_launch_that_is_refused_is_a_failed_activity(
    client: Client, embedded: Embedded, rule: str, words: str
) -> None:
    from aws_run.local.testing.launch_failures import Shortages

    stack(client)
    embedded.world.shortages = Shortages((rule,))
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=1)
    failed = activities(client)[0]
    assert failed["StatusCode"] == "Failed"
    assert words in failed["StatusMessage"]
    assert instances(client) == []
    # What is no longer refused is launched when the group tries again.
    embedded.world.shortages = Shortages()
    embedded.world.clock.advance(60)
    assert len(in_service(client, 1)) == 1


def test_a_quota_of_zero_stops_launches(client: Client, embedded: Embedded) -> None:
    stack(client)
    embedded.world.quotas["L-1216C47A"] = 1
    quota = client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert quota["Value"] == 1.0
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=1)
    assert "vCPU limit" in activities(client)[0]["StatusMessage"]


@pytest.mark.parametrize(("made_s_ago", "stays_s"), [(0, 1200), (7200, 600)])
def test_the_user_datas_guard_ends_the_machine_when_no_task_comes(
    client: Client, embedded: Embedded, made_s_ago: int, stays_s: int
) -> None:
    import base64

    made = int(embedded.world.clock.now().timestamp()) - made_s_ago
    text = (
        "#!/bin/bash\nECS_CLUSTER=arun-a\nNEVER_CAME_S=1200\nOVER_S=30\nDEADLINE_EPOCH=99999999999\n"
        f"MADE_EPOCH={made}\nLATE_S=3600\nLATE_NEVER_CAME_S=600\nAFTER_DEADLINE_S=600\nUP_AT_MOST_S=0\naws-run-guard\n"
    )
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a", UserData=base64.b64encode(text.encode()).decode())
    group(client, "arun-a", 1)
    in_service(client, 1)
    client("autoscaling").suspend_processes(AutoScalingGroupName="arun-a", ScalingProcesses=["Launch"])
    embedded.world.clock.advance(stays_s - 10)
    assert len(instances(client)) == 1
    embedded.world.clock.advance(20)
    assert instances(client) == []


def test_deleting_a_group_ends_its_instances(client: Client, embedded: Embedded) -> None:
    stack(client, size=1)
    in_service(client, 1)
    with pytest.raises(ClientError) as refused:
        client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="arun-a")
    assert refusal(refused) == "ResourceInUse"
    client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="arun-a", ForceDelete=True)
    assert all(not line.open for line in bill(embedded.world))
    until(lambda: "group" not in left(embedded.world))
    with pytest.raises(ClientError) as refused:
        client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="arun-a", ForceDelete=True)
    assert refusal(refused) == "ValidationError"


@pytest.mark.parametrize("size", [0, 1])
def test_a_group_that_is_being_deleted_cannot_be_changed(client: Client, embedded: Embedded, size: int) -> None:
    stack(client, size=size)
    if size:
        in_service(client, size)
    embedded.world.options = replace(embedded.world.options, settle_s=3600.0)
    scaling, name = client("autoscaling"), {"AutoScalingGroupName": "arun-a"}
    scaling.delete_auto_scaling_group(**name, ForceDelete=True)
    found = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["arun-a"])["AutoScalingGroups"]
    assert [row["Status"] for row in found] == ["Delete in progress"]
    assert [row["LifecycleState"] for row in found[0]["Instances"]] == ["Terminating"] * size
    when = embedded.world.clock.now().replace(microsecond=0) + timedelta(hours=2)
    changes: list[Callable[[], object]] = [
        lambda: scaling.update_auto_scaling_group(**name, MinSize=0),
        lambda: scaling.set_desired_capacity(**name, DesiredCapacity=1),
        lambda: scaling.suspend_processes(**name),
        lambda: scaling.resume_processes(**name),
        lambda: scaling.put_scheduled_update_group_action(**name, ScheduledActionName="a", StartTime=when, MinSize=0),
    ]
    for change in changes:
        with pytest.raises(ClientError, match="pending delete") as refused:
            change()
        assert refusal(refused) == "ValidationError"
    embedded.world.clock.advance(2 * 3601)
    assert "group" not in left(embedded.world)


def test_a_group_of_a_name_that_is_taken_is_refused(client: Client) -> None:
    stack(client)
    with pytest.raises(ClientError) as refused:
        group(client, "arun-a")
    assert refusal(refused) == "AlreadyExists"


def test_a_one_shot_schedule_fires_on_the_worlds_clock(client: Client, embedded: Embedded) -> None:
    stack(client, size=1)
    in_service(client, 1)
    when = embedded.world.clock.now() + timedelta(hours=1)
    client("scheduler").create_schedule(
        Name="arun-stop",
        ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:autoscaling:deleteAutoScalingGroup",
            "RoleArn": role(client, "arun-scheduler", service="scheduler.amazonaws.com"),
            "Input": '{"AutoScalingGroupName": "arun-a", "ForceDelete": true}',
        },
    )
    embedded.world.clock.advance(3590)
    assert len(instances(client)) == 1
    embedded.world.clock.advance(20)
    assert all(not line.open for line in bill(embedded.world))
    assert client("scheduler").list_schedules()["Schedules"] == []
