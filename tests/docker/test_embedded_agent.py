"""The embedded AWS's agent with a real engine: push, pull, run, limits, credentials, stop."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from tests.local.support import boto_client, log_lines, role, run, stack, stopped, task, task_definition
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalOptions
from aws_run.local.runtime.docker import LABEL

_LOOK = """
import json, os, urllib.request
def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
metadata = get(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task")
credentials = get(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
print(json.dumps({
    "task": metadata["TaskARN"], "role": credentials["RoleArn"],
    "keys": sorted({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(os.environ)),
    "where": os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].split(":")[1],
}))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Embedded, Callable[[str], Any]]]:
    # With the small registry of our own, so that it and its password meet a real engine.
    options = LocalOptions(boot_s=0.05, runtime="docker")
    embedded = Embedded(options, tmp_path_factory.mktemp("state"))
    local = embedded.start()
    session = boto3.Session(region_name="us-east-1")
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = boto_client(session, local, service)
        return made[service]

    stack(client, size=1)
    yield embedded, client
    for one in made.values():
        one.close()
    embedded.stop()
    assert embedded.world.errors == []


@pytest.fixture(scope="module")
def image(
    world: tuple[Embedded, Callable[[str], Any]], base_image: str, docker_engine: docker.DockerClient
) -> Iterator[str]:
    """The base image, pushed, removed here, and named by digest: the agent must pull it."""
    _, client = world
    uri = client("ecr").create_repository(repositoryName="arun/agent")["repository"]["repositoryUri"]
    subprocess.run(["docker", "tag", base_image, f"{uri}:t1"], check=True)
    stranger = docker_engine.images.push(uri, tag="t1", auth_config={"username": "AWS", "password": "guessed"})
    assert "unauthorized" in stranger.lower() or "no basic auth" in stranger.lower(), stranger
    token = client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    username, _, password = base64.b64decode(token).decode().partition(":")
    pushed = docker_engine.images.push(uri, tag="t1", auth_config={"username": username, "password": password})
    assert "error" not in pushed.lower(), pushed
    subprocess.run(["docker", "rmi", f"{uri}:t1"], check=True, capture_output=True)
    found = client("ecr").describe_images(repositoryName="arun/agent", imageIds=[{"imageTag": "t1"}])
    pulled = f"{uri}@{found['imageDetails'][0]['imageDigest']}"
    yield pulled
    subprocess.run(["docker", "rmi", pulled], check=True, capture_output=True)


def test_a_container_finds_its_credentials_where_ecs_has_them(world: Any, image: str) -> None:
    _, client = world
    arn = role(client, "arun-task", [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    made = run(client, task_definition(client, image, ["python3", "-c", _LOOK], taskRoleArn=arn))
    assert stopped(client, made["taskArn"])["containers"][0]["exitCode"] == 0
    seen = json.loads(log_lines(client, made["taskArn"])[0])
    assert seen == {"task": made["taskArn"], "role": arn, "keys": [], "where": "//169.254.170.2"}


def test_a_job_that_tries_to_be_more_is_a_job(world: tuple[Embedded, Callable[[str], Any]], image: str) -> None:
    """Forged and true signatures, Batch, the pages of the embedded AWS and of moto, from inside a container."""
    embedded, client = world
    for bucket in ("arun-mine", "arun-theirs"):
        client("s3").create_bucket(Bucket=bucket)
    mine = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::arun-mine", "arn:aws:s3:::arun-mine/*"]}
    others = {"Effect": "Allow", "Action": ["batch:*", "ecs:*", "iam:*", "ec2:*"], "Resource": "*"}
    arn = role(client, "arun-escape", [mine, others])
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        script = (Path(__file__).parent / "escape.py").read_text()
        keys = client("ecs")._get_credentials().get_frozen_credentials()
        program = ["python3", "-c", script, str(stranger.pid), keys.access_key, keys.secret_key]
        made = run(client, task_definition(client, image, program, taskRoleArn=arn))
        assert stopped(client, made["taskArn"])["containers"][0]["exitCode"] == 0
        got = json.loads(log_lines(client, made["taskArn"])[0])
        assert got.pop("mine")[0] == 200
        assert {name: status for name, (status, _) in got.items() if status < 400} == {}
        assert "AccessDenied" in got["theirs"][1]
        assert "Tasks call AWS with their role's credentials" in got["theirs by the user's keys"][1]
        for service in ("batch", "ecs", "iam", "lambda", "ec2"):
            assert f"does not have {service} here; it has logs, s3, sts" in got[f"role {service}"][1]
        client("ecs").list_clusters()
        assert stranger.poll() is None
        assert client("ecs").list_clusters()["clusterArns"] != []
        assert embedded.world.clock.seconds() < 9999
    finally:
        stranger.kill()
        stranger.wait()


def test_a_last_line_without_its_newline_is_in_the_log_like_any_other(world: Any, image: str) -> None:
    _, client = world
    program = "import sys; sys.stdout.write('out\\nlast of out'); sys.stderr.write('err\\nlast of err')"
    tasks = [run(client, task_definition(client, image, ["python3", "-c", program])) for _ in range(6)]
    for made in (one["taskArn"] for one in tasks):
        stopped(client, made)
        assert sorted(log_lines(client, made)) == ["err", "last of err", "last of out", "out"]


def test_a_container_over_its_memory_is_killed_and_says_so(world: Any, image: str) -> None:
    _, client = world
    hog = ["python3", "-c", "import time; time.sleep(0.5); x = bytearray(1 << 30)"]
    done = stopped(client, run(client, task_definition(client, image, hog, container={"memory": 64}))["taskArn"])
    assert done["containers"][0]["exitCode"] == 137
    assert done["containers"][0]["reason"].startswith("OutOfMemoryError: ")


def test_stop_task_is_sigterm_and_nothing_is_left_of_the_container(
    world: Any, image: str, docker_engine: docker.DockerClient, tmp_path: Path
) -> None:
    _, client = world
    script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"
    made = run(client, task_definition(client, image, ["sh", "-c", script]))
    until(lambda: task(client, made["taskArn"])["lastStatus"] == "RUNNING" and log_lines(client, made["taskArn"]))
    client("ecs").stop_task(cluster="arun-a", task=made["taskArn"])
    assert stopped(client, made["taskArn"])["containers"][0]["exitCode"] == 5
    assert log_lines(client, made["taskArn"]) == ["up", "bye"]
    task_id = made["taskArn"].split("/")[-1]
    assert docker_engine.containers.list(all=True, filters={"label": [LABEL, f"aws-run.task={task_id}"]}) == []


def test_an_image_nobody_has_is_a_pull_failure(world: Any, image: str) -> None:
    _, client = world
    missing = image.rpartition("@")[0] + "@sha256:" + "0" * 64
    done = stopped(client, run(client, task_definition(client, missing, ["true"]))["taskArn"])
    assert done["stopCode"] == "TaskFailedToStart"
    assert done["stoppedReason"].startswith("CannotPullContainerError: ")


def test_a_program_that_is_not_there_can_not_start(world: Any, image: str) -> None:
    _, client = world
    done = stopped(client, run(client, task_definition(client, image, ["no-such-program"]))["taskArn"])
    assert done["stopCode"] == "TaskFailedToStart"
    assert "no-such-program" in done["containers"][0]["reason"]
