"""Accounts as companies have them: another partition, a KMS key of their own, a permissions boundary, required tags, a
task role of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, project, submit

LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.cn-north-1.amazonaws.com.cn"},
    "Action": "kms:*",
    "Resource": "*",
}
OWN = {"Effect": "Allow", "Principal": {"AWS": "arn:aws-cn:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An account of AWS China."""
    with elsewhere(tmp_path_factory.mktemp("home"), "cn-north-1") as running:
        yield running


@contextmanager
def elsewhere(home: Path, region: str) -> Iterator[Cloud]:
    with cloud(home, boto3.Session(region_name=region), region=region) as running:
        yield running


def key(aws: Cloud, *statements: object) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return str(aws.client("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", Policy=policy)["KeyMetadata"]["Arn"])


def run_with_all_of_it(aws: Cloud, tmp_path: Path, *more: object) -> None:
    """A run with a boundary and a required tag: every role has both, and every ARN is of the account's partition."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    boundary = aws.client("iam").create_policy(PolicyName="boundary", PolicyDocument=document)["Policy"]["Arn"]
    before = len(aws.sent)
    folder = project(tmp_path / "demo")
    done = aws.run(
        *submit(folder, tmp_path / "out", "--permissions-boundary", boundary, "--tag", "CostCenter=1234", *more)
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.txt").read_text() == "hello"
    sent = aws.sent[before:]
    assert not [each.body for each in sent if "arn:aws:" in each.body]
    roles = [each.body for each in sent if each.name == "iam:CreateRole"]
    assert roles
    assert all(boundary in body and "CostCenter" in body for body in roles)
    made = ("ecs:CreateCluster", "ecs:RegisterTaskDefinition", "ecs:RunTask", "logs:CreateLogGroup",
            "ec2:CreateLaunchTemplate", "autoscaling:CreateAutoScalingGroup", "ecr:CreateRepository")  # fmt: skip
    assert [each.name for each in sent if each.name in made and "CostCenter" not in each.body] == []
    marks = aws.client("s3").get_bucket_tagging(Bucket=aws.bucket)["TagSet"]
    assert {"Key": "CostCenter", "Value": "1234"} in marks


def test_a_run_in_china_keeps_to_its_partition_and_to_the_users_key_boundary_and_tags(
    aws: Cloud, tmp_path: Path
) -> None:
    mine = key(aws, OWN, LOGS)
    run_with_all_of_it(aws, tmp_path, "--kms-key", mine)
    found = aws.client("s3").get_bucket_encryption(Bucket=aws.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == mine
    done = aws.run("destroy", "--everything", "--yes", "--name", "demo", "--local")
    assert done.returncode == 0, done.stderr
    assert aws.left() == {}


def test_a_key_that_cloudwatch_logs_may_not_use_is_refused_before_anything_is_made(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "demo")
    done = aws.run(*submit(folder, tmp_path / "out", "--kms-key", key(aws, OWN)))
    assert done.returncode == 125
    assert "CloudWatch Logs may not use the KMS key" in done.stderr
    assert "logs.cn-north-1.amazonaws.com.cn" in done.stderr
    assert aws.left() == {}


def test_a_task_role_that_ecs_may_not_assume_is_refused_before_anything_is_made(aws: Cloud, tmp_path: Path) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com.cn"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    done = aws.run(*submit(project(tmp_path / "demo"), tmp_path / "out", "--task-role", role))
    assert done.returncode == 125
    assert f"ECS may not assume the task role {role}" in done.stderr
    assert aws.left() == {}


def test_fargate_spot_has_no_arm64_in_china(aws: Cloud, tmp_path: Path) -> None:
    done = aws.run(*submit(project(tmp_path / "demo"), tmp_path / "out", "--spot", "--arch", "arm64"))
    assert done.returncode == 2
    assert "Fargate Spot has no arm64 in AWS China" in done.stderr
    assert aws.left() == {}


def test_a_run_on_ec2_in_govcloud_keeps_to_its_partition(tmp_path: Path) -> None:
    with elsewhere(tmp_path / "home", "us-gov-west-1") as aws:
        run_with_all_of_it(aws, tmp_path, "--backend", "ec2")
