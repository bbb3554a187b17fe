"""One kind at a time: a create adopts what is there, a delete accepts what is gone, a refusal is neither."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.support import ACCOUNT, BUCKET, RUN, FakeAws, FakeClock, refused
from tests.unit.core.test_plan import EVERY, MADE, made

from aws_run.errors import AwsCallError, CapacityError, PreflightError, UsageError
from aws_run.infra import apply
from aws_run.infra.kinds import bucket, capacity_provider, cluster, group, launch_template, log_group, repository, role
from aws_run.infra.kinds import task_definition as definitions
from aws_run.infra.resources import (
    Bucket,
    CapacityProvider,
    Cluster,
    Group,
    LaunchTemplate,
    LogGroup,
    Ref,
    Repository,
    Resource,
    Role,
    ref,
)

NAME = f"arun-{RUN}"


def one(kind: type) -> Any:
    return next(resource for resource in EVERY if isinstance(resource, kind))


BUCKET_, REPOSITORY, LOGS, CLUSTER, TEMPLATE, GROUP, PROVIDER = (
    one(kind) for kind in (Bucket, Repository, LogGroup, Cluster, LaunchTemplate, Group, CapacityProvider)
)
EXECUTION, INSTANCE = (resource for resource in EVERY if isinstance(resource, Role))

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
    (PROVIDER, "create_capacity_provider", refused("ClientException", "The specified capacity provider already exists.")),
]  # fmt: skip
IDS = [f"{resource.kind}:{operation}" for resource, operation, _ in ALREADY_THERE]


@pytest.mark.parametrize(("resource", "operation", "error"), ALREADY_THERE, ids=IDS)
def test_what_is_there_already_is_adopted_and_brought_to_what_is_wanted(
    resource: Resource, operation: str, error: AwsCallError
) -> None:
    fresh, again = made(FakeAws()), made(FakeAws()).on(operation, error)
    again.on("describe_repositories", {"repositories": [{"repositoryUri": "uri"}]})
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
]  # fmt: skip
GONE_IDS = [f"{kind}:{operation}:{code}" for kind, operation, code, _ in GONE]


def with_something_in_it() -> FakeAws:
    """An AWS in which every list of a resource's parts has one entry."""
    aws = FakeAws().on("describe_auto_scaling_groups", {"AutoScalingGroups": []})
    aws.on("list_object_versions", {"Versions": [{"Key": "k", "VersionId": "v"}]}, {})
    aws.on("list_tasks", ["task"]).on("list_container_instances", ["instance"])
    aws.on("list_attached_role_policies", [{"PolicyArn": "arn"}]).on("list_role_policies", ["aws-run"])
    return aws.on("list_task_definitions", [f"arn:aws:ecs:r:1:task-definition/{NAME}:1"])


@pytest.mark.parametrize(("kind", "operation", "code", "text"), GONE, ids=GONE_IDS)
def test_a_delete_of_what_is_gone_is_done(kind: Any, operation: str, code: str, text: str) -> None:
    aws = with_something_in_it().on(operation, refused(code, text))
    apply.delete(aws, Ref(kind=kind, name=NAME, scope="run"), FakeClock())
    assert operation in aws.operations


@pytest.mark.parametrize(("kind", "operation", "code", "text"), GONE, ids=GONE_IDS)
def test_a_refused_delete_is_raised_and_not_taken_for_gone(kind: Any, operation: str, code: str, text: str) -> None:
    aws = with_something_in_it().on(operation, refused("AccessDeniedException", "not found? not allowed"))
    with pytest.raises(AwsCallError, match="AccessDenied"):
        apply.delete(aws, Ref(kind=kind, name=NAME, scope="run"), FakeClock())


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
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": [{"Status": "Delete in progress"}]}, False),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": []}, True),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": [{"status": "INACTIVE"}]}, True),
    ("capacity-provider", "describe_capacity_providers", {"capacityProviders": [{"status": "ACTIVE"}]}, False),
    ("cluster", "describe_clusters", {"clusters": []}, True),
    ("cluster", "describe_clusters", {"clusters": [{"status": "INACTIVE"}]}, True),
    ("cluster", "describe_clusters", {"clusters": [{"status": "ACTIVE"}]}, False),
    ("cluster", "describe_clusters", {"clusters": [{"status": "DEPROVISIONING"}]}, False),
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


# -- the group and its switch ---------------------------------------------------------------------------------------


