"""What AWS answers about one resource of each type, for the contract."""

from __future__ import annotations

from typing import Any

from tests.unit.fakes import ACCOUNT, REGION, RUN, refused
from tests.unit.infra.resource_samples import (
    BUCKET_,
    CLUSTER,
    DEFINITION,
    EXECUTION,
    GROUP,
    INSTANCE,
    LOGS,
    MADE,
    NAME,
    PROVIDER,
    REPOSITORY,
    SCHEDULE,
    TEMPLATE,
)
from tests.unit.infra.resource_types.contract import Answers, Sample

from aws_run.infra import desired, tags
from aws_run.infra.resource_types import bucket, network, role
from aws_run.infra.resource_types.role import Role
from aws_run.naming import TAG_RUN

OURS = {TAG_RUN: RUN}


def roles_named(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"RoleName": name} for name in names]


def tagged(**more: str) -> list[dict[str, str]]:
    return tags.upper({**OURS, **more})


def with_config(digest: str) -> list[dict[str, str]]:
    return tagged(**{tags.CONFIG_TAG: digest})


_NO_ROLE = refused("NoSuchEntity")
_ROLE_GONE: Answers = dict.fromkeys(
    (
        *("remove_role_from_instance_profile", "delete_instance_profile", "list_attached_role_policies"),
        *("list_role_policies", "delete_role", "get_role", "get_instance_profile"),
    ),
    _NO_ROLE,
)


def role_sample(wanted: Role, observe_call: str, shown: Any) -> Sample:
    """`shown(digest)`: the answer to `observe_call`."""
    current = {"get_role": {"Role": {"Tags": tagged()}}, observe_call: shown(role.config_digest(wanted))}
    taken = dict.fromkeys(("create_role", "create_instance_profile"), refused("EntityAlreadyExists"))
    return Sample(
        resource=wanted,
        create_call="create_role",
        delete_call="delete_role",
        absent_call="get_role",
        observe_call=observe_call,
        tags_call="get_role",
        present={**taken, "add_role_to_instance_profile": refused("LimitExceeded"), **current},
        changed={observe_call: shown("of an older version")},
        gone=_ROLE_GONE,
        deletable={
            "list_attached_role_policies": [{"PolicyArn": "arn"}],
            "list_role_policies": ["aws-run"],
            "detach_role_policy": {},
        },
        foreign={"get_role": {"Role": {"Tags": []}}},
        listed={"list_roles": roles_named},
    )


def machines_of(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """One machine a name; what is no run's carries no tag of ours."""
    tagged_by = (
        {TAG_RUN: name.removeprefix("arun-")} if name.startswith("arun-") else {"team": name} for name in names
    )
    return [{"Instances": [{"Tags": tags.upper(each)}]} for each in tagged_by]


_NO_BUCKET = refused("NoSuchBucket")
_NO_GROUP = refused("ValidationError", "AutoScalingGroup name not found - null")
_NO_CLUSTER = refused("ClusterNotFoundException")
_NO_TEMPLATE = refused("InvalidLaunchTemplateName.NotFoundException")
_NO_REPOSITORY = refused("RepositoryNotFoundException")
_NO_SCHEDULE = refused("ResourceNotFoundException")
NETWORK_ = desired.network({}, account=ACCOUNT, region=REGION)
_NETWORK: Answers = {
    "describe_route_tables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1"}],
    "describe_availability_zones": {"AvailabilityZones": [{"ZoneName": "us-east-1a"}, {"ZoneName": "us-east-1b"}]},
}


