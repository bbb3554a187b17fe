"""Cluster and capacity provider: what is busy is waited for, what stays is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import FakeAws, FakeClock, refused
from tests.unit.infra.resource_samples import CLUSTER, MADE, NAME, PROVIDER, made, with_something_in_it

from aws_run.errors import AwsCallError
from aws_run.infra.resource_types import capacity_provider, cluster


@pytest.mark.parametrize(
    "busy",
    [
        refused("ResourceInUseException"),
        refused("UpdateInProgressException"),
        refused("InvalidParameterException", "Cluster was not ACTIVE"),
        refused("ClientException", "The cluster is not in an ACTIVE state"),
    ],
)
def test_a_busy_cluster_takes_its_provider_later(busy: AwsCallError) -> None:
    aws = made(FakeAws()).on("put_cluster_capacity_providers", busy, busy, {})
    capacity_provider.create(aws, PROVIDER, FakeClock())
    sent = aws.sent("put_cluster_capacity_providers")
    assert len(sent) == 3
    assert sent[-1] == {
        "cluster": NAME,
        "capacityProviders": [NAME],
        "defaultCapacityProviderStrategy": [{"capacityProvider": NAME, "weight": 1}],
    }


def test_a_provider_neither_drains_nor_protects_since_both_hold_up_a_teardown() -> None:
    aws = made(FakeAws())
    capacity_provider.create(aws, PROVIDER, FakeClock())
    asked = aws.sent("create_capacity_provider")[0]["autoScalingGroupProvider"]
    assert (asked["managedTerminationProtection"], asked["managedDraining"]) == ("DISABLED", "DISABLED")
    assert asked["managedScaling"]["status"] == "ENABLED"


def test_a_provider_is_taken_off_its_cluster_then_deleted_while_it_is_in_use() -> None:
    in_use = refused("ResourceInUseException")
    aws = FakeAws().on("delete_capacity_provider", in_use, in_use, {})
    capacity_provider.delete(aws, NAME, FakeClock())
    assert aws.operations[:4] == ["put_cluster_capacity_providers", *["delete_capacity_provider"] * 3]
    assert aws.sent("put_cluster_capacity_providers")[0]["capacityProviders"] == []


def test_a_delete_that_failed_behind_our_back_is_asked_for_again() -> None:
    failed = {"capacityProviders": [{"status": "ACTIVE", "updateStatus": "DELETE_FAILED"}]}
    aws = FakeAws().on("describe_capacity_providers", failed, failed, {"capacityProviders": [{"status": "INACTIVE"}]})
    capacity_provider.delete(aws, NAME, FakeClock())
    assert len(aws.sent("delete_capacity_provider")) == 2


def test_a_provider_that_never_goes_is_reported() -> None:
    aws = FakeAws().on("describe_capacity_providers", {"capacityProviders": [{"status": "ACTIVE"}]})
    with pytest.raises(AwsCallError, match="still being deleted"):
        capacity_provider.delete(aws, NAME, FakeClock())


@pytest.mark.parametrize(
    "code",
    [
        "ClusterContainsContainerInstancesException",
        "ClusterContainsServicesException",
        "ClusterContainsTasksException",
        "ClusterContainsCapacityProviderException",
        "UpdateInProgressException",
        "ResourceInUseException",
    ],
)
def test_a_cluster_that_still_holds_something_is_deleted_a_little_later(code: str) -> None:
    aws = with_something_in_it().on("delete_cluster", refused(code), refused(code), {})
    cluster.delete(aws, NAME, FakeClock())
    assert len(aws.sent("delete_cluster")) == 3
    order = ["list_tasks", "stop_task", "list_container_instances", "deregister_container_instance", "delete_cluster"]
    assert list(dict.fromkeys(aws.operations)) == order
    assert aws.sent("deregister_container_instance")[0]["force"] is True


def test_a_task_that_was_not_listed_at_first_is_stopped_when_the_cluster_turns_out_to_hold_one() -> None:
    aws = FakeAws().on("list_tasks", [], ["task/late"], [])
    aws.on("delete_cluster", refused("ClusterContainsTasksException"), {})
    cluster.delete(aws, NAME, FakeClock())
    assert [sent["task"] for sent in aws.sent("stop_task")] == ["task/late"]


def test_a_task_that_cannot_be_stopped_keeps_no_other_running() -> None:
    aws = FakeAws().on("list_tasks", ["task/1", "task/2"]).on("stop_task", refused("AccessDeniedException"), {})
    with pytest.raises(AwsCallError, match="AccessDenied"):
        cluster.delete(aws, NAME, FakeClock())
    assert [sent["task"] for sent in aws.sent("stop_task")] == ["task/1", "task/2"]


def test_a_cluster_that_is_deprovisioning_is_polled_and_after_five_minutes_left_to_aws() -> None:
    going = {"cluster": {"status": "DEPROVISIONING"}}
    shown = {"clusters": [{"status": "DEPROVISIONING"}]}
    aws, clock = FakeAws().on("delete_cluster", going), FakeClock()
    aws.on("describe_clusters", shown, shown, {"clusters": [{"status": "INACTIVE"}]})
    cluster.delete(aws, NAME, clock)
    assert len(aws.sent("describe_clusters")) == 3
    aws.on("describe_clusters", shown)
    cluster.delete(aws, NAME, clock)
    assert cluster.absent(aws, NAME)
    assert 300 <= clock.elapsed_s < 320


def test_a_cluster_without_providers_costs_no_further_call() -> None:
    aws = FakeAws().on("delete_cluster", {"cluster": {"status": "INACTIVE"}})
    cluster.delete(aws, NAME, FakeClock())
    assert "describe_clusters" not in aws.operations


def test_a_provider_that_turned_inactive_by_itself_is_gone_whatever_ecs_says_to_its_delete() -> None:
    aws = FakeAws().on("delete_capacity_provider", refused("ClientException", "a sentence that nobody knows"))
    aws.on("describe_capacity_providers", {"capacityProviders": [{"status": "INACTIVE"}]})
    capacity_provider.delete(aws, NAME, FakeClock())
    aws.on("describe_capacity_providers", {"capacityProviders": [{"status": "ACTIVE"}]})
    with pytest.raises(AwsCallError, match="nobody knows"):
        capacity_provider.delete(aws, NAME, FakeClock())


def test_a_task_that_does_not_stop_within_its_grace_loses_its_instance() -> None:
    aws = with_something_in_it()

    def in_use_until_the_instance_is_off(**_: object) -> dict[str, object]:
        if "deregister_container_instance" not in aws.operations:
            raise refused("ResourceInUseException")
        return {}

    aws.on("put_cluster_capacity_providers", in_use_until_the_instance_is_off)
    aws.on("describe_capacity_providers", {"capacityProviders": []})
    clock = FakeClock()
    capacity_provider.delete(aws, NAME, clock)
    first = aws.operations.index("deregister_container_instance")
    assert aws.operations[:first].count("stop_task") > 5
    assert aws.sent("deregister_container_instance")[0]["force"] is True


def test_the_accounts_first_cluster_waits_for_ecs_own_role() -> None:
    linked = refused("InvalidParameterException", "Unable to assume the service linked role.")
    aws = FakeAws().on("create_cluster", linked, {"cluster": {"clusterArn": "arn"}})
    assert cluster.create(aws, CLUSTER, FakeClock()) == "arn"


def test_the_accounts_first_provider_waits_for_ecs_own_role() -> None:
    linked = refused("ClientException", "Unable to assume the service-linked role.")
    aws = made(FakeAws()).on("create_capacity_provider", linked, MADE["create_capacity_provider"])
    assert capacity_provider.create(aws, PROVIDER, FakeClock()) == "arn"


def test_a_cluster_with_providers_is_waited_for_until_it_is_active() -> None:
    wanted = replace(CLUSTER, providers=("FARGATE",))
    aws = FakeAws().on("create_cluster", {"cluster": {"clusterArn": "arn", "status": "PROVISIONING"}})
    aws.on("describe_clusters", {"clusters": [{"status": "PROVISIONING"}]}, {"clusters": [{"status": "ACTIVE"}]})
    assert cluster.create(aws, wanted, FakeClock()) == "arn"
    assert len(aws.sent("describe_clusters")) == 2
    at_once = FakeAws().on("create_cluster", {"cluster": {"clusterArn": "arn", "status": "ACTIVE"}})
    cluster.create(at_once, wanted, FakeClock())
    assert at_once.operations == ["create_cluster"]


@pytest.mark.parametrize("status", ["FAILED", "PROVISIONING"])
def test_a_cluster_that_never_becomes_active_is_reported(status: str) -> None:
    aws = FakeAws().on("create_cluster", {"cluster": {"clusterArn": "arn", "status": status}})
    aws.on("describe_clusters", {"clusters": [{"status": status}]})
    with pytest.raises(AwsCallError, match=f"did not become active \\(it is {status}"):
        cluster.create(aws, replace(CLUSTER, providers=("FARGATE",)), FakeClock())