def test_a_group_is_made_empty_and_armed_and_never_raised_by_its_create() -> None:
    aws, clock = FakeAws(), FakeClock()
    group.create(aws, GROUP, clock)
    assert aws.operations == [
        "create_auto_scaling_group",
        "put_scheduled_update_group_action",
        "suspend_processes",
    ]
    request = aws.sent("create_auto_scaling_group")[0]
    assert (request["MinSize"], request["MaxSize"], request["DesiredCapacity"]) == (0, 0, 0)
    switch = aws.sent("put_scheduled_update_group_action")[0]
    assert switch["StartTime"] == clock.now() + timedelta(seconds=GROUP.lease_s)
    assert (switch["MinSize"], switch["MaxSize"], switch["DesiredCapacity"]) == (0, 0, 0)


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
    there: dict[str, Any] = {"AutoScalingGroups": [{"Status": "Delete in progress"}]}
    going = refused("ValidationError", "The AutoScaling group may not be modified while it is pending delete")
    for operation in ("update_auto_scaling_group", "delete_auto_scaling_group"):
        aws = FakeAws().on("describe_auto_scaling_groups", there, there, NO_GROUP).on(operation, going)
        group.delete(aws, NAME, FakeClock())
        assert len(aws.sent(operation)) == 1
        assert len(aws.sent("describe_auto_scaling_groups")) == 3


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
    group.raise_to_one(aws, NAME)
    group.stop_replacing(aws, NAME)
    raised = aws.sent("update_auto_scaling_group")[0]
    assert (raised["MinSize"], raised["MaxSize"], raised["DesiredCapacity"]) == (1, 1, 1)
    assert aws.sent("suspend_processes")[0]["ScalingProcesses"] == ["Launch", "ReplaceUnhealthy", "AZRebalance"]


def test_a_group_that_is_gone_has_no_activities() -> None:
    gone = FakeAws().on("describe_scaling_activities", refused("ValidationError", "Group name not found"))
    assert group.activities(gone, NAME) == []
    with pytest.raises(AwsCallError):
        group.activities(FakeAws().on("describe_scaling_activities", refused("AccessDenied")), NAME)


# -- provider and cluster -------------------------------------------------------------------------------------------


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


# -- template, roles, bucket, definitions ---------------------------------------------------------------------------


def template_data(template: LaunchTemplate) -> dict[str, Any]:
    aws = made(FakeAws())
    launch_template.create(aws, template, FakeClock())
    data: dict[str, Any] = aws.sent("create_launch_template")[0]["LaunchTemplateData"]
    return data


def test_a_machine_ends_when_it_powers_off_and_its_container_cannot_take_its_role() -> None:
    data = template_data(TEMPLATE)
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        1,
    )
    disk = data["BlockDeviceMappings"][0]["Ebs"]
    assert (disk["DeleteOnTermination"], disk["Encrypted"], disk["VolumeSize"]) == (True, True, 40)
    assert base64.b64decode(data["UserData"]).decode() == TEMPLATE.user_data


def test_without_security_groups_the_vpcs_default_is_left_to_aws() -> None:
    assert "Groups" not in template_data(TEMPLATE)["NetworkInterfaces"][0]
    given = template_data(replace(TEMPLATE, security_groups=("sg-1",), public_ip=False))["NetworkInterfaces"][0]
    assert (given["Groups"], given["AssociatePublicIpAddress"]) == (["sg-1"], False)


def test_a_role_left_at_any_call_of_its_making_never_looks_finished() -> None:
    """What `observe` goes by comes with the very last call: a dead client's role is finished by the next run."""
    whole = FakeAws()
    role.create(whole, EXECUTION, FakeClock())
    assert whole.operations == ["create_role", "put_role_policy", "tag_role"]
    said = ["aws-run:config" in json.dumps(call.parameters) for call in whole.calls]
    assert said == [False, False, True]
    # The machine's role is looked at through its profile, which is finished when it holds the role.
    machine = FakeAws()
    role.create(machine, INSTANCE, FakeClock())
    assert machine.operations[-2:] == ["create_instance_profile", "add_role_to_instance_profile"]


@pytest.mark.parametrize("code", ["NoSuchEntity", "ConcurrentModification"])
@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        (EXECUTION, "put_role_policy"),
        (EXECUTION, "tag_role"),
        (EXECUTION, "update_assume_role_policy"),
        (INSTANCE, "add_role_to_instance_profile"),
        (INSTANCE, "tag_instance_profile"),
    ],
)
def test_a_role_that_iam_does_not_know_everywhere_yet_is_waited_for(code: str, kind: Role, operation: str) -> None:
    aws, clock = (
        FakeAws().on("create_role", refused("EntityAlreadyExists")).on(operation, *[refused(code)] * 3, {}),
        FakeClock(),
    )
    role.create(aws, kind, clock)
    assert len(aws.sent(operation)) == 4
    stubborn = FakeAws().on(operation, refused(code))
    with pytest.raises(AwsCallError, match=code):
        role.configure(stubborn, kind, clock)


