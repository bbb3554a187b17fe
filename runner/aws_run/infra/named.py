"""What a job names and the account has to have: a task role, a permissions boundary, a KMS key. Looked at before
anything is made, with one call each (two for a key); nothing is asked where nothing is named.

A right to look that the caller does not have is no refusal: a note says what nobody has checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_run import partition
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.errors import AwsCallError, PreflightError
from aws_run.runs.spec import JobSpec

_TASKS = "ecs-tasks.amazonaws.com"


def check_named(aws: Aws, job: JobSpec) -> tuple[str, ...]:
    """Notes for the plan. PreflightError where what is named is not there, or can't be used as it is."""
    notes: list[str] = []
    if job.iam.task_role != "auto":
        notes += _unless_denied(lambda: _check_role(aws, job.iam.task_role), "that ECS may assume the task role")
    if job.iam.permissions_boundary:
        boundary = job.iam.permissions_boundary
        notes += _unless_denied(lambda: _check_boundary(aws, boundary), "that the permissions boundary is there")
    if job.kms_key:
        key = job.kms_key
        notes += _unless_denied(lambda: _check_key(aws, key), "that the KMS key can be used")
        notes += _unless_denied(lambda: _check_key_policy(aws, key), "that CloudWatch Logs may use the KMS key")
    return tuple(notes)


def _unless_denied(check: Callable[[], None], what: str) -> Iterator[str]:
    try:
        check()
    except AwsCallError as error:
        if error.code not in DENIED:
            raise
        yield f"nobody has checked {what}: {error.message}"


def _check_role(aws: Aws, arn: str) -> None:
    account = arn.split(":")[4]
    if account != aws.identity().account:
        raise PreflightError(
            f"The task role {arn} is one of the account {account}, and a task has a role of its own account",
            hint="name a role of this account; it may assume the other",
        )
    name = arn.rsplit("/", 1)[-1]
    try:
        role = aws.call("iam", "get_role", RoleName=name)["Role"]
    except AwsCallError as error:
        if error.code == "NoSuchEntity":
            raise PreflightError(
                f"The task role {arn} is not there", hint="`aws iam list-roles` lists this account's roles"
            ) from error
        raise
    if role.get("Arn", arn) != arn:  # the same name below another path
        raise PreflightError(f"The task role {arn} is not there, but {role['Arn']} is", hint="give that ARN")
    if not trusts(role.get("AssumeRolePolicyDocument") or {}, _TASKS):
        raise PreflightError(
            f"ECS may not assume the task role {arn}: its trust policy does not allow sts:AssumeRole to {_TASKS}",
            hint='add {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": '
            f'"sts:AssumeRole"}} to it (`aws iam update-assume-role-policy --role-name {name}`)',
        )


def _check_boundary(aws: Aws, arn: str) -> None:
    try:
        aws.call("iam", "get_policy", PolicyArn=arn)
    except AwsCallError as error:
        if error.code in ("NoSuchEntity", "InvalidInput"):
            raise PreflightError(
                f"The permissions boundary {arn} is not there",
                hint="`aws iam list-policies --scope Local` lists this account's policies",
            ) from error
        raise


def _check_key(aws: Aws, arn: str) -> None:
    region = arn.split(":")[3]
    if region != aws.region:
        raise PreflightError(
            f"The KMS key {arn} is one of {region}, and the run's bucket and log are in {aws.region}",
            hint=f"name a key of {aws.region}: a replica, where it is a multi-Region key",
        )
    try:
        key = aws.call("kms", "describe_key", KeyId=arn)["KeyMetadata"]
    except AwsCallError as error:
        if error.code in ("NotFoundException", "InvalidArnException"):
            raise PreflightError(
                f"The KMS key {arn} is not there", hint="`aws kms list-keys` lists this region's keys"
            ) from error
        raise
    if key.get("KeyState") != "Enabled":
        raise PreflightError(
            f"The KMS key {arn} can't be used: its state is {key.get('KeyState')}",
            hint=f"`aws kms enable-key --key-id {arn}`, or name another key",
        )
    spec = key.get("KeySpec") or key.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    if spec != "SYMMETRIC_DEFAULT" or key.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        raise PreflightError(
            f"The KMS key {arn} is {spec} for {key.get('KeyUsage')}; S3 and CloudWatch Logs take symmetric encryption "
            "keys only",
            hint="name a key of the kind SYMMETRIC_DEFAULT",
        )


def _check_key_policy(aws: Aws, arn: str) -> None:
    """CloudWatch Logs uses a key in its own name (its guide, "Encrypt log data using AWS KMS")."""
    text = aws.call("kms", "get_key_policy", KeyId=arn, PolicyName="default")["Policy"]
    service = f"logs.{aws.region}.{partition.of_region(aws.region).dns_suffix}"
    if not _allowed(
        _document(text), (service, "logs.amazonaws.com"), ("kms:*", "kms:encrypt*", "kms:generatedatakey*")
    ):
        raise PreflightError(
            f"CloudWatch Logs may not use the KMS key {arn}: its policy names no {service}",
            hint=f'add {{"Effect": "Allow", "Principal": {{"Service": "{service}"}}, "Action": ["kms:Encrypt*", '
            '"kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"], "Resource": "*"} to it',
        )


def trusts(document: Mapping[str, Any] | str, service: str) -> bool:
    """Whether a role's trust policy lets `service` assume it, conditions left aside."""
    return _allowed(_document(document), (service,), ("sts:assumerole", "sts:*", "*"))


def _document(value: Mapping[str, Any] | str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {}
    return parsed if isinstance(parsed, Mapping) else {}


def _allowed(document: Mapping[str, Any], services: tuple[str, ...], actions: tuple[str, ...]) -> bool:
    for statement in _many(document.get("Statement")):
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        named = _many(principal.get("Service")) if isinstance(principal, Mapping) else []
        anybody = principal == "*" or (isinstance(principal, Mapping) and "*" in _many(principal.get("AWS")))
        may = {str(action).lower() for action in _many(statement.get("Action"))}
        if (anybody or set(map(str, named)) & set(services)) and may & {*actions, "*"}:
            return True
    return False


def _many(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
