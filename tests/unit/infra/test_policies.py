"""The IAM documents, whole: a word more or less is a change that somebody has to mean."""

from __future__ import annotations

import fnmatch
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from tests.unit.fakes import ACCOUNT, BUCKET, REGION, RUN, job
from tests.unit.strategies import MOMENTS, PROJECTS, SALTS

from aws_run.errors import ConfigError
from aws_run.infra import desired
from aws_run.infra.policies import ReadOnly, execution_policy, instance_policy, task_policy
from aws_run.local.http.iam_policy import applies
from aws_run.naming import RunNames, new_run_id

S3 = f"arn:aws:s3:::{BUCKET}"
OURS = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/arun/demo"
TASK = task_policy(account=ACCOUNT, region=REGION, bucket=BUCKET, project="demo", run_id=RUN)


def test_the_job_reads_its_projects_inputs_and_writes_its_own_run_only() -> None:
    assert {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Inputs", "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": [f"{S3}/inputs/demo/*"], "Condition": OURS,
            },
            {
                "Sid": "OwnRun", "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject",
                           "s3:AbortMultipartUpload"],
                "Resource": [f"{S3}/runs/{RUN}/*"], "Condition": OURS,
            },
            {
                "Sid": "NotTheRecord", "Effect": "Deny", "Action": ["s3:PutObject", "s3:DeleteObject"],
                "Resource": [f"{S3}/runs/{RUN}/run.json"],
            },
            {
                "Sid": "ListOwnRun", "Effect": "Allow", "Action": ["s3:ListBucket"],
                "Resource": [S3],
                "Condition": {**OURS, "StringLike": {"s3:prefix": [f"runs/{RUN}/*"]}},
            },
        ],
    } == TASK  # fmt: skip


def test_inputs_elsewhere_may_be_read_and_their_pins_never_rewritten() -> None:
    """Only what is named; a bucket of this account is bound to it, another's has no account that could be named."""
    made = task_policy(
        account=ACCOUNT, region=REGION, bucket=BUCKET, project="demo", run_id=RUN,
        read=[
            ReadOnly(bucket="mine", prefix="set/", exact=False, own=True),
            ReadOnly(bucket="mine", prefix="odd*/$x?.csv", exact=True, own=True),
            ReadOnly(bucket="theirs", prefix="", exact=False, own=False),
        ],
    )  # fmt: skip
    read = ["s3:GetObject", "s3:GetObjectVersion"]
    statements = {statement["Sid"]: statement for statement in made["Statement"]}
    assert set(statements) - {statement["Sid"] for statement in TASK["Statement"]} == {
        "Pins", "InputsElsewhere", "InputsOfOthers",
    }  # fmt: skip
    assert statements["InputsElsewhere"] == {
        "Sid": "InputsElsewhere", "Effect": "Allow", "Action": read, "Condition": OURS,
        "Resource": ["arn:aws:s3:::mine/set/*", "arn:aws:s3:::mine/odd${*}/${$}x${?}.csv"],
    }  # fmt: skip
    assert statements["InputsOfOthers"] == {
        "Sid": "InputsOfOthers", "Effect": "Allow", "Action": read, "Resource": ["arn:aws:s3:::theirs/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }  # fmt: skip
    assert statements["Pins"]["Action"] == ["s3:GetObjectVersion"]
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not allowed(made, action, f"{S3}/runs/{RUN}/inputs/set.snapshot.json")
        assert not allowed(made, action, "arn:aws:s3:::mine/set/a")
    assert allowed(made, "s3:PutObject", f"{S3}/runs/{RUN}/output/inputs/a")


def allowed(policy: dict[str, Any], action: str, arn: str) -> bool:
    """As IAM decides it, conditions aside: a Deny wins, else an Allow is needed."""
    matching = [
        statement["Effect"]
        for statement in policy["Statement"]
        if any(fnmatch.fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(fnmatch.fnmatchcase(arn, pattern) for pattern in statement["Resource"])
    ]
    return "Allow" in matching and "Deny" not in matching


@pytest.mark.parametrize(
    ("action", "key", "may"),
    [
        ("s3:PutObject", f"runs/{RUN}/output/a.csv", True),
        ("s3:PutObject", f"runs/{RUN}/result.json", True),
        ("s3:GetObject", f"runs/{RUN}/run.json", True),
        ("s3:PutObject", f"runs/{RUN}/run.json", False),
        ("s3:DeleteObject", f"runs/{RUN}/run.json", False),
        ("s3:DeleteObjectVersion", f"runs/{RUN}/output/a.csv", False),
        ("s3:PutObject", "runs/demo-20260102-030405-ffff/output/a", False),
        ("s3:GetObject", "runs/demo-20260102-030405-ffff/output/a", False),
        ("s3:GetObjectVersion", "inputs/demo/data/x", True),
        ("s3:PutObject", "inputs/demo/data/x", False),
        ("s3:GetObject", "inputs/demo-two/data/x", False),
        ("s3:PutObject", f"live/{RUN}", False),
        ("s3:DeleteObject", "locks/demo", False),
    ],
)
def test_what_a_job_may_do_to_a_key(action: str, key: str, may: bool) -> None:
    assert allowed(TASK, action, f"{S3}/{key}") is may


@pytest.mark.parametrize(
    ("action", "resource", "prefix", "may"),
    [
        ("s3:GetObject", f"{S3}/runs/{RUN}/output/a", "", True),
        ("s3:PutObject", f"{S3}/runs/{RUN}/output/a", "", True),
        ("s3:GetObject", f"{S3}/inputs/demo/a", "", True),
        ("s3:ListBucket", S3, f"runs/{RUN}/output", True),
        ("s3:GetObject", f"{S3}/runs/demo-20260101-000000-0000/output/a", "", False),
        ("s3:PutObject", f"{S3}/runs/demo-20260101-000000-0000/output/a", "", False),
        ("s3:GetObject", f"{S3}/runs/{RUN}x/output/a", "", False),
        ("s3:GetObject", f"{S3}/inputs/other/a", "", False),
        ("s3:PutObject", f"{S3}/inputs/demo/a", "", False),
        ("s3:ListBucket", S3, "runs/", False),
        ("s3:ListBucket", S3, "", False),
        ("s3:PutObject", f"{S3}/runs/{RUN}/run.json", "", False),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/x", "", False),
    ],
)
def test_a_task_reaches_its_own_run_and_no_other_as_the_embedded_aws_holds_it_to(
    action: str, resource: str, prefix: str, may: bool
) -> None:
    context = {"aws:resourceaccount": ACCOUNT, "aws:securetransport": "true", "s3:prefix": prefix}
    matching = [one["Effect"] for one in TASK["Statement"] if applies(one, action, resource, context)]
    assert ("Allow" in matching and "Deny" not in matching) is may


def test_ecs_may_pull_the_image_write_the_log_and_read_the_secrets_that_are_named() -> None:
    manager = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hf"
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/x"
    made = execution_policy(
        account=ACCOUNT, region=REGION, repositories=["arun/demo"], log_group="/aws-run/demo",
        secrets=[parameter, manager, manager],
    )  # fmt: skip
    assert made == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
            {"Sid": "Pull", "Effect": "Allow", "Action": PULL, "Resource": [REPOSITORY]},
            {
                "Sid": "Logs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws-run/demo:*"],
            },
            {"Sid": "Secrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [manager]},
            {"Sid": "Parameters", "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": [parameter]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("suffix", ["", ":password::", ":password:AWSCURRENT:", "::AWSPREVIOUS:", ":::0f2c"])
def test_a_part_of_a_secret_is_read_by_the_secrets_own_arn(suffix: str) -> None:
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db-AbCdEf"
    made = execution_policy(
        account=ACCOUNT, region=REGION, repositories=["r"], log_group="/l", secrets=[secret + suffix, secret]
    )
    assert made["Statement"][-1]["Resource"] == [secret]


def test_without_secrets_no_secret_may_be_read() -> None:
    made = execution_policy(account=ACCOUNT, region=REGION, repositories=["arun/demo"], log_group="/l", secrets=())
    assert [statement["Sid"] for statement in made["Statement"]] == ["Login", "Pull", "Logs"]


def test_the_machine_may_join_its_projects_clusters_and_has_no_s3() -> None:
    clusters = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/arun-demo-????????-??????-????"
    assert instance_policy(account=ACCOUNT, region=REGION, project="demo", repository="arun/demo") == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Discover", "Effect": "Allow", "Action": ["ecs:DiscoverPollEndpoint"], "Resource": ["*"]},
            {
                "Sid": "Join", "Effect": "Allow",
                "Action": ["ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance",
                           "ecs:SubmitTaskStateChange", "ecs:SubmitContainerStateChange",
                           "ecs:SubmitAttachmentStateChanges"],
                "Resource": [clusters],
            },
            {
                "Sid": "Work", "Effect": "Allow",
                "Action": ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
                "Resource": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/*"],
                "Condition": {"ArnLike": {"ecs:cluster": clusters}},
            },
            {"Sid": "Login", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
            {"Sid": "Pull", "Effect": "Allow", "Action": PULL, "Resource": [REPOSITORY]},
        ],
    }  # fmt: skip


@settings(deadline=None)
@given(PROJECTS, PROJECTS, MOMENTS, SALTS)
@example("a", "a-b", datetime(2026, 1, 2), "abcd")
@example("a", "a-20260102-030405-abcd", datetime(2026, 1, 2), "abcd")
@example("a-20260102", "a", datetime(2026, 1, 2), "abcd")
@example("demo", "demo2", datetime(2026, 1, 2), "abcd")
def test_a_machine_may_join_no_cluster_of_a_project_whose_name_only_begins_like_its_own(
    project: str, other: str, moment: datetime, salt: str
) -> None:
    made = instance_policy(account=ACCOUNT, region=REGION, project=project, repository="r")
    for name in (project, other):
        cluster = RunNames(run_id=new_run_id(name, moment, salt)).cluster
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{cluster}"
        (condition,) = (each["Condition"] for each in made["Statement"] if each["Sid"] == "Work")
        assert allowed(made, "ecs:RegisterContainerInstance", arn) is (name == project)
        assert fnmatch.fnmatchcase(arn, condition["ArnLike"]["ecs:cluster"]) is (name == project)


def test_secrets_get_a_role_of_the_runs_own_that_goes_with_it() -> None:
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hf"
    own = desired.execution_role(job(secrets={"HF": secret}), account=ACCOUNT, region=REGION, run_id=RUN, tags={})
    shared = desired.execution_role(job(), account=ACCOUNT, region=REGION, run_id=RUN, tags={})
    assert (own.scope, own.name) == ("run", f"arun-{RUN}-exec")
    assert (shared.scope, shared.name) == ("shared", f"arun-demo-{REGION}-execution")
    assert own.trust_condition == shared.trust_condition == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize("end", ["", ":1.0", "@sha256:" + "0" * 64])
def test_an_image_in_another_repository_of_the_account_may_be_pulled_by_this_run_alone(end: str) -> None:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/base{end}"
    own = desired.execution_role(job(image=image), account=ACCOUNT, region=REGION, run_id=RUN, tags={})
    assert (own.scope, own.name) == ("run", f"arun-{RUN}-exec")
    pull = next(statement for statement in own.policy["Statement"] if statement["Sid"] == "Pull")
    assert pull["Resource"] == [REPOSITORY, f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/base"]


@pytest.mark.parametrize(
    "image",
    [
        f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/arun/demo@sha256:0",
        f"210987654321.dkr.ecr.{REGION}.amazonaws.com/team/base",
        "docker.io/library/python:3.12",
    ],
)
def test_any_other_image_needs_no_role_of_its_own(image: str) -> None:
    role = desired.execution_role(job(image=image), account=ACCOUNT, region=REGION, run_id=RUN, tags={})
    assert role.scope == "shared"


@pytest.mark.parametrize("region", ["us-iso-east-1", "eusc-de-east-1"])
def test_a_profiles_region_in_another_partition_is_refused_before_anything_is_made(region: str) -> None:
    with pytest.raises(ConfigError, match=f"does not work in {region}"):
        desired.bucket(job(), name="arun", account=ACCOUNT, region=region)


def test_a_task_role_of_the_users_own_replaces_ours() -> None:
    made = desired.task_role(job(), account=ACCOUNT, region=REGION, bucket=BUCKET, run_id=RUN, tags={})
    assert made is not None
    assert (made.scope, made.policy) == ("run", TASK)
    theirs = job(iam={"task_role": "arn:aws:iam::1:role/mine"})
    assert desired.task_role(theirs, account=ACCOUNT, region=REGION, bucket=BUCKET, run_id=RUN, tags={}) is None


def test_a_users_tag_never_hides_one_of_ours() -> None:
    made = desired.tags(job(tags={"team": "x", "aws-run:project": "fake"}), owner="ann", run_id=RUN)
    assert made == {"team": "x", "aws-run:project": "demo", "aws-run:owner": "ann", "aws-run:run": RUN}
