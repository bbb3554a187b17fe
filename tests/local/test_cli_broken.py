"""What a tester broke through the command line alone, against an embedded AWS that several commands share."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import ENDLESS, Cloud, cloud, log_has, project, submit
from tests.waiting import PATIENCE_S

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
    _, said = child.communicate(timeout=PATIENCE_S)
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


class Held:
    """The next AWS call of that name, which AWS takes its time over until it is let go."""

    def __init__(self, aws: Cloud, name: str) -> None:
        self._arrived, self._let_go = threading.Event(), threading.Event()
        aws.before[name] = self._hold

    def _hold(self) -> None:
        self._arrived.set()
        self._let_go.wait(2 * PATIENCE_S)  # longer than any test waits for a client

    def wait(self) -> None:
        assert self._arrived.wait(PATIENCE_S), "the call was never made"

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
def held(aws: Cloud) -> Iterator[Held]:
    """A step in the middle of every teardown."""
    made = Held(aws, "ecs:DeleteCluster")
    yield made
    made.let_go()


def interrupt(child: subprocess.Popen[str]) -> str:
    """Presses Ctrl-C; what is said until it is answered."""
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    lines = []
    for line in child.stderr:
        lines.append(line)
        if "press Ctrl-C again to leave at once" in line:
            break
    return "".join(lines)


def test_the_first_ctrl_c_in_the_teardown_is_answered_and_the_job_keeps_its_exit_code(
    aws: Cloud, held: Held, tmp_path: Path
) -> None:
    child = aws.start(*submit(project(tmp_path / "demo"), tmp_path / "out"))
    held.wait()
    told = interrupt(child)
    assert "press Ctrl-C again to leave at once" in told
    held.let_go()
    _, rest = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, told + rest
    assert set(aws.left()) == {"bucket", "repository"}


def test_the_second_ctrl_c_in_the_teardown_leaves_at_once_with_the_command_that_finishes(
    aws: Cloud, held: Held, tmp_path: Path
) -> None:
    child = aws.start(*submit(project(tmp_path / "demo"), tmp_path / "out"))
    held.wait()
    told = interrupt(child)
    assert "press Ctrl-C again to leave at once" in told
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=PATIENCE_S)  # while AWS still takes its time
    assert child.returncode == 130, told + rest
    assert "hint: aws-run cleanup demo-" in rest


def test_ctrl_c_in_a_cleanup_is_answered_once_too(aws: Cloud, held: Held, tmp_path: Path) -> None:
    done = aws.run(*submit(project(tmp_path / "demo", ENDLESS), tmp_path / "out", "--detach", "--json"))
    run = json.loads(done.stdout)["run_id"]
    child = aws.start("cleanup", run, "--local")
    held.wait()
    told = interrupt(child)
    assert "press Ctrl-C again to leave at once" in told
    held.let_go()
    _, rest = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, told + rest
    assert "press Ctrl-C again" not in rest
    assert set(aws.left()) == {"bucket", "repository"}
