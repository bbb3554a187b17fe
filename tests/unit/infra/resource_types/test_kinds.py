"""One kind at a time: a create adopts what is there, a delete accepts what is gone, a refusal is neither."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import FakeAws, FakeClock, refused
from tests.unit.infra.resource_samples import (
    BUCKET_,
    EXECUTION,
    GROUP,
    INSTANCE,
    LOGS,
    NAME,
    PROVIDER,
    REPOSITORY,
    SCHEDULE,
    TEMPLATE,
    made,
    with_something_in_it,
)

from aws_run.errors import AwsCallError
from aws_run.infra import apply
from aws_run.infra.resources import Ref, Resource

ALREADY_THERE: list[tuple[Resource, str, AwsCallError]] = [
    (BUCKET_, "create_bucket", refused("BucketAlreadyOwnedByYou")),
    (REPOSITORY, "create_repository", refused("RepositoryAlreadyExistsException")),
    (LOGS, "create_log_group", refused("ResourceAlreadyExistsException")),
    (EXECUTION, "create_role", refused("EntityAlreadyExists")),
    (INSTANCE, "create_role", refused("EntityAlreadyExists")),
    (INSTANCE, "create_instance_profile", refused("EntityAlreadyExists")),
    (INSTANCE, "add_role_to_instance_profile", refused("LimitExceeded")),
    (TEMPLATE, "create_launch_template", refused("InvalidLaunchTemplateName.AlreadyExistsException")),
    (GROUP, "create_auto_scaling_group", refused("AlreadyExists")),
    (SCHEDULE, "create_schedule", refused("ConflictException")),
    (PROVIDER, "create_capacity_provider", refused("ClientException", "The specified capacity provider already exists.")),
]  # fmt: skip
IDS = [f"{resource.kind}:{operation}" for resource, operation, _ in ALREADY_THERE]


@pytest.mark.parametrize(("resource", "operation", "error"), ALREADY_THERE, ids=IDS)
def test_what_is_there_already_is_adopted_and_brought_to_what_is_wanted(
    resource: Resource, operation: str, error: AwsCallError
) -> None:
    fresh, again = made(FakeAws()), made(FakeAws()).on(operation, error)
    again.on("describe_repositories", {"repositories": [{"repositoryUri": "uri"}]})
    again.on("update_schedule", {"ScheduleArn": "arn"})
    assert apply.create(fresh, resource, FakeClock())
    assert apply.create(again, resource, FakeClock())
    # What comes after the create (arming, attaching, policies, lifecycle) comes all the same.
    after = set(fresh.operations) - {"create_role", "create_instance_profile"}
    assert after <= set(again.operations)


@pytest.mark.parametrize(("resource", "operation", "error"), ALREADY_THERE, ids=IDS)
def test_a_refused_create_is_raised(resource: Resource, operation: str, error: AwsCallError) -> None:
    aws = made(FakeAws()).on(operation, refused("AccessDenied"))
    with pytest.raises(AwsCallError, match="AccessDenied"):
        apply.create(aws, resource, FakeClock())


GONE: list[tuple[str, str, str, str]] = [
    ("bucket", "list_object_versions", "NoSuchBucket", "no"),
    ("bucket", "delete_bucket", "NoSuchBucket", "no"),
    ("repository", "delete_repository", "RepositoryNotFoundException", "no"),
    ("log-group", "delete_log_group", "ResourceNotFoundException", "no"),
    ("role", "remove_role_from_instance_profile", "NoSuchEntity", "no"),
    ("role", "delete_instance_profile", "NoSuchEntity", "no"),
    ("role", "list_attached_role_policies", "NoSuchEntity", "no"),
    ("role", "delete_role", "NoSuchEntity", "no"),
    ("launch-template", "delete_launch_template", "InvalidLaunchTemplateName.NotFoundException", "no"),
    ("launch-template", "delete_launch_template", "InvalidLaunchTemplateId.NotFound", "no"),
    ("group", "update_auto_scaling_group", "ValidationError", "AutoScalingGroup name not found - null"),
    ("group", "delete_auto_scaling_group", "ValidationError", "AutoScalingGroup name not found - no such group"),
    ("capacity-provider", "put_cluster_capacity_providers", "ClusterNotFoundException", "no"),
    ("capacity-provider", "put_cluster_capacity_providers", "InvalidParameterException", "The specified cluster is inactive."),
    ("capacity-provider", "put_cluster_capacity_providers", "ClientException", "The specified cluster is inactive."),
    ("cluster", "list_tasks", "InvalidParameterException", "The specified cluster is inactive."),
    ("cluster", "list_container_instances", "ClientException", "The specified cluster is inactive."),
    ("cluster", "delete_cluster", "ClientException", "The specified cluster is inactive."),
    ("capacity-provider", "delete_capacity_provider", "ClientException", "The specified capacity provider does not exist"),
    ("cluster", "list_tasks", "ClusterNotFoundException", "no"),
    ("cluster", "list_container_instances", "ClusterNotFoundException", "no"),
    ("cluster", "delete_cluster", "ClusterNotFoundException", "no"),
    ("task-definition", "deregister_task_definition", "ClientException", "The specified task definition is inactive."),
    ("schedule", "delete_schedule", "ResourceNotFoundException", "no"),
]  # fmt: skip


def _name(operation: str) -> str:
    """Only an instance role has a profile, and it is told by its name."""
    return f"{NAME}-instance" if "instance_profile" in operation else NAME


GONE_IDS = [f"{kind}:{operation}:{code}" for kind, operation, code, _ in GONE]


@pytest.mark.parametrize(("kind", "operation", "code", "text"), GONE, ids=GONE_IDS)
def test_a_delete_of_what_is_gone_is_done(kind: Any, operation: str, code: str, text: str) -> None:
    aws = with_something_in_it().on(operation, refused(code, text))
    apply.delete(aws, Ref(kind=kind, name=_name(operation), scope="run"), FakeClock())
    assert operation in aws.operations


@pytest.mark.parametrize(("kind", "operation", "code", "text"), GONE, ids=GONE_IDS)
def test_a_refused_delete_is_raised_and_not_taken_for_gone(kind: Any, operation: str, code: str, text: str) -> None:
    aws = with_something_in_it().on(operation, refused("AccessDeniedException", "not found? not allowed"))
    with pytest.raises(AwsCallError, match="AccessDenied"):
        apply.delete(aws, Ref(kind=kind, name=_name(operation), scope="run"), FakeClock())


# Deleted with force, and one of its machines has not been told to end yet.
GOING_WITH_A_MACHINE = {"Status": "Delete in progress", "Instances": [{"LifecycleState": "Pending"}]}
ABSENT: list[tuple[str, str, Any, bool]] = [
    ("bucket", "head_bucket", refused("404"), True),
    ("bucket", "head_bucket", {}, False),
    ("repository", "describe_repositories", refused("RepositoryNotFoundException"), True),
    ("repository", "describe_repositories", {"repositories": [{}]}, False),
    ("log-group", "describe_log_groups", {"logGroups": [{"logGroupName": f"{NAME}-2"}]}, True),
    ("log-group", "describe_log_groups", {"logGroups": [{"logGroupName": NAME}]}, False),
    ("role", "get_role", refused("NoSuchEntity"), True),
    ("role", "get_role", {"Role": {}}, False),
    ("launch-template", "describe_launch_templates", refused("InvalidLaunchTemplateName.NotFoundException"), True),
    ("launch-template", "describe_launch_templates", {"LaunchTemplates": []}, True),
    ("launch-template", "describe_launch_templates", {"LaunchTemplates": [{}]}, False),
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": []}, True),
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": [{"Status": "Delete in progress"}]}, True),
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": [{}]}, False),
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": [GOING_WITH_A_MACHINE]}, False),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": []}, True),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": [{"status": "INACTIVE"}]}, True),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": [{"status": "ACTIVE"}]}, False),
    ("cluster", "describe_clusters", {"clusters": []}, True),
    ("cluster", "describe_clusters", {"clusters": [{"status": "INACTIVE"}]}, True),
    ("cluster", "describe_clusters", {"clusters": [{"status": "ACTIVE"}]}, False),
    ("cluster", "describe_clusters", {"clusters": [{"status": "DEPROVISIONING"}]}, True),
    ("schedule", "get_schedule", refused("ResourceNotFoundException"), True),
    ("schedule", "get_schedule", {}, False),
    ("task-definition", "list_task_definitions", [f"x/{NAME}-longer:1"], True),
    ("task-definition", "list_task_definitions", [f"x/{NAME}:1"], False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "operation", "answer", "absent"), ABSENT)
def test_absence_is_what_the_clouds_own_listing_shows(kind: Any, operation: str, answer: Any, absent: bool) -> None:
    assert apply.absent(FakeAws().on(operation, answer), Ref(kind=kind, name=NAME, scope="run")) is absent


@pytest.mark.parametrize(("kind", "operation"), sorted({(kind, operation) for kind, operation, *_ in ABSENT}))
def test_a_refused_listing_shows_nothing(kind: Any, operation: str) -> None:
    aws = FakeAws().on(operation, refused("403"))
    with pytest.raises(AwsCallError):
        apply.absent(aws, Ref(kind=kind, name=NAME, scope="run"))
