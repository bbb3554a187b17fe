"""What a job names is looked at before anything is made: its task role, permissions boundary and KMS key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.fakes import ACCOUNT, REGION, FakeAws, FakeClock, job, refused

from aws_run.errors import AwsCallError, PreflightError
from aws_run.infra.named import check_named, trusts
from aws_run.infra.resource_types import bucket, log_group
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.tags import upper

ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/mine"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ROLE_JOB, KEY_JOB = job(iam={"task_role": ROLE}), job(kms_key=KEY)
BOUNDARY_JOB = job(iam={"permissions_boundary": BOUNDARY})
METADATA = {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}


def trust(service: Any = "ecs-tasks.amazonaws.com", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def keyed(metadata: dict[str, Any] | None = None, service: str = f"logs.{REGION}.amazonaws.com") -> FakeAws:
    policy = trust(service, Action=["kms:Encrypt*", "kms:GenerateDataKey*"])
    aws = FakeAws().on("describe_key", {"KeyMetadata": {**METADATA, **(metadata or {})}})
    return aws.on("get_key_policy", {"Policy": json.dumps(policy)})


def test_a_job_that_names_nothing_asks_nothing() -> None:
    aws = FakeAws()
    assert check_named(aws, job()) == ()
    assert aws.calls == []


@pytest.mark.parametrize(
    ("document", "may"),
    [
        (trust(), True),
        (trust(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]), True),
        (json.dumps(trust()), True),
        (trust(Action=["sts:TagSession", "sts:AssumeRole"]), True),
        (trust(Action="sts:*"), True),
        (trust(Principal="*"), True),
        (trust("ec2.amazonaws.com"), False),
        (trust(Effect="Deny"), False),
        (trust(Action="sts:TagSession"), False),
        (trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), False),
        ({}, False),
        ({"Statement": trust()["Statement"][0]}, True),
        ({"Statement": ["nonsense"]}, False),
        ("not json", False),
    ],
)
def test_whether_ecs_may_assume_a_role(document: Any, may: bool) -> None:
    assert trusts(document, "ecs-tasks.amazonaws.com") is may


def test_a_task_role_that_ecs_may_not_assume_is_refused_with_the_statement_it_lacks() -> None:
    aws = FakeAws().on("get_role", {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": trust("ec2.amazonaws.com")}})
    with pytest.raises(PreflightError, match="ECS may not assume the task role") as caught:
        check_named(aws, ROLE_JOB)
    assert "--role-name mine" in str(caught.value.hint)
    aws.on("get_role", {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": trust()}})
    assert check_named(aws, ROLE_JOB) == ()


def test_a_task_role_that_is_not_there_or_not_ours_is_refused() -> None:
    with pytest.raises(PreflightError, match="is not there"):
        check_named(FakeAws().on("get_role", refused("NoSuchEntity")), ROLE_JOB)
    elsewhere = f"arn:aws:iam::{ACCOUNT}:role/mine"
    with pytest.raises(PreflightError, match=f"but {elsewhere} is"):
        check_named(FakeAws().on("get_role", {"Role": {"Arn": elsewhere}}), ROLE_JOB)
    with pytest.raises(PreflightError, match="the account 210987654321"):
        check_named(FakeAws(), job(iam={"task_role": "arn:aws:iam::210987654321:role/mine"}))


@pytest.mark.parametrize("wanted", [ROLE_JOB, BOUNDARY_JOB, KEY_JOB], ids=["role", "boundary", "key"])
def test_who_may_not_look_is_told_and_not_refused(wanted: Any) -> None:
    aws = FakeAws()
    for operation in ("get_role", "get_policy", "describe_key", "get_key_policy"):
        aws.on(operation, refused("AccessDenied", "no, not you"))
    notes = check_named(aws, wanted)
    assert notes
    assert all(note.startswith("nobody has checked that ") and "not you" in note for note in notes)
    for operation in ("get_role", "get_policy", "describe_key", "get_key_policy"):
        aws.on(operation, refused("InternalFailure"))
    with pytest.raises(AwsCallError, match="InternalFailure"):
        check_named(aws, wanted)


def test_a_boundary_that_is_not_there_is_refused() -> None:
    with pytest.raises(PreflightError, match="The permissions boundary"):
        check_named(FakeAws().on("get_policy", refused("NoSuchEntity")), BOUNDARY_JOB)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"KeyState": "Disabled"}, "its state is Disabled"),
        ({"KeyState": "PendingDeletion"}, "its state is PendingDeletion"),
        ({"KeySpec": "RSA_2048"}, "RSA_2048 for ENCRYPT_DECRYPT"),
        ({"KeyUsage": "SIGN_VERIFY"}, "SIGN_VERIFY"),
    ],
)
def test_a_key_that_can_not_encrypt_is_refused(metadata: dict[str, Any], why: str) -> None:
    with pytest.raises(PreflightError, match=why):
        check_named(keyed(metadata), KEY_JOB)


def test_a_key_that_is_not_there_is_elsewhere_or_closed_to_cloudwatch_logs_is_refused() -> None:
    assert check_named(keyed(), KEY_JOB) == ()
    with pytest.raises(PreflightError, match="is not there"):
        check_named(FakeAws().on("describe_key", refused("NotFoundException")), KEY_JOB)
    with pytest.raises(PreflightError, match="is one of eu-central-1"):
        check_named(FakeAws(), job(kms_key=KEY.replace(REGION, "eu-central-1")))
    with pytest.raises(PreflightError, match="CloudWatch Logs may not use") as caught:
        check_named(keyed(service="s3.amazonaws.com"), KEY_JOB)
    assert f"logs.{REGION}.amazonaws.com" in str(caught.value.hint)


def wanted_bucket(key: str | None) -> Bucket:
    return Bucket(name="b", region=REGION, runs_retention_days=90, kms_key=key, tags={})


def shown(key: str | None) -> FakeAws:
    marks = {"aws-run:config": bucket.config_digest(wanted_bucket(None)), "aws-run:runs-days": "90"}
    marks |= {"aws-run:kms-key": key} if key else {}
    return FakeAws().on("get_bucket_tagging", {"TagSet": upper(marks)})


def test_the_accounts_bucket_keeps_its_key_and_has_one_for_all_projects() -> None:
    aws = shown(None)
    assert not bucket.observe(aws, wanted_bucket(KEY)).current
    bucket.configure(aws, wanted_bucket(KEY), FakeClock())
    (sent,) = aws.sent("put_bucket_encryption")
    (rule,) = sent["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule["BucketKeyEnabled"] is True
    aws = shown(KEY)  # and a project that names none comes by
    seen = bucket.observe(aws, wanted_bucket(None))
    assert (seen.current, seen.value) == (True, KEY)
    bucket.configure(aws, wanted_bucket(None), FakeClock())
    assert KEY in json.dumps(aws.sent("put_bucket_encryption"))
    assert KEY in json.dumps(aws.sent("put_bucket_tagging"))
    with pytest.raises(PreflightError, match="is the account's and encrypted with"):
        bucket.observe(aws, wanted_bucket(f"{KEY}4"))


def test_a_log_group_is_made_with_the_key_and_brought_to_it() -> None:
    wanted = LogGroup(name="/aws-run/demo", retention_days=30, kms_key=KEY, tags={})
    aws = FakeAws()
    log_group.create(aws, wanted, FakeClock())
    assert aws.sent("create_log_group")[0]["kmsKeyId"] == KEY
    listed = {"logGroupName": wanted.name, "retentionInDays": 30}
    assert not log_group.observe(FakeAws().on("describe_log_groups", {"logGroups": [listed]}), wanted).current
    with_key = {"logGroups": [{**listed, "kmsKeyId": KEY}]}
    assert log_group.observe(FakeAws().on("describe_log_groups", with_key), wanted).current
    plain = LogGroup(name=wanted.name, retention_days=30, tags={})
    assert log_group.observe(FakeAws().on("describe_log_groups", with_key), plain).current
    log_group.configure(aws, wanted, FakeClock())
    assert aws.sent("associate_kms_key") == [{"logGroupName": wanted.name, "kmsKeyId": KEY}]
