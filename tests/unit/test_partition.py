"""China and GovCloud: every ARN, address and principal that a run makes is of the region's own partition."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import ACCOUNT, RUN, START, FakeAws, FakeClock, job

from aws_run import naming, partition
from aws_run.console_pages import bucket_prefix
from aws_run.infra import desired, policies
from aws_run.infra.resource_types import bucket, repository, role, schedule
from aws_run.infra.resource_types.schedule import Schedule

REGIONS = [
    ("us-east-1", "aws", "amazonaws.com", "https://us-east-1.console.aws.amazon.com"),
    ("cn-north-1", "aws-cn", "amazonaws.com.cn", "https://console.amazonaws.cn"),
    ("us-gov-west-1", "aws-us-gov", "amazonaws.com", "https://console.amazonaws-us-gov.com"),
]
each = pytest.mark.parametrize(("region", "name", "suffix", "console"), REGIONS, ids=[row[0] for row in REGIONS])


def arns(document: Any) -> list[str]:
    text = json.dumps(document)
    return [piece for piece in text.split('"') if piece.startswith("arn:")]


@each
def test_every_arn_of_a_runs_policies_is_of_its_partition(region: str, name: str, suffix: str, console: str) -> None:
    who: dict[str, Any] = {"account": ACCOUNT, "region": region}
    elsewhere = (policies.ReadOnly(bucket="data", prefix="set/", exact=False, own=True),)
    key = partition.arn("kms", region, ACCOUNT, "key/1", of=region)
    documents = [
        policies.task_policy(**who, bucket="b", project="demo", run_id=RUN, read=elsewhere, kms_key=key),
        policies.execution_policy(**who, repositories=["arun/demo"], log_group="/aws-run/demo", secrets=[]),
        policies.instance_policy(**who, project="demo", repository="arun/demo"),
        policies.stop_policy(**who, cluster="arun-c"),
    ]
    found = [arn for document in documents for arn in arns(document)]
    assert len(found) > 10
    assert {arn.split(":")[1] for arn in found} == {name}
    assert f'"kms:ViaService": "s3.{region}.{suffix}"' in json.dumps(documents[0])
    assert role.arn(ACCOUNT, "arun-x", region=region) == f"arn:{name}:iam::{ACCOUNT}:role/aws-run/arun-x"


@each
def test_what_aws_is_sent_is_of_its_partition(region: str, name: str, suffix: str, console: str) -> None:
    aws = FakeAws(region=region).on("create_schedule", {"ScheduleArn": "arn"})
    bucket.create(aws, desired.bucket(job(), name="arun", account=ACCOUNT, region=region), FakeClock())
    wanted = Schedule(name="s", at=START + timedelta(hours=1), cluster="c", task_arn="arn:t", role_arn="arn:r")
    schedule.create(aws, wanted, FakeClock())
    repository.owner_tags(aws, "arun/demo")
    sent = [
        arn
        for call in aws.calls
        for arn in arns({**call.parameters, "Policy": json.loads(call.parameters.get("Policy", "{}"))})
    ]
    assert {arn.split(":")[1] for arn in sent if len(arn.split(":")) > 2} == {name}
    assert f"arn:{name}:scheduler:::aws-sdk:ecs:stopTask" in sent


@each
def test_links_lead_to_the_partitions_console(region: str, name: str, suffix: str, console: str) -> None:
    for link in (
        bucket.console_link("b", region), repository.console_link("arun/demo", region), bucket_prefix("b", "runs/", region),
    ):  # fmt: skip
        assert link.startswith(f"{console}/")
        assert region in link


def test_only_ec2_has_another_principal_in_china() -> None:
    assert desired.instance_role(job(), account=ACCOUNT, region="cn-north-1", tags={}).service == "ec2.amazonaws.com.cn"
    assert desired.instance_role(job(), account=ACCOUNT, region="us-gov-west-1", tags={}).service == "ec2.amazonaws.com"
    made = desired.execution_role(job(), account=ACCOUNT, region="cn-north-1", run_id=RUN, tags={})
    assert made.service == "ecs-tasks.amazonaws.com"


def test_an_image_of_china_is_the_accounts_own() -> None:
    image = f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/team/base:1"
    made = desired.execution_role(job(image=image), account=ACCOUNT, region="cn-north-1", run_id=RUN, tags={})
    assert made.scope == "run"
    aws = FakeAws(region="cn-north-1")
    repository.ready_image(aws, image)
    assert aws.operations == ["batch_get_image"]


@given(region=st.sampled_from(["cn-northwest-1", "us-gov-east-1", "eu-central-1", "ap-southeast-7", "mx-central-1"]))
def test_an_arn_names_its_partition_second(region: str) -> None:
    made = partition.arn("ecs", region, ACCOUNT, "cluster/c", of=region)
    assert made.split(":") == ["arn", partition.of_region(region).name, "ecs", region, ACCOUNT, "cluster/c"]
    assert len(naming.bucket_name(ACCOUNT, region)) <= 63
