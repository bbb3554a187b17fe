"""The IAM documents, as pure functions of names. Least that works; every statement is bound to the account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aws_run import naming, partition
from aws_run.frozen import frozen
from aws_run.naming import RunNames, any_run_id
from aws_run.rights import DEFINITIONS, NETWORK_RIGHTS, RIGHTS, WITHOUT_NAMESPACE_TEXT, Right
from aws_run.runs.keys import RunKeys


def _document(*statements: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements if statement]}


@frozen
class ReadOnly:
    """Objects in a bucket that is not the tool's. `prefix` is one object's key where `exact`. `own`: this account's."""

    bucket: str
    prefix: str
    exact: bool
    own: bool

    def arn(self, region: str) -> str:
        """In the partition of `region`. S3's keys may hold what IAM takes for wildcards and variables (IAM's guide,
        "Policy variables")."""
        literal = re.sub(r"[*?$]", lambda match: f"${{{match[0]}}}", self.prefix)
        return partition.arn("s3", "", "", f"{self.bucket}/{literal}{'' if self.exact else '*'}", of=region)


def task_policy(
    *,
    account: str,
    region: str,
    bucket: str,
    project: str,
    run_id: str,
    read: Sequence[ReadOnly] = (),
    kms_key: str | None = None,
    sessions: bool = False,
) -> dict[str, Any]:
    """What the job itself may do: read the project's inputs, read and write its own run, never rewrite its record.

    `read`: inputs that are read where they lie. They are pinned by name, so nothing there has to be listed. The run's
    own prefix may be listed: without that S3 says "forbidden" of what is not there (S3's API Reference, GetObject).
    `kms_key`: the ARN of the key that encrypts the bucket. `sessions`: the agent beside the job may open the channels
    of ECS Exec (ECS Developer Guide, "Task IAM role permissions for ECS Exec"); IAM knows no resources for them.
    """
    arn = partition.arn("s3", "", "", bucket, of=region)
    own = [one.arn(region) for one in read if one.own]
    others = [one.arn(region) for one in read if not one.own]
    ours = {"StringEquals": {"aws:ResourceAccount": account}}
    return _document(
        {
            "Sid": "Inputs",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"{arn}/inputs/{project}/*"],
            "Condition": ours,
        },
        *_own_run(arn, RunKeys(run_id=run_id), ours, pins=bool(read)),
        # S3 uses the key in the job's name, and the job can use it in no other way.
        {
            "Sid": "Key",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [kms_key],
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.{partition.of_region(region).dns_suffix}"}},
        }
        if kms_key
        else None,
        {
            "Sid": "Exec",
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": ["*"],
        }
        if sessions
        else None,
        _read("InputsElsewhere", own, ours) if own else None,
        # No API tells whose a public bucket is, so there is no account to name; the bucket's own policy must allow it
        # as well. Names are exact, rights read-only, and what comes is checked against the pin: a bucket that another
        # account has taken over can neither be written to nor pass off its objects as those.
        _read("InputsOfOthers", others, {"Bool": {"aws:SecureTransport": "true"}}) if others else None,
    )


def _own_run(
    bucket_arn: str, keys: RunKeys, ours: Mapping[str, Any], *, pins: bool
) -> tuple[dict[str, Any] | None, ...]:
    """What the job may do below its run's prefix. `pins`: inputs that lie elsewhere are pinned there."""
    return (
        {
            "Sid": "OwnRun",
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:GetObjectVersion",  # a checkpoint is restored as its manifest pins it
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
            ],
            "Resource": [f"{bucket_arn}/{keys.prefix}*"],
            "Condition": ours,
        },
        {
            "Sid": "NotTheRecord",
            "Effect": "Deny",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"{bucket_arn}/{keys.record}", *([f"{bucket_arn}/{keys.inputs}*"] if pins else [])],
        },
        {
            "Sid": "ListOwnRun",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [bucket_arn],
            "Condition": {**ours, "StringLike": {"s3:prefix": [f"{keys.prefix}*"]}},
        },
        {
            "Sid": "Pins",
            "Effect": "Allow",
            "Action": ["s3:GetObjectVersion"],
            "Resource": [f"{bucket_arn}/{keys.inputs}*"],
            "Condition": ours,
        }
        if pins
        else None,
    )


