"""IAM calls that moto breaks on, or takes, instead of refusing them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from aws_run.local.api.roles import check_trust_policy, role_of
from aws_run.local.api.tag_rules import check_tags
from aws_run.local.http.protocol import Call, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState


def table() -> Table:
    return {
        ("iam", "RemoveRoleFromInstanceProfile"): remove_role,
        ("iam", "CreateRole"): create_role,
        ("iam", "DeleteRole"): delete_role,
        ("iam", "AttachRolePolicy"): with_aws_policy,
        ("iam", "GetPolicy"): with_aws_policy,
        ("iam", "UpdateAssumeRolePolicy"): update_trust,
        ("iam", "TagRole"): tagged,
        ("iam", "CreateInstanceProfile"): tagged,
        ("iam", "TagInstanceProfile"): tagged,
    }


def create_role(world: AccountState, call: Call) -> Reply:
    """moto dates it by this machine's clock; how new a role is goes by the account's."""
    check_trust_policy(str(call.params().get("AssumeRolePolicyDocument") or ""))
    reply = tagged(world, call)
    role = role_of(world, str(call.params().get("RoleName") or ""))
    if reply.status == 200 and role is not None:
        role.create_date = world.clock.now().replace(tzinfo=None)
    return reply


def delete_role(world: AccountState, call: Call) -> Reply:
    reply = call.proceed()
    if reply.status == 200:
        world.deleted_roles[str(call.params().get("RoleName"))] = world.clock.now()
    return reply


def update_trust(world: AccountState, call: Call) -> Reply:
    check_trust_policy(str(call.params().get("PolicyDocument") or ""))
    return call.proceed()


def tagged(world: AccountState, call: Call) -> Reply:
    check_tags(call.params().get("Tags"), code="ValidationError")
    return call.proceed()


def remove_role(world: AccountState, call: Call) -> Reply:
    """A role that is not in the profile (any more) is an error of moto's own; on AWS it is NoSuchEntity."""
    p = call.params()
    profiles = list(world.moto("iam", world.partition).instance_profiles.values())
    profile = next((candidate for candidate in profiles if candidate.name == p["InstanceProfileName"]), None)
    if profile is not None and all(role.name != p["RoleName"] for role in profile.roles):
        raise Refusal(
            "NoSuchEntity",
            f"Cannot find role {p['RoleName']} in instance profile {p['InstanceProfileName']}.",
            status=404,
        )
    return call.proceed()


def with_aws_policy(world: AccountState, call: Call) -> Reply:
    """AWS's own managed policies, which moto holds and, as loading them takes a second, does not load: those that are
    named."""
    arn = str(call.params().get("PolicyArn") or "")
    known = world.moto("iam", world.partition).managed_policies
    if ":iam::aws:policy/" in arn and arn not in known:
        document = _aws_policies().get(arn.rsplit("/", 1)[-1])
        if document is not None:
            from moto.iam.models import AWSManagedPolicy

            policy = AWSManagedPolicy.from_data(arn.rsplit("/", 1)[-1], world.account, call.region, document)
            if policy.arn == arn:
                known[arn] = policy
    return call.proceed()


@lru_cache(maxsize=1)
def _aws_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    return dict(json.loads(aws_managed_policies_data))
