"""IAM calls that moto breaks on instead of refusing them."""

from __future__ import annotations

from aws_run.local.http.protocol import Call, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState


def table() -> Table:
    return {("iam", "RemoveRoleFromInstanceProfile"): remove_role}


def remove_role(world: AccountState, call: Call) -> Reply:
    """A role that is not in the profile (any more) is an error of moto's own; on AWS it is NoSuchEntity."""
    p = call.params()
    profiles = list(world.moto("iam", "aws").instance_profiles.values())
    profile = next((candidate for candidate in profiles if candidate.name == p["InstanceProfileName"]), None)
    if profile is not None and all(role.name != p["RoleName"] for role in profile.roles):
        raise Refusal(
            "NoSuchEntity",
            f"Cannot find role {p['RoleName']} in instance profile {p['InstanceProfileName']}.",
            status=404,
        )
    return call.proceed()
