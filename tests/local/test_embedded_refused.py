"""What the embedded AWS once took though AWS refuses it (docs/real-aws.md): one table, in one embedded AWS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.local.support import Client, boto_client, process_image, role, run, stopped, subnet, task, task_definition
from tests.waiting import until

from aws_run.local.options import LocalAws

FARGATE = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
JOB = {"name": "job", "image": "image"}
LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}}
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::arun-plain/*"}
NOBODY = {**EVERYBODY, "Effect": "Deny"}
SOME = {**EVERYBODY, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
# Of b"123456789", as the catalogue of parametrised CRC algorithms has them.
CHECK = b"123456789"
CRC32C, CRC64 = 0xE3069283, 0xAE8B14860A799888


def b64(number: int, size: int) -> str:
    return base64.b64encode(number.to_bytes(size, "big")).decode()


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refusals(client: Client) -> dict[str, tuple[str, Callable[[], Any]]]:
    """What is tried -> the code that AWS refuses it with ("" where it takes it), and the call."""
    ecs, s3, iam, logs, scheduler = (client(name) for name in ("ecs", "s3", "iam", "logs", "scheduler"))
    execution = role(client, "execution")
    s3.create_bucket(Bucket="arun-plain")
    s3.put_public_access_block(
        Bucket="arun-plain", PublicAccessBlockConfiguration={"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    )
    ecs.create_cluster(clusterName="arun-a")

    def register(*, of: dict[str, Any] | None = None, **more: Any) -> Callable[[], Any]:
        job = {**JOB, **(of or {})}
        return lambda: ecs.register_task_definition(family="arun-a", containerDefinitions=[job], **{**FARGATE, **more})

    def put(**more: Any) -> Callable[[], Any]:
        return lambda: s3.put_object(**{"Bucket": "arun-plain", "Key": "k", "Body": CHECK, **more})

    def run_task(**more: Any) -> Callable[[], Any]:
        return lambda: ecs.run_task(**{"cluster": "arun-a", "taskDefinition": "arun-a", **more})

    def schedule(**target: Any) -> Callable[[], Any]:
        arn = "arn:aws:scheduler:::aws-sdk:ecs:stopTask"
        whole = {"Arn": arn, "RoleArn": role_of_scheduler, "Input": '{"Cluster": "c", "Task": "t"}', **target}
        return lambda: scheduler.create_schedule(
            Name="s", ScheduleExpression="at(2099-01-01T00:00:00)", FlexibleTimeWindow={"Mode": "OFF"}, Target=whole
        )

    role_of_scheduler = role(client, "scheduler", service="scheduler.amazonaws.com")
    return {
        "a definition": ("", register()),
        "one of more than 64 KB": ("ClientException", register(of={"command": ["x" * 66_000]})),
        "one whose role is not there": ("ClientException", register(taskRoleArn="arn:aws:iam::123456789012:role/no")),
        "one with logs and no execution role": ("ClientException", register(of={"logConfiguration": LOGS})),
        "one with logs and an execution role": (
            "", register(of={"logConfiguration": LOGS}, executionRoleArn=execution)
        ),
        "one with secrets and no execution role": (
            "ClientException", register(of={"secrets": [{"name": "A", "valueFrom": "arn:aws:ssm:r:1:parameter/a"}]})
        ),
        "one without an essential container": ("ClientException", register(of={"essential": False})),
        "a tag with a comma in ECS": ("InvalidParameterException", register(tags=[{"key": "a", "value": "b,c"}])),
        "a tag with a comma in IAM": (
            "ValidationError", lambda: iam.tag_role(RoleName="execution", Tags=[{"Key": "a", "Value": "b,c"}])
        ),
        "a trust policy that trusts nobody": (
            "MalformedPolicyDocument", lambda: iam.create_role(RoleName="x", AssumeRolePolicyDocument="{}")
        ),
        "a policy of AWS's that is none": (
            "NoSuchEntity",
            lambda: iam.attach_role_policy(RoleName="execution", PolicyArn="arn:aws:iam::aws:policy/Nothing"),
        ),
        "a policy of AWS's": (
            "",
            lambda: iam.attach_role_policy(
                RoleName="execution",
                PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
            ),
        ),
        "eleven tasks at once": ("InvalidParameterException", run_task(count=11)),
        "startedBy with a comma": ("InvalidParameterException", run_task(startedBy="a,b")),
        "overrides of more than 8,192 characters": (
            "InvalidParameterException",
            run_task(
                launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet(client)]}},
                overrides={"containerOverrides": [{"name": "job", "command": ["x" * 8200]}]},
            ),
        ),
        "a schedule": ("", schedule()),
        "a schedule in camelCase": ("ValidationException", schedule(Input='{"cluster": "c", "task": "t"}')),
        "a schedule of an API that is none": (
            "ValidationException", schedule(Arn="arn:aws:scheduler:::aws-sdk:ecs:stopTheTask")
        ),
        "a schedule whose role is not the scheduler's": ("ValidationException", schedule(RoleArn=execution)),
        "a retention of 31 days": (
            "InvalidParameterException",
            lambda: (
                logs.create_log_group(logGroupName="/g"),
                logs.put_retention_policy(logGroupName="/g", retentionInDays=31),
            ),
        ),
        "a bucket of the namespace without its header": (
            "MissingNamespaceHeader", lambda: s3.create_bucket(Bucket="arun-123456789012-us-east-1-an")
        ),
        "a public bucket policy": (
            "AccessDenied", lambda: s3.put_bucket_policy(Bucket="arun-plain", Policy=policy(NOBODY, EVERYBODY))
        ),
        "a bucket policy for one network": (
            "", lambda: s3.put_bucket_policy(Bucket="arun-plain", Policy=policy(NOBODY, SOME))
        ),
        "a wrong MD5": ("BadDigest", put(ContentMD5=base64.b64encode(hashlib.md5(b"").digest()).decode())),
        "a wrong CRC-32": ("BadDigest", put(ChecksumCRC32=b64(1, 4))),
        "a wrong CRC-32C": ("BadDigest", put(ChecksumCRC32C=b64(1, 4))),
        "a wrong CRC-64": ("BadDigest", put(ChecksumCRC64NVME=b64(1, 8))),
        "a wrong SHA-1": ("BadDigest", put(ChecksumSHA1=base64.b64encode(hashlib.sha1(b"").digest()).decode())),
        "a wrong SHA-256": ("BadDigest", put(ChecksumSHA256=base64.b64encode(hashlib.sha256(b"").digest()).decode())),
        "a right CRC-32": ("", put(ChecksumCRC32=b64(zlib.crc32(CHECK), 4))),
        "a right CRC-32C": ("", put(ChecksumCRC32C=b64(CRC32C, 4))),
        "a right CRC-64": ("", put(ChecksumCRC64NVME=b64(CRC64, 8))),
    }  # fmt: skip


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_the_embedded_aws_refuses_what_aws_refuses_and_takes_what_it_takes(client: Client) -> None:
    table = refusals(client)
    assert {name: code_of(call) for name, (_, call) in table.items()} == {
        name: code for name, (code, _) in table.items()
    }


def test_the_second_version_of_signatures_is_refused_in_awss_words(
    local_aws: LocalAws, aws_session: boto3.Session
) -> None:
    """`aws s3 presign` writes them for addresses that aren't AWS's own; buckets made since 2020 take none."""
    words = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    boto_client(aws_session, local_aws, "s3").create_bucket(Bucket="arun-plain")
    old = boto_client(
        aws_session, local_aws, "s3", config=Config(signature_version="s3", s3={"addressing_style": "path"})
    )
    link = old.generate_presigned_url("get_object", Params={"Bucket": "arun-plain", "Key": "k"})
    assert "AWSAccessKeyId=" in link
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link)
    with refused.value as answer:
        assert (answer.code, parse_xml(answer)) == (400, ("InvalidRequest", words))
    with pytest.raises(ClientError, match=re.escape(words)) as signed:
        old.list_objects_v2(Bucket="arun-plain")
    assert signed.value.response["Error"]["Code"] == "InvalidRequest"


def parse_xml(answer: IO[bytes]) -> tuple[str | None, str | None]:
    root = ElementTree.fromstring(answer.read())
    return root.findtext("Code"), root.findtext("Message")


def test_it_shows_what_other_clients_read(client: Client, local_aws: LocalAws, tmp_path: Path) -> None:
    """Dask's FargateCluster reads all of it."""
    ecs, here = client("ecs"), subnet(client)
    ecs.create_cluster(clusterName="arun-a")
    assert ecs.describe_clusters(clusters=["arun-a"])["clusters"][0]["tags"] == []
    (setting,) = ecs.list_account_settings(name="taskLongArnFormat", effectiveSettings=True)["settings"]
    assert setting["value"] == "enabled"
    image = process_image(local_aws, client, tmp_path / "image", {"main.py": "import time\ntime.sleep(60)\n"})
    definition = task_definition(
        client, image, ["python", "main.py"], executionRoleArn=role(client, "execution"), **FARGATE
    )
    asked = {"awsvpcConfiguration": {"subnets": [here], "assignPublicIp": "ENABLED"}}
    new = run(client, definition, launchType="FARGATE", networkConfiguration=asked)
    assert (new["lastStatus"], new["attachments"][0]["status"]) == ("PROVISIONING", "PRECREATED")
    assert "pullStartedAt" not in new
    until(lambda: task(client, new["taskArn"])["lastStatus"] == "RUNNING")
    there = task(client, new["taskArn"])
    (attachment,) = there["attachments"]
    details = {one["name"]: one["value"] for one in attachment["details"]}
    assert attachment["status"] == "ATTACHED"
    assert (
        there["availabilityZone"] == client("ec2").describe_subnets(SubnetIds=[here])["Subnets"][0]["AvailabilityZone"]
    )
    interfaces = client("ec2").describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])
    (interface,) = interfaces["NetworkInterfaces"]
    assert interface["PrivateIpAddresses"][0]["PrivateIpAddress"] == details["privateIPv4Address"]
    assert interface["Association"]["PublicIp"]
    ecs.stop_task(cluster="arun-a", task=new["taskArn"])
    stopped(client, new["taskArn"])
