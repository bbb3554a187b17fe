"""`aws-run iam-policy`: the least that the caller and each role of a run must be allowed, as a document to give to
IAM."""

from __future__ import annotations

import json
from typing import Any, Literal

from aws_run.frozen import frozen
from aws_run.infra import policies
from aws_run.infra.policy_formats import ACCOUNT_OF, Format, as_cloudformation, as_terraform, size, split
from aws_run.naming import any_run_id, bucket_name

RoleName = Literal["caller", "network", "execution", "task", "instance"]


@frozen
class PrintedPolicy:
    """`text`: as it is printed. `characters`: of the document, as IAM counts them. `policies`: how many it is cut
    into."""

    text: str
    characters: int
    policies: int


def iam_policy(
    role: RoleName,
    form: Format,
    *,
    account: str | None,
    region: str,
    project: str,
    boundary: str | None,
    sessions: bool = False,
) -> PrintedPolicy:
    """`account` None: the template's own, not for JSON. `region`, `project`: "*" for all of them. `boundary`: the
    ARN of the permissions boundary that the caller's roles must have. `sessions`: of jobs that run with --exec."""
    where = ACCOUNT_OF[form] if account is None else account
    document = _document(role, account=where, region=region, project=project, boundary=boundary, sessions=sessions)
    if form == "json":
        return PrintedPolicy(text=json.dumps(document, indent=2), characters=size(document), policies=1)
    parts = split(document)
    write = as_cloudformation if form == "cloudformation" else as_terraform
    return PrintedPolicy(text=write(role, parts), characters=size(document), policies=len(parts))


def _document(
    role: RoleName, *, account: str, region: str, project: str, boundary: str | None, sessions: bool
) -> dict[str, Any]:
    if role == "caller":
        return policies.caller_policy(account=account, region=region, boundary=boundary)
    if role == "network":
        return policies.network_policy(account=account, region=region)
    repository = f"arun/{project}"
    if role == "execution":
        return policies.execution_policy(
            account=account, region=region, repositories=[repository], log_group=f"/aws-run/{project}", secrets=()
        )
    if role == "task":
        bucket = bucket_name(account, region, unguessable="*")
        run = any_run_id(project)
        return policies.task_policy(
            account=account, region=region, bucket=bucket, project=project, run_id=run, sessions=sessions
        )
    return policies.instance_policy(account=account, region=region, project=project, repository=repository)