def _read(sid: str, resources: list[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": resources,
        "Condition": condition,
    }


def execution_policy(
    *, account: str, region: str, repositories: Iterable[str], log_group: str, secrets: Iterable[str]
) -> dict[str, Any]:
    """What ECS does on the task's behalf: pull its image, write its log, read the secrets it names."""
    stores = sorted(set(secrets))
    # A task may name a part of a secret (…:secret:name-6chars:json-key:stage:version); IAM knows the secret alone.
    manager = sorted({":".join(arn.split(":")[:7]) for arn in stores if ":secretsmanager:" in arn})
    parameters = [arn for arn in stores if ":ssm:" in arn]
    return _document(
        {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [
                partition.arn("ecr", region, account, f"repository/{name}", of=region) for name in repositories
            ],
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [partition.arn("logs", region, account, f"log-group:{log_group}:*", of=region)],
        },
        {"Sid": "Secrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": manager}
        if manager
        else None,
        {"Sid": "Parameters", "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": parameters}
        if parameters
        else None,
    )


def instance_policy(*, account: str, region: str, project: str, repository: str) -> dict[str, Any]:
    """The ECS agent's set (AmazonEC2ContainerServiceforEC2Role) narrowed to the clusters of the project's runs, and no
    S3. Who is root on a machine has this role, and must get at no other project's tasks with it.

    Without ecs:TagResource and ec2:DescribeTags, which an agent needs only where it is told to tag itself.
    """
    clusters = partition.arn(
        "ecs", region, account, f"cluster/{RunNames(run_id=any_run_id(project)).cluster}", of=region
    )
    return _document(
        {
            "Sid": "Discover",
            "Effect": "Allow",
            "Action": ["ecs:DiscoverPollEndpoint"],
            "Resource": ["*"],
        },
        {
            "Sid": "Join",
            "Effect": "Allow",
            "Action": ["ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:SubmitTaskStateChange",
                       "ecs:SubmitContainerStateChange", "ecs:SubmitAttachmentStateChanges"],
            "Resource": [clusters],
        },
        {
            "Sid": "Work",
            "Effect": "Allow",
            "Action": ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
            "Resource": [partition.arn("ecs", region, account, "container-instance/*", of=region)],
            "Condition": {"ArnLike": {"ecs:cluster": clusters}},
        },
        {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [partition.arn("ecr", region, account, f"repository/{repository}", of=region)],
        },
    )  # fmt: skip


# Who may do these without a condition may give a role any rights, and with it have them.
_ROLE_MAKING = ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary")


def caller_policy(
    *, account: str, region: str = "*", boundary: str | None = None, rights: Sequence[Right] = RIGHTS
) -> dict[str, Any]:
    """What the person or workflow that calls aws-run must be allowed. `region` "*" means all of them. `boundary`:
    the ARN of the permissions boundary that every role made with this must have; without it the caller can make a
    role of any rights.

    Privileged containers are denied on the tool's own definitions, whatever else the caller may do.
    """
    grouped: dict[tuple[tuple[str, ...], str], list[Right]] = {}
    for right in rights:
        if right.rarely == WITHOUT_NAMESPACE_TEXT and region not in ("*", *naming.WITHOUT_NAMESPACE):
            continue
        if boundary is not None and right.action in _ROLE_MAKING:
            right = replace(right, condition={"ArnEquals": {"iam:PermissionsBoundary": boundary}})
        grouped.setdefault((right.on, json.dumps(right.condition, sort_keys=True)), []).append(right)
    where = {"account": account, "region": region}
    bucket = f"{naming.PREFIX}-{account}-{region}-"
    guarded = region in ("*", *naming.WITHOUT_NAMESPACE)  # the end of the bucket's name is not known

    def resource(on: str) -> str:
        filled = _filled(on, where)
        return filled.replace(f"{bucket}an", f"{bucket}*") if guarded else filled

    statements: list[Mapping[str, Any]] = []
    for members in grouped.values():
        condition = json.loads(_filled(json.dumps(members[0].condition), where))
        statements.append(
            {
                "Effect": "Allow",
                "Action": sorted({right.action for right in members}),
                "Resource": [resource(on) for on in members[0].on],
                **({"Condition": condition} if condition else {}),
            }
        )
    statements.append(
        {
            "Effect": "Deny",
            "Action": ["ecs:RegisterTaskDefinition"],
            "Resource": [_filled(DEFINITIONS, where)],
            "Condition": {"StringEquals": {"ecs:privileged": "true"}},
        }
    )
    return _document(*statements)


def network_policy(*, account: str, region: str = "*") -> dict[str, Any]:
    """What `aws-run network create` and `delete` need: once a region, by whoever keeps its networks."""
    reads = ("ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints")
    wanted = [right for right in RIGHTS if right.action in reads] + list(NETWORK_RIGHTS)
    actions = sorted({right.action for right in wanted} - {"ec2:CreateTags"})
    everything = partition.arn("ec2", region, account, "*/*", of=region)
    return _document(
        {"Effect": "Allow", "Action": actions, "Resource": ["*"]},
        {"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": [everything]},
    )


def _filled(pattern: str, where: Mapping[str, str]) -> str:
    """Not with format(): the patterns stand in JSON, whose braces are its own."""
    for name, value in where.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    home = partition.of_region(where["region"])
    return pattern.replace("arn:aws:", f"arn:{home.name}:").replace('"ec2.amazonaws.com"', f'"{home.ec2_principal}"')


def stop_policy(*, account: str, region: str, cluster: str) -> dict[str, Any]:
    """EventBridge Scheduler may stop this run's task, and nothing else."""
    return _document(
        {
            "Sid": "Stop",
            "Effect": "Allow",
            "Action": ["ecs:StopTask"],
            "Resource": [partition.arn("ecs", region, account, f"task/{cluster}/*", of=region)],
        }
    )