SAMPLES = (
    Sample(
        resource=BUCKET_,
        create_call="create_bucket",
        delete_call="delete_bucket",
        absent_call="head_bucket",
        observe_call="get_bucket_tagging",
        tags_call="get_bucket_tagging",
        present={
            "create_bucket": refused("BucketAlreadyOwnedByYou"),
            "get_bucket_tagging": {
                "TagSet": tagged(**{tags.CONFIG_TAG: bucket.config_digest(BUCKET_), "aws-run:runs-days": "90"})
            },
        },
        changed={"get_bucket_tagging": {"TagSet": with_config("of an older version")}},
        gone={
            "get_bucket_tagging": _NO_BUCKET,
            "list_object_versions": _NO_BUCKET,
            "delete_bucket": _NO_BUCKET,
            "head_bucket": refused("404"),
        },
        deletable={"list_object_versions": {}},
        foreign={"get_bucket_tagging": refused("NoSuchTagSet")},
    ),
    Sample(
        resource=REPOSITORY,
        create_call="create_repository",
        delete_call="delete_repository",
        absent_call="describe_repositories",
        observe_call="describe_repositories",
        tags_call="list_tags_for_resource",
        made=MADE,
        present={
            "create_repository": refused("RepositoryAlreadyExistsException"),
            "describe_repositories": {"repositories": [{"repositoryUri": "uri"}]},
            "list_tags_for_resource": {"tags": tagged()},
        },
        gone=dict.fromkeys(("describe_repositories", "delete_repository", "list_tags_for_resource"), _NO_REPOSITORY),
        foreign={"list_tags_for_resource": {"tags": [{"Key": "team", "Value": "x"}]}},
    ),
    Sample(
        resource=LOGS,
        create_call="create_log_group",
        delete_call="delete_log_group",
        absent_call="describe_log_groups",
        observe_call="describe_log_groups",
        present={
            "create_log_group": refused("ResourceAlreadyExistsException"),
            "describe_log_groups": {"logGroups": [{"logGroupName": LOGS.name, "retentionInDays": LOGS.retention_days}]},
        },
        changed={"describe_log_groups": {"logGroups": [{"logGroupName": LOGS.name}]}},
        gone={
            "describe_log_groups": {"logGroups": [{"logGroupName": f"{LOGS.name}-2"}]},
            "delete_log_group": refused("ResourceNotFoundException"),
        },
    ),
    role_sample(EXECUTION, "get_role", lambda digest: {"Role": {"Tags": with_config(digest)}}),
    role_sample(
        INSTANCE,
        "get_instance_profile",
        lambda digest: {"InstanceProfile": {"Roles": [{}], "Tags": with_config(digest)}},
    ),
    Sample(
        resource=CLUSTER,
        create_call="create_cluster",
        delete_call="delete_cluster",
        absent_call="describe_clusters",
        tags_call="describe_clusters",
        made=MADE,
        present={"describe_clusters": {"clusters": [{"status": "ACTIVE", "tags": tags.lower(OURS)}]}},
        gone={
            "describe_clusters": {"clusters": [{"status": "INACTIVE"}]},
            **dict.fromkeys(("list_tasks", "list_container_instances", "delete_cluster"), _NO_CLUSTER),
        },
        deletable={"list_tasks": ["task"], "list_container_instances": ["instance"]},
        foreign={"describe_clusters": {"clusters": [{"status": "ACTIVE"}]}},
        listed={"list_clusters": lambda names: [f"arn:aws:ecs:r:1:cluster/{name}" for name in names]},
    ),
    Sample(
        resource=TEMPLATE,
        create_call="create_launch_template",
        delete_call="delete_launch_template",
        absent_call="describe_launch_templates",
        tags_call="describe_launch_templates",
        made=MADE,
        present={
            "create_launch_template": refused("InvalidLaunchTemplateName.AlreadyExistsException"),
            "describe_launch_templates": {"LaunchTemplates": [{"Tags": tagged()}]},
        },
        gone=dict.fromkeys(("describe_launch_templates", "delete_launch_template"), _NO_TEMPLATE),
        foreign={"describe_launch_templates": {"LaunchTemplates": [{}]}},
        listed={"describe_launch_templates": lambda names: [{"LaunchTemplateName": name} for name in names]},
    ),
    Sample(
        resource=GROUP,
        create_call="create_auto_scaling_group",
        delete_call="delete_auto_scaling_group",
        absent_call="describe_auto_scaling_groups",
        tags_call="describe_auto_scaling_groups",
        present={
            "create_auto_scaling_group": refused("AlreadyExists"),
            "describe_auto_scaling_groups": {"AutoScalingGroups": [{"Tags": tagged()}]},
        },
        gone={
            "describe_auto_scaling_groups": {"AutoScalingGroups": []},
            **dict.fromkeys(("update_auto_scaling_group", "delete_auto_scaling_group"), _NO_GROUP),
        },
        foreign={"describe_auto_scaling_groups": {"AutoScalingGroups": [{"Tags": []}]}},
        listed={
            "describe_auto_scaling_groups": lambda names: [{"AutoScalingGroupName": name} for name in names],
            "describe_instances": machines_of,
        },
    ),
    Sample(
        resource=PROVIDER,
        create_call="create_capacity_provider",
        delete_call="delete_capacity_provider",
        absent_call="describe_capacity_providers",
        made=MADE,
        present={
            "create_capacity_provider": refused("ClientException", "The specified capacity provider already exists."),
            "describe_capacity_providers": {"capacityProviders": [{"status": "ACTIVE"}]},
        },
        gone={
            "put_cluster_capacity_providers": _NO_CLUSTER,
            "delete_capacity_provider": refused("ClientException", "The specified capacity provider does not exist."),
            "describe_capacity_providers": {"capacityProviders": [{"status": "INACTIVE"}]},
        },
        listed={"describe_capacity_providers": lambda names: {"capacityProviders": [{"name": name} for name in names]}},
    ),
    Sample(
        resource=DEFINITION,
        create_call="register_task_definition",
        delete_call="deregister_task_definition",
        absent_call="list_task_definitions",
        made=MADE,
        present={"list_task_definitions": [f"arn:aws:ecs:r:1:task-definition/{NAME}:1"]},
        gone={
            "list_task_definitions": [f"arn:aws:ecs:r:1:task-definition/{NAME}-longer:1"],
            "deregister_task_definition": refused("ClientException", "The specified task definition is inactive."),
        },
        deletable={"list_task_definitions": [f"arn:aws:ecs:r:1:task-definition/{NAME}:1"]},
        listed={"list_task_definition_families": list},
    ),
    Sample(
        resource=SCHEDULE,
        create_call="create_schedule",
        delete_call="delete_schedule",
        absent_call="get_schedule",
        made=MADE,
        present={
            "create_schedule": refused("ConflictException"),
            "update_schedule": {"ScheduleArn": "arn:schedule"},
            "get_schedule": {"ScheduleExpression": "at(2026-01-02T05:09:05)"},
        },
        gone=dict.fromkeys(("get_schedule", "delete_schedule"), _NO_SCHEDULE),
        listed={"list_schedules": lambda names: [{"Name": name} for name in names]},
    ),
    Sample(
        # EC2 gives no names: what is there is looked for by its tags before anything is made.
        resource=NETWORK_,
        create_call="describe_vpcs",
        delete_call="delete_vpc",
        absent_call="describe_vpcs",
        observe_call="describe_vpcs",
        made={**MADE, **_NETWORK},
        present={
            **_NETWORK,
            "describe_vpcs": [{"VpcId": "vpc-1", "Tags": with_config(network.config_digest(NETWORK_))}],
            "describe_internet_gateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}]}],
            "describe_subnets": [{"SubnetId": "subnet-1", "CidrBlock": "10.0.0.0/20"}],
            "create_route": refused("RouteAlreadyExists"),
            "create_vpc_endpoint": refused("RouteAlreadyExists"),
        },
        gone={"describe_vpcs": ()},
        deletable={
            "describe_vpcs": [{"VpcId": "vpc-1"}],
            "describe_subnets": [{"SubnetId": "subnet-1"}],
            "describe_vpc_endpoints": [{"VpcEndpointId": "vpce-1", "State": "available"}],
            "describe_internet_gateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}]}],
        },
    ),
)