def test_a_roles_tag_goes_last_when_it_is_brought_to_something_new() -> None:
    aws = FakeAws()
    role.configure(aws, EXECUTION, FakeClock())
    assert aws.operations == ["update_assume_role_policy", "put_role_policy", "tag_role"]


@pytest.mark.parametrize(
    "change", [{"policy": {}}, {"trust_condition": {}}, {"permissions_boundary": "arn:x"}, {"service": "x"}]
)
def test_a_roles_digest_tells_every_difference(change: dict[str, Any]) -> None:
    assert role.config_digest(replace(EXECUTION, **change)) != role.config_digest(EXECUTION)


def test_a_role_under_a_boundary_is_made_under_it() -> None:
    aws = FakeAws()
    role.create(aws, replace(EXECUTION, permissions_boundary="arn:b"), FakeClock())
    assert aws.sent("create_role")[0]["PermissionsBoundary"] == "arn:b"


def test_a_role_loses_its_policies_before_it_goes_and_a_conflict_is_waited_out() -> None:
    aws = with_something_in_it().on("delete_role", refused("DeleteConflict"), {})
    role.delete(aws, "r", FakeClock())
    order = list(dict.fromkeys(aws.operations))
    assert order.index("delete_instance_profile") < order.index("delete_role_policy") < order.index("delete_role")
    assert "detach_role_policy" in order
    assert len(aws.sent("delete_role")) == 2


