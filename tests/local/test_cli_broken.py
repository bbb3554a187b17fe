"""What a tester broke through the command line alone, against an embedded AWS that several commands share."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import ENDLESS, Cloud, cloud, log_has, project, submit
from tests.local.support import admin, until

# Copies, says so, and goes on until a file appears that is named after `--until`.
WAITING = """
import argparse, pathlib, shutil, time
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.add_argument("--until", required=True)
options = parser.parse_args()
shutil.copytree(options.i, options.o, dirs_exist_ok=True)
print("copied", flush=True)
while not pathlib.Path(options.until).exists():
    time.sleep(0.02)
"""


@pytest.fixture
def aws(tmp_path: Path, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path / "home", aws_session) as running:
        yield running


def delete_bucket(aws: Cloud) -> None:
    s3 = aws.client("s3")
    name = s3.list_buckets()["Buckets"][0]["Name"]
    found = s3.list_object_versions(Bucket=name)
    every = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
    s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in every]})
    s3.delete_bucket(Bucket=name)


def test_a_bucket_that_is_deleted_under_the_run_is_said_once_and_the_teardown_goes_on(
    aws: Cloud, tmp_path: Path
) -> None:
    folder, go = project(tmp_path / "demo", WAITING), tmp_path / "go"
    child = aws.start(*submit(folder, tmp_path / "out", "--", "--until", go))
    log_has(aws, "copied")
    delete_bucket(aws)
    go.touch()
    _, said = child.communicate(timeout=60)
    assert child.returncode == 125, said
    assert "was deleted while the job ran, so its results are lost" in said
    assert said.count("NoSuchBucket") <= 2, "the job's own two lines"
    left = aws.left()
    # Nobody can tell whether another run uses these: they cost nothing, and one command removes them.
    assert set(left) <= {"repository", "log-group", "role"}
    assert "aws-run destroy" in said
    assert all("-task" not in name and "-stop" not in name for name in left.get("role", ()))
    assert aws.run("destroy", "--local", "-n", "demo").returncode == 0
    assert set(aws.left()) <= {"repository"}


def test_the_first_ctrl_c_in_the_teardown_is_answered_and_the_job_keeps_its_exit_code(
    aws: Cloud, tmp_path: Path
) -> None:
    child = slow_teardown(aws, tmp_path, throttled=2)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    assert "press Ctrl-C again to leave at once" in said
    assert set(aws.left()) == {"bucket", "repository"}


def test_the_second_ctrl_c_in_the_teardown_leaves_at_once_with_the_command_that_finishes(
    aws: Cloud, tmp_path: Path
) -> None:
    child = slow_teardown(aws, tmp_path, throttled=9)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    while "press Ctrl-C again" not in child.stderr.readline():
        pass
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert time.monotonic() - began < 3
    assert "hint: aws-run cleanup demo-" in said


def throttle(aws: Cloud, times: int) -> None:
    fault = {"operation": "ecs:DeleteCluster", "how": "throttle", "times": times}
    admin(aws.local, "faults", fault)


def slow_teardown(aws: Cloud, tmp_path: Path, throttled: int) -> subprocess.Popen[str]:
    """A submit whose teardown has begun and whose first step AWS throttles a while."""
    throttle(aws, throttled)
    child = aws.start(*submit(project(tmp_path / "demo"), tmp_path / "out"))
    until(lambda: "ecs:DeregisterTaskDefinition" in aws.names_sent(), timeout_s=30)
    return child


def test_ctrl_c_in_a_cleanup_is_answered_once_too(aws: Cloud, tmp_path: Path) -> None:
    done = aws.run(*submit(project(tmp_path / "demo", ENDLESS), tmp_path / "out", "--detach", "--json"))
    run = json.loads(done.stdout)["run_id"]
    throttle(aws, 2)
    child = aws.start("cleanup", run, "--local")
    until(lambda: "ecs:StopTask" in aws.names_sent(), timeout_s=30)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    assert "press Ctrl-C again to leave at once" in said
    assert set(aws.left()) == {"bucket", "repository"}
