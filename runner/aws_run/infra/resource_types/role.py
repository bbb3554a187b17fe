"""IAM roles under the path /aws-run/, each with one inline policy, and the instance profile of the same name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, ClassVar

from aws_run import partition
from aws_run.aws.absence import call_unless_gone
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types import schedule
from aws_run.infra.resource_types.base import ABSENT, Listing, Observation, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying
from aws_run.naming import IAM_PATH, RunNames, run_of_name

_POLICY = "aws-run"
_GONE = ("NoSuchEntity",)
_EXISTS = "EntityAlreadyExists"


@frozen
class Role:
    """An IAM role under /aws-run/ with one inline policy; with `instance_profile`, a profile of the same name."""

    kind: ClassVar[Kind] = Kind("role")
    name: str
    scope: Scope
    service: str  # the principal that may assume it
    policy: Mapping[str, Any]
    trust_condition: Mapping[str, Any] = field(default_factory=dict)
    instance_profile: bool = False
    permissions_boundary: str | None = None
    tags: Mapping[str, str]


def config_digest(role: Role) -> str:
    return tags.config_digest("role-2", role.policy, _trust(role), role.instance_profile, role.permissions_boundary)


def observe(aws: Aws, role: Role) -> Observation:
    """By the digest of the configuration that it was last brought to.

    For an instance role the profile is read, since it exists only after the role: one call shows both. A profile
    without its role was left half made.
    """
    try:
        if role.instance_profile:
            shown = aws.call("iam", "get_instance_profile", InstanceProfileName=role.name)["InstanceProfile"]
            if not shown.get("Roles"):
                return Observation(present=True, current=False)
        else:
            shown = aws.call("iam", "get_role", RoleName=role.name)["Role"]
    except AwsCallError as error:
        if error.code in _GONE:
            return ABSENT
        raise
    digest = tags.parse(shown.get("Tags")).get(tags.CONFIG_TAG)
    return Observation(present=True, current=digest == config_digest(role))


def create(aws: Aws, role: Role, clock: Clock) -> str:
    digest = {tags.CONFIG_TAG: config_digest(role)}
    # The digest says that the role is whole. A role that other runs look at gets it last (an instance role by its
    # profile): a client that dies between two calls must leave none without its policy that looks finished.
    looked_at = role.scope != "run" and not role.instance_profile
    request: dict[str, Any] = {
        "RoleName": role.name,
        "Path": IAM_PATH,
        "AssumeRolePolicyDocument": json.dumps(_trust(role)),
        "Description": "made by aws-run",
        "Tags": tags.upper({**role.tags, **({} if looked_at else digest)}),
    }
    if role.permissions_boundary:
        request["PermissionsBoundary"] = role.permissions_boundary
    try:
        _put(aws, clock, "create_role", **request)
    except AwsCallError as error:
        if error.code != _EXISTS:
            raise
        configure(aws, role, clock)
        return arn(aws.identity().account, role.name, region=aws.identity().region)
    _put_policy(aws, role, clock)
    if role.instance_profile:
        _put_profile(aws, role, clock)
    if looked_at:
        _put(aws, clock, "tag_role", RoleName=role.name, Tags=tags.upper(digest))
    return arn(aws.identity().account, role.name, region=aws.identity().region)


def configure(aws: Aws, role: Role, clock: Clock) -> None:
    """Brings a role that exists to what is wanted; the tag goes last."""
    _put(aws, clock, "update_assume_role_policy", RoleName=role.name, PolicyDocument=json.dumps(_trust(role)))
    _put_policy(aws, role, clock)
    if role.permissions_boundary:
        _put(
            aws,
            clock,
            "put_role_permissions_boundary",
            RoleName=role.name,
            PermissionsBoundary=role.permissions_boundary,
        )
    wanted = tags.upper({**role.tags, tags.CONFIG_TAG: config_digest(role)})
    if role.instance_profile:
        _put_profile(aws, role, clock)
        _put(aws, clock, "tag_instance_profile", InstanceProfileName=role.name, Tags=wanted)
    _put(aws, clock, "tag_role", RoleName=role.name, Tags=wanted)


def _put(aws: Aws, clock: Clock, operation: str, **parameters: Any) -> None:
    """IAM is eventually consistent: what this client, or another's first run, has just made may not be known yet."""
    retrying(
        lambda: aws.call("iam", operation, **parameters),
        when=on_codes(*_GONE, "ConcurrentModification", "ConcurrentModificationException"),
        for_s=30,
        clock=clock,
    )


