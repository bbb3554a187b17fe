"""Other people's clients of AWS against the embedded AWS: each makes the calls that its users make, and reads them back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.clients.conftest import Client
from tests.local.cli_support import Cloud
from tests.local.support import process_image, role, subnet, task_definition

pytestmark = pytest.mark.nightly  # their installation is a few hundred megabytes
LARGE = 20 * 1024 * 1024  # more than any of them sends in one part
S3FS = """
import os, sys, s3fs
files = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
files.mkdir("of-s3fs")
files.put(sys.argv[1], "of-s3fs/a/large.bin")
with files.open("of-s3fs/a/small.txt", "wb") as file:
    file.write(b"hello")
assert sorted(files.find("of-s3fs")) == ["of-s3fs/a/large.bin", "of-s3fs/a/small.txt"], files.find("of-s3fs")
assert files.cat("of-s3fs/a/small.txt") == b"hello"
assert files.cat("of-s3fs/a/large.bin") == open(sys.argv[1], "rb").read()
files.rm("of-s3fs", recursive=True)
assert not files.exists("of-s3fs/a/small.txt")
"""
MINIO = """
import os, sys
from minio import Minio
there = Minio(
    endpoint=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"], region=os.environ["AWS_REGION"], secure=False,
)
there.make_bucket(bucket_name="of-minio")
there.fput_object(bucket_name="of-minio", object_name="a/large.bin", file_path=sys.argv[1], part_size=5 * 1024 * 1024)
assert [one.object_name for one in there.list_objects(bucket_name="of-minio", recursive=True)] == ["a/large.bin"]
there.fget_object(bucket_name="of-minio", object_name="a/large.bin", file_path="back.bin")
assert open("back.bin", "rb").read() == open(sys.argv[1], "rb").read()
there.remove_object(bucket_name="of-minio", object_name="a/large.bin")
there.remove_bucket(bucket_name="of-minio")
assert not there.bucket_exists(bucket_name="of-minio")
"""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * (LARGE // 256))
    return path


@pytest.fixture
def definition(aws: Cloud, tmp_path: Path) -> str:
    """A Fargate task definition whose task says hello; its ARN."""
    image = process_image(aws.local, aws.client, tmp_path / "image", {"main.py": "print('hello from a task')\n"})
    roles = {one["RoleName"]: one["Arn"] for one in aws.client("iam").list_roles()["Roles"]}
    execution = roles.get("execution") or role(aws.client, "execution")
    if not aws.client("ecs").list_clusters()["clusterArns"]:
        aws.client("ecs").create_cluster(clusterName="demo")
    return task_definition(
        aws.client, image, ["python", "main.py"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
        memory="512", executionRoleArn=execution,
    )  # fmt: skip


def logged(aws: Cloud, task: str) -> list[str]:
    events = aws.client("logs").get_log_events(
        logGroupName="/aws-run/demo", logStreamName=f"run/job/{task.rsplit('/', 1)[-1]}", startFromHead=True
    )["events"]
    return [event["message"] for event in events]


def test_the_aws_cli_copies_syncs_and_removes(client: Client, large: Path, tmp_path: Path) -> None:
    client("aws", "s3", "mb", "s3://of-the-cli")
    client("aws", "s3", "cp", large, "s3://of-the-cli/a/large.bin")
    assert "large.bin" in client("aws", "s3", "ls", "s3://of-the-cli/a/")
    client("aws", "s3", "sync", "s3://of-the-cli", tmp_path / "back")
    assert (tmp_path / "back/a/large.bin").read_bytes() == large.read_bytes()
    client("aws", "s3", "rb", "--force", "s3://of-the-cli")
    assert "of-the-cli" not in client("aws", "s3", "ls")


def test_the_aws_cli_runs_a_task_waits_for_it_and_reads_its_log(client: Client, aws: Cloud, definition: str) -> None:
    where = f"awsvpcConfiguration={{subnets=[{subnet(aws.client)}],assignPublicIp=ENABLED}}"
    answer = client(
        "aws", "ecs", "run-task", "--cluster", "demo", "--launch-type", "FARGATE", "--task-definition", definition,
        "--network-configuration", where,
    )  # fmt: skip
    task = json.loads(answer)["tasks"][0]["taskArn"]
    client("aws", "ecs", "wait", "tasks-stopped", "--cluster", "demo", "--tasks", task)
    shown = json.loads(client("aws", "ecs", "describe-tasks", "--cluster", "demo", "--tasks", task))["tasks"][0]
    assert (shown["lastStatus"], shown["containers"][0]["exitCode"]) == ("STOPPED", 0)
    log = client(
        "aws", "logs", "get-log-events", "--log-group-name", "/aws-run/demo", "--log-stream-name",
        f"run/job/{task.rsplit('/', 1)[-1]}", "--start-from-head",
    )  # fmt: skip
    assert [event["message"] for event in json.loads(log)["events"]] == ["hello from a task"]


def test_ecs_deploy_runs_a_task(client: Client, aws: Cloud, definition: str) -> None:
    before = {task["taskArn"] for task in tasks(aws)}
    said = client(
        "ecs", "run", "demo", definition, "--launchtype", "FARGATE", "--subnet", subnet(aws.client), "--public-ip",
        "--securitygroup", aws.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"],
    )  # fmt: skip
    assert "Successfully started 1 instances" in said
    (task,) = [one["taskArn"] for one in tasks(aws) if one["taskArn"] not in before]
    client("aws", "ecs", "wait", "tasks-stopped", "--cluster", "demo", "--tasks", task)
    assert logged(aws, task) == ["hello from a task"]


def tasks(aws: Cloud) -> list[dict[str, str]]:
    ecs = aws.client("ecs")
    arns = [
        arn
        for state in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster="demo", desiredStatus=state)["taskArns"]
    ]
    return list(ecs.describe_tasks(cluster="demo", tasks=arns)["tasks"]) if arns else []


def test_s3fs_writes_finds_reads_and_removes(client: Client, large: Path) -> None:
    client("python", "-c", S3FS, large)


def test_minio_py_sends_in_parts_lists_and_reads(client: Client, large: Path) -> None:
    client("python", "-c", MINIO, large)


def test_s3cmd_puts_lists_gets_and_removes(client: Client, aws: Cloud, large: Path, tmp_path: Path) -> None:
    host = aws.local.endpoint_url.removeprefix("http://")
    there = (
        f"--host={host}", f"--host-bucket={host}", "--no-ssl", f"--access_key={aws.local.access_key}",
        f"--secret_key={aws.local.secret_key}", "--region=us-east-1", "--multipart-chunk-size-mb=5",
    )  # fmt: skip
    client("s3cmd", *there, "mb", "s3://of-s3cmd")
    client("s3cmd", *there, "put", large, "s3://of-s3cmd/a/large.bin")
    assert "s3://of-s3cmd/a/large.bin" in client("s3cmd", *there, "ls", "--recursive", "s3://of-s3cmd")
    client("s3cmd", *there, "get", "s3://of-s3cmd/a/large.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == large.read_bytes()
    client("s3cmd", *there, "rb", "--recursive", "--force", "s3://of-s3cmd")