def test_a_bucket_is_closed_and_versioned_before_its_tags_call_it_ready() -> None:
    aws = FakeAws()
    bucket.create(aws, BUCKET_, FakeClock())
    assert aws.operations[0] == "create_bucket"
    assert aws.operations[-1] == "put_bucket_tagging"
    block = aws.sent("put_public_access_block")[0]["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    assert aws.sent("put_bucket_versioning")[0]["VersioningConfiguration"] == {"Status": "Enabled"}
    policy = json.loads(aws.sent("put_bucket_policy")[0]["Policy"])["Statement"][0]
    assert (policy["Effect"], policy["Principal"]) == ("Deny", "*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    rules = aws.sent("put_bucket_lifecycle_configuration")[0]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "runs")["Expiration"] == {"Days": 90}
    # Days of age must never take an input or a mark that is in use; what they leave behind goes.
    for name, days in {"inputs": 30, "live": 1, "leaving": 1, "locks": 1}.items():
        rule = next(rule for rule in rules if rule["ID"] == name)
        assert rule["Filter"] == {"Prefix": f"{name}/"}
        assert rule["Expiration"] == {"ExpiredObjectDeleteMarker": True}
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    assert {rule["ID"] for rule in rules} == {"runs", "inputs", "live", "leaving", "locks", "unfinished-uploads"}
    tagged = {tag["Key"]: tag["Value"] for tag in aws.sent("put_bucket_tagging")[0]["Tagging"]["TagSet"]}
    assert tagged["aws-run:runs-days"] == "90"
    assert {call["ExpectedBucketOwner"] for op in aws.operations[1:] for call in aws.sent(op)} == {"123456789012"}


@pytest.mark.parametrize(("theirs", "kept"), [("365", 365), ("30", 90), ("?", 90)])
def test_a_project_never_shortens_what_another_asked_for_and_tags_of_others_stay(theirs: str, kept: int) -> None:
    there = [{"Key": "aws-run:runs-days", "Value": theirs}, {"Key": "team", "Value": "x"}]
    aws = FakeAws().on("get_bucket_tagging", {"TagSet": there})
    bucket.configure(aws, BUCKET_, FakeClock())
    rules = aws.sent("put_bucket_lifecycle_configuration")[0]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "runs")["Expiration"] == {"Days": kept}
    tagged = {tag["Key"]: tag["Value"] for tag in aws.sent("put_bucket_tagging")[0]["Tagging"]["TagSet"]}
    assert (tagged["aws-run:runs-days"], tagged["team"]) == (str(kept), "x")


@pytest.mark.parametrize(
    ("region", "constraint"), [("us-east-1", None), ("eu-west-1", {"LocationConstraint": "eu-west-1"})]
)
def test_a_bucket_is_made_in_its_region_and_in_the_accounts_namespace(region: str, constraint: Any) -> None:
    aws = FakeAws()
    bucket.create(aws, replace(BUCKET_, region=region), FakeClock())
    request = aws.sent("create_bucket")[0]
    assert request.get("CreateBucketConfiguration") == constraint
    assert request["BucketNamespace"] == "account-regional"


@pytest.mark.parametrize(
    "look",
    [
        lambda: bucket.observe(FakeAws().on("get_bucket_tagging", refused("AccessDenied")), BUCKET_),
        lambda: bucket.create(FakeAws().on("create_bucket", refused("BucketAlreadyExists")), BUCKET_, FakeClock()),
    ],
)
def test_a_bucket_of_somebody_else_is_refused_by_name(look: Callable[[], object]) -> None:
    with pytest.raises(PreflightError, match=BUCKET):
        look()


def test_a_bucket_is_emptied_of_versions_and_markers_before_it_goes() -> None:
    page = {"Versions": [{"Key": "a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "b", "VersionId": "2"}]}
    aws = FakeAws().on("list_object_versions", page, {}).on("delete_bucket", refused("BucketNotEmpty"), {})
    bucket.delete(aws, BUCKET, FakeClock())
    doomed = aws.sent("delete_objects")[0]["Delete"]["Objects"]
    assert doomed == [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "2"}]
    assert len(aws.sent("delete_bucket")) == 2


def test_an_object_that_stays_is_named() -> None:
    aws = FakeAws().on("list_object_versions", {"Versions": [{"Key": "a", "VersionId": "1"}]})
    aws.on("delete_objects", {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "locked"}]})
    with pytest.raises(AwsCallError, match=r"a in .* locked"):
        bucket.delete(aws, BUCKET, FakeClock())


def test_a_repository_has_immutable_tags_scans_and_forgets_old_images() -> None:
    aws = made(FakeAws())
    repository.create(aws, REPOSITORY, FakeClock())
    request = aws.sent("create_repository")[0]
    assert request["imageTagMutability"] == "IMMUTABLE"
    assert request["imageScanningConfiguration"] == {"scanOnPush": True}
    rule = json.loads(aws.sent("put_lifecycle_policy")[0]["lifecyclePolicyText"])["rules"][0]
    assert rule["selection"]["countNumber"] == 50


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_not_there_has_no_digest(code: str) -> None:
    assert repository.image_digest(FakeAws().on("describe_images", refused(code)), "arun/demo", "tag") is None
    found = FakeAws().on("describe_images", {"imageDetails": [{"imageDigest": "sha256:1", "imageSizeInBytes": 5}]})
    assert repository.image_digest(found, "arun/demo", "tag") == ("sha256:1", 5)
    with pytest.raises(AwsCallError):
        repository.image_digest(FakeAws().on("describe_images", refused("AccessDeniedException")), "arun/demo", "tag")


def test_a_log_groups_retention_is_set_on_one_that_was_there_too() -> None:
    aws = FakeAws().on("create_log_group", refused("ResourceAlreadyExistsException"))
    log_group.create(aws, LOGS, FakeClock())
    assert aws.sent("put_retention_policy") == [{"logGroupName": "/aws-run/demo", "retentionInDays": 30}]


def test_every_revision_of_the_family_goes_ten_at_a_time_and_no_other_familys() -> None:
    mine = [f"arn:aws:ecs:r:1:task-definition/{NAME}:{number}" for number in range(1, 13)]
    aws = FakeAws().on("list_task_definitions", [*mine, f"arn:aws:ecs:r:1:task-definition/{NAME}-other:1"])
    definitions.delete(aws, NAME, FakeClock())
    assert [call["taskDefinition"] for call in aws.sent("deregister_task_definition")] == mine
    assert [len(call["taskDefinitions"]) for call in aws.sent("delete_task_definitions")] == [10, 2]


def test_every_resource_can_be_referred_to_by_kind_and_name() -> None:
    assert len({ref(resource) for resource in EVERY}) == len(EVERY)


IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/arun/demo"


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
@pytest.mark.parametrize("name", [f"{IMAGE}:v1", IMAGE, f"{IMAGE}@sha256:{'0' * 64}"])
def test_a_ready_image_that_ecr_does_not_have_is_refused_by_name(code: str, name: str) -> None:
    aws = FakeAws().on("describe_images", refused(code))
    with pytest.raises(UsageError, match="There is no image") as caught:
        repository.refuse_missing(aws, name)
    assert "list-images --repository-name arun/demo" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["nosuch:tag", "public.ecr.aws/x/y:1", IMAGE.replace("us-east-1", "eu-west-1")])
def test_of_other_registries_nothing_is_asked(name: str) -> None:
    aws = FakeAws().on("describe_images", refused("ImageNotFoundException"))
    repository.refuse_missing(aws, name)
    assert "describe_images" not in aws.operations


def test_who_may_not_look_may_still_be_allowed_to_pull() -> None:
    repository.refuse_missing(FakeAws().on("describe_images", refused("AccessDeniedException")), f"{IMAGE}:v1")