def _put_policy(aws: Aws, role: Role, clock: Clock) -> None:
    document = json.dumps(role.policy)
    _put(aws, clock, "put_role_policy", RoleName=role.name, PolicyName=_POLICY, PolicyDocument=document)


def _put_profile(aws: Aws, role: Role, clock: Clock) -> None:
    try:
        _put(aws, clock, "create_instance_profile", InstanceProfileName=role.name, Path=IAM_PATH,
             Tags=tags.upper({**role.tags, tags.CONFIG_TAG: config_digest(role)}))  # fmt: skip
    except AwsCallError as error:
        if error.code != _EXISTS:
            raise
    try:
        _put(aws, clock, "add_role_to_instance_profile", InstanceProfileName=role.name, RoleName=role.name)
    except AwsCallError as error:
        if error.code != "LimitExceeded":  # a profile holds one role: it is there already
            raise


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    answer = call_unless_gone(aws, _GONE, "iam", "get_role", RoleName=name)
    return None if answer is None else tags.parse(answer["Role"].get("Tags"))


def _trust(role: Role) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": role.service}, "Action": "sts:AssumeRole"}
    if role.trust_condition:
        statement["Condition"] = dict(role.trust_condition)
    return {"Version": "2012-10-17", "Statement": [statement]}


def arn(account: str, name: str, *, region: str) -> str:
    """IAM has no regions, but its ARNs have a partition, which the region tells."""
    return partition.arn("iam", "", account, f"role{IAM_PATH}{name}", of=region)


def delete(aws: Aws, name: str, clock: Clock) -> None:
    """The instance profile first, then the policies, then the role; each step accepts what is already gone."""
    if _has_profile(name):
        _unless_gone(aws, "remove_role_from_instance_profile", InstanceProfileName=name, RoleName=name)
        _unless_gone(aws, "delete_instance_profile", InstanceProfileName=name)
    try:
        attached = list(aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name))
        inline = list(aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name))
    except AwsCallError as error:
        if error.code in _GONE:
            return
        raise
    for policy in attached:
        _unless_gone(aws, "detach_role_policy", RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy_name in inline:
        _unless_gone(aws, "delete_role_policy", RoleName=name, PolicyName=policy_name)
    retrying(
        lambda: _unless_gone(aws, "delete_role", RoleName=name),
        when=on_codes("DeleteConflict", "ConcurrentModification"),
        for_s=30,
        clock=clock,
    )


def _has_profile(name: str) -> bool:
    """Only instance roles have one. IAM knows no path for a profile that is not there, so a policy on
    instance-profile/aws-run/* would not cover a call that asks about it (docs/real-aws.md)."""
    return name.endswith("-instance")


def _unless_gone(aws: Aws, operation: str, **parameters: str) -> None:
    call_unless_gone(aws, _GONE, "iam", operation, **parameters)


def absent(aws: Aws, name: str) -> bool:
    return call_unless_gone(aws, _GONE, "iam", "get_role", RoleName=name) is None


def _names(aws: Aws) -> Iterator[str]:
    for role in aws.pages("iam", "list_roles", "Roles", PathPrefix=IAM_PATH):
        yield role["RoleName"]


def _is_stop_role(name: str) -> bool:
    """Whether a run's deadline schedule acts with it: without the role AWS could not stop the task."""
    run = run_of_name(name)
    return run is not None and name == RunNames(run_id=run).stop_role


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    profile = (
        f"aws iam remove-role-from-instance-profile --instance-profile-name {name} --role-name {name}",
        f"aws iam delete-instance-profile --instance-profile-name {name}",
    )
    return (
        *(profile if _has_profile(name) else ()),
        f"aws iam delete-role-policy --role-name {name} --policy-name aws-run",
        f"aws iam delete-role --role-name {name}",
    )


TYPE = ResourceType(
    value=Role,
    scopes=("shared", "run"),
    create=create,
    update=configure,
    observe=observe,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="roles", names=_names),),
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    # The project's, which the next run uses again; a run's own role is of no use to anybody.
    keep_as="roles",
    keep_scopes=("shared",),
    idle_cost="costs nothing; `aws-run destroy` removes it",
    list_shared=(Listing(what="roles", names=_names),),
    depends_on=(schedule.Schedule.kind,),
    is_deadline_switch=_is_stop_role,
)
