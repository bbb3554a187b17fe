"""LaunchInstances: the embedded AWS's answers, and a run in one subnet that is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.crash.story import Begin, stories
from tests.local.support import Client, admin, group, subnet, template

from aws_run.local.options import LocalAws


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one


def launch(client: Client, token: str = "first", **more: Any) -> dict[str, Any]:
    given = {"AutoScalingGroupName": "arun-a", "RequestedCapacity": 1, "ClientToken": token, **more}
    return dict(client("autoscaling").launch_instances(**given))


def desired(client: Client) -> tuple[int, int]:
    """What the group wants, and what it has."""
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["arun-a"])["AutoScalingGroups"][0]
    return found["DesiredCapacity"], len(found["Instances"])


@pytest.fixture
def made(client: Client) -> Client:
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a")
    group(client, "arun-a")
    return client


def test_the_answer_has_the_machine_and_the_same_token_is_the_same_launch(made: Client) -> None:
    first = launch(made, SubnetIds=[subnet(made)])
    (one,) = first["Instances"]
    assert (one["MarketType"], one["SubnetId"], first["Errors"]) == ("OnDemand", subnet(made), [])
    assert desired(made) == (1, 1)
    again = launch(made, SubnetIds=[subnet(made)])
    assert again["Instances"] == first["Instances"]
    assert desired(made) == (1, 1)
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        launch(made, RequestedCapacity=2)
    assert launch(made, "second")["Instances"][0]["InstanceIds"] != one["InstanceIds"]
    assert desired(made) == (2, 2)


@pytest.mark.parametrize(("strategy", "then"), [("none", 0), ("retry-with-group-configuration", 1)])
def test_the_answer_says_why_there_is_none_and_the_group_tries_again_if_told_so(
    made: Client, local_aws: LocalAws, strategy: str, then: int
) -> None:
    admin(local_aws, "no-capacity", {"rules": ["*"]})
    answer = launch(made, RetryStrategy=strategy)
    (error,) = answer["Errors"]
    assert answer["Instances"] == []
    assert error["ErrorCode"] == "InsufficientInstanceCapacity"
    assert "do not have sufficient" in error["ErrorMessage"]
    assert desired(made) == (then, 0)


def test_what_it_does_not_do_is_refused(made: Client) -> None:
    zones = [one["SubnetId"] for one in made("ec2").describe_subnets()["Subnets"]][:2]
    specification = {"LaunchTemplateSpecification": {"LaunchTemplateName": "arun-a"}}
    made("autoscaling").update_auto_scaling_group(AutoScalingGroupName="arun-a", VPCZoneIdentifier=",".join(zones))
    with pytest.raises(ClientError, match="multiple Availability Zones"):
        launch(made)
    with pytest.raises(ClientError, match="not one of"):
        launch(made, SubnetIds=["subnet-0"])
    with pytest.raises(ClientError, match="maximum size"):
        launch(made, RequestedCapacity=5, SubnetIds=zones[:1])
    made("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="arun-a",
        MixedInstancesPolicy={
            "LaunchTemplate": specification,
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50},
        },
    )
    with pytest.raises(ClientError, match="fully On-Demand or fully Spot"):
        launch(made, SubnetIds=zones[:1])


def one_subnet(story: Any) -> tuple[str, ...]:
    return (str(story.context.aws.call("ec2", "describe_subnets")["Subnets"][0]["SubnetId"]),)


def test_a_run_in_one_subnet_reads_no_activities_while_its_machine_boots(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="ec2", subnets=one_subnet(story)).exit_code == 0
    assert "autoscaling:LaunchInstances" in story.operations()
    assert "autoscaling:DescribeScalingActivities" not in story.operations()
    assert story.account.left() == {}


def test_a_run_in_one_subnet_is_told_at_once_and_takes_the_next(begin: Begin) -> None:
    story = begin(no_capacity=("spot:*",))
    done = story.submit(backend="ec2", spot_policy="auto", subnets=one_subnet(story))
    assert done.exit_code == 0
    tried = story.record().tried
    assert len(tried) > 1, tried
    assert all(line.endswith("no capacity (UnfulfillableCapacity)") for line in tried), tried
    assert all(" spot in us-east-1" in line for line in tried), tried
    assert story.account.left() == {}
