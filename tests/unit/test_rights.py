"""The table of the caller's rights has every AWS call that the code makes, and only those."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from aws_run import rights
from aws_run.infra.policies import caller_policy
from aws_run.infra.policy_formats import INLINE_MAX, MANAGED_MAX, size, split
from aws_run.rights import NETWORK_RIGHTS, actions_of
from aws_run.rights import RIGHTS as CALLERS
from aws_run.usecases.iam_policy import iam_policy

RIGHTS = (*CALLERS, *NETWORK_RIGHTS)
RUNNER = Path(rights.__file__).parent
SERVICES = (
    "autoscaling", "bcm-data-exports", "ce", "ec2", "ecr", "ecs", "iam", "kms", "logs", "pricing", "s3", "scheduler", "secretsmanager", "service-quotas",
    "ssm", "sts",
)  # fmt: skip
# Names of operations that stand in the code for something else, or that nobody has to be allowed.
NO_CALLS = {
    "kms:Sign",
    "sts:GetCallerIdentity",
    "sts:AssumeRoleWithWebIdentity",
}  # the role's trust policy decides on the latter
# Made by Docker and by the transfer engine, not through the session: the table has them, no text of the code does.
ELSEWHERE = {
    "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload",
    "ecr:BatchGetImage", "ecr:PutImage", "s3:AbortMultipartUpload", "s3:GetObject",
    # Asked for by another call, and never made by itself.
    "autoscaling:CreateOrUpdateTags", "iam:PassRole",
    "ec2:DescribeRegions",  # in another region than the session's
}  # fmt: skip


def operations() -> dict[str, set[str]]:
    """boto3's name of an operation -> the `service:Operation`s that it may be."""
    session = botocore.session.get_session()
    names: dict[str, set[str]] = {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            names.setdefault(xform_name(operation), set()).add(f"{service}:{operation}")
    return names


def named_in_the_code() -> dict[str, str]:
    """Each text of the product that is an operation's name, with where it stands."""
    known = operations()
    found: dict[str, str] = {}
    for path in sorted(RUNNER.rglob("*.py")):
        if path.is_relative_to(RUNNER / "local"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known:
                found.setdefault(node.value, f"{path.relative_to(RUNNER)}:{node.lineno}")
    return found


def test_every_call_of_the_code_is_in_the_table() -> None:
    in_the_table, known = {call for right in RIGHTS for call in right.calls}, operations()
    missing = [
        f"{where} calls {name}"
        for name, where in named_in_the_code().items()
        if not known[name] & (in_the_table | NO_CALLS)
    ]
    assert missing == [], "add a row to aws_run/rights.py, and run tools/gen-docs"


def test_the_table_has_no_call_that_the_code_does_not_make() -> None:
    known, named = operations(), named_in_the_code()
    made = {call for name in named for call in known[name]} | ELSEWHERE
    assert [right.action for right in RIGHTS if not set(right.calls) & made] == []


def test_every_call_is_one_that_botocore_knows() -> None:
    known = {call for calls in operations().values() for call in calls}
    # The registry's own protocol, and IAM's rights that no operation is named after.
    known |= {"iam:PassRole"}
    assert [call for right in RIGHTS for call in right.calls if call not in known] == []


@pytest.mark.parametrize(
    ("service", "operation", "actions"),
    [
        ("s3", "HeadBucket", ("s3:ListBucket",)),
        ("s3", "PutBucketEncryption", ("s3:PutEncryptionConfiguration",)),
        ("service-quotas", "GetServiceQuota", ("servicequotas:GetServiceQuota",)),
        ("ecs", "DescribeServices", ("ecs:DescribeServices",)),
        ("ecs", "RunTask", ("ecs:RunTask", "iam:PassRole", "ecs:TagResource")),
    ],
)
def test_a_refused_call_is_an_action_to_ask_for(service: str, operation: str, actions: tuple[str, ...]) -> None:
    assert actions_of(service, operation) == actions


def test_a_group_that_may_not_be_made_names_what_auto_scaling_keeps_to_itself() -> None:
    named = actions_of("autoscaling", "CreateAutoScalingGroup")
    assert named[0] == "autoscaling:CreateAutoScalingGroup"
    assert {"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"} <= set(named)


def test_the_policy_fits_a_role_and_its_parts_fit_managed_policies() -> None:
    whole = caller_policy(account="123456789012", region="ap-southeast-2")
    assert size(whole) <= INLINE_MAX
    parts = split(whole)
    assert [part["Statement"] for part in parts if size(part) > MANAGED_MAX] == []
    assert [row for part in parts for row in part["Statement"]] == whole["Statement"]


@pytest.mark.parametrize("role", ["caller", "network", "execution", "task", "instance"])
def test_a_template_is_the_same_document_once_its_account_is_filled_in(role: str) -> None:
    where = {"region": "us-east-1", "project": "demo", "boundary": None}
    plain = json.loads(iam_policy(role, "json", account="123456789012", **where).text)
    template = json.loads(iam_policy(role, "cloudformation", account=None, **where).text)
    documents = [each["Properties"]["PolicyDocument"] for each in template["Resources"].values()]

    def filled(value: object) -> object:
        if isinstance(value, dict):
            if set(value) == {"Fn::Sub"}:
                return value["Fn::Sub"].replace("${AWS::AccountId}", "123456789012")
            return {key: filled(member) for key, member in value.items()}
        return [filled(member) for member in value] if isinstance(value, list) else value

    assert [filled(row) for document in documents for row in document["Statement"]] == plain["Statement"]
    terraform = iam_policy(role, "terraform", account=None, **where).text
    bodies = [text.partition("\n}")[0] for text in terraform.split("jsonencode(")[1:]]
    rows = [row for body in bodies for row in json.loads(body.rstrip().removesuffix(")"))["Statement"]]
    account = "${data.aws_caller_identity.current.account_id}"
    assert json.loads(json.dumps(rows).replace(account, "123456789012")) == plain["Statement"]


def test_a_boundary_binds_every_action_that_makes_rights() -> None:
    arn = "arn:aws:iam::123456789012:policy/limit"
    for row in caller_policy(account="123456789012", boundary=arn)["Statement"]:
        makes = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"} & set(row["Action"])
        if makes:
            assert row["Condition"] == {"ArnEquals": {"iam:PermissionsBoundary": arn}}, makes
