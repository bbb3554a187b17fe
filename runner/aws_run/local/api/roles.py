"""Roles that a call hands on: whether they are there, whether the caller may pass them, and who may assume them."""

from __future__ import annotations

import json
from datetime import timezone
from typing import Any

from aws_run.local.http.protocol import Refusal
from aws_run.local.sim.state import AccountState


def role_of(world: AccountState, arn: str) -> Any | None:
    """moto's role of that ARN; None where there is none."""
    name = arn.rsplit("/", 1)[-1]
    return next((role for role in list(world.moto("iam", world.partition).roles.values()) if role.name == name), None)


def age_s(world: AccountState, role: Any) -> float:
    created = role.create_date if role.create_date.tzinfo else role.create_date.replace(tzinfo=timezone.utc)
    return float((world.clock.now() - created).total_seconds())


def trusts(role: Any, service: str) -> bool:
    return service in json.dumps(role.assume_role_policy_document)


def can_be_assumed(world: AccountState, arn: str, service: str) -> bool:
    """Whether it is there, trusts `service`, and has been there for long enough that all of AWS knows it."""
    role = role_of(world, arn)
    return role is not None and trusts(role, service) and age_s(world, role) >= world.options.role_propagation_s


def check_pass(world: AccountState, arn: str, *, action: str) -> None:
    """AccessDenied for a role made so shortly ago that iam:PassRole is not granted on it yet."""
    role = role_of(world, arn)
    if role is not None and age_s(world, role) < world.options.pass_role_s:
        raise Refusal(
            "AccessDeniedException",
            f"User: {world.arn('iam', '', 'root')} is not authorized to perform: iam:PassRole on resource: {arn} "
            f"because no identity-based policy allows the iam:PassRole action ({action})",
        )


def check_trust_policy(document: str) -> None:
    """MalformedPolicyDocument for a trust policy that names nobody."""
    try:
        policy = json.loads(document)
    except ValueError:
        raise Refusal("MalformedPolicyDocument", "This policy contains invalid Json") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    rows = [statements] if isinstance(statements, dict) else statements or []
    if not rows:
        raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.")
    if any(not isinstance(row, dict) or not row.get("Principal") for row in rows):
        raise Refusal("MalformedPolicyDocument", "AssumeRole policy must contain principals.")
