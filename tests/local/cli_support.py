"""The real command line as a process of its own, against an embedded AWS that several commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.config import Config
from tests.local.support import boto_client
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.http.protocol import Call, Reply
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.state import held, written
from aws_run.naming import project_of_shared

TOOL = Path(sys.executable).with_name("aws-run")
TIMEOUT_S = 300
COPY = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
options, rest = parser.parse_known_args()
shutil.copytree(options.i, options.o, dirs_exist_ok=True)
print("copied", *rest)
"""
# Writes a file and says so, then goes on until it is told to stop.
ENDLESS = """
import argparse, pathlib, signal
parser = argparse.ArgumentParser()
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
options = parser.parse_args()
pathlib.Path(options.o, "half.txt").write_text("half of it")
print("half of it is done", flush=True)
signal.pause()
"""


# Jobs run on this Python where nothing else is asked for: to look for another takes uv half a second of each submit.
OWN_PYTHON = {"AWS_RUN_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}"}


@dataclass(frozen=True)
class Sent:
    """One AWS call as it came in: `ecs:RunTask`, `s3:PUT /bucket/key`."""

    name: str
    body: str


@dataclass
class Cloud:
    """A started embedded AWS, and how to reach it with the command line and with boto3."""

    local: LocalAws
    home: Path
    session: boto3.Session
    sent: list[Sent] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)  # done once, just before a call of that name

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine's AWS settings; any warning of ours is an error."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        ours = {"XDG_STATE_HOME": str(self.home), "PYTHONWARNINGS": "error", "COLUMNS": "200", "HOME": str(self.home)}
        return {**kept, **ours, **OWN_PYTHON, **self.local.environment()}

    def run(self, *arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """`aws-run` with `--local` where the command has it; stdout and stderr as text."""
        return subprocess.run(
            command(*arguments), capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            env={**self.environment, **environment}, cwd=cwd or self.home, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**self.environment, **environment}, cwd=self.home, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def client(self, service: str) -> Any:
        if service not in self.clients:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            self.clients[service] = boto_client(self.session, self.local, service, config=config)
        return self.clients[service]

    def left(self, word: str = "arun", *, shared: bool = False) -> dict[str, list[str]]:
        """What AWS's own listings show of the names with `word` in them, by kind; kinds with nothing are left out, and
        (unless `shared`) what a project's runs share, which costs nothing."""
        ecs, iam = self.client("ecs"), self.client("iam")
        clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        instances = [
            i for r in self.client("ec2").describe_instances()["Reservations"] for i in r["Instances"]
            if i["State"]["Name"] != "terminated"
        ]  # fmt: skip
        names = {
            "cluster": [c["clusterName"] for c in clusters if c["status"] != "INACTIVE"],
            "capacity-provider": [
                p["name"] for p in ecs.describe_capacity_providers()["capacityProviders"] if p["status"] != "INACTIVE"
            ],
            "task-definition": ecs.list_task_definition_families(status="ACTIVE")["families"],
            "group": [
                g["AutoScalingGroupName"]
                for g in self.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
            ],
            "launch-template": [
                t["LaunchTemplateName"] for t in self.client("ec2").describe_launch_templates()["LaunchTemplates"]
            ],
            "instance": [str({t["Key"]: t["Value"] for t in i.get("Tags", [])}) for i in instances],
            "role": [r["RoleName"] for r in iam.list_roles(PathPrefix="/aws-run/")["Roles"]],
            "instance-profile": [
                p["InstanceProfileName"] for p in iam.list_instance_profiles(PathPrefix="/aws-run/")["InstanceProfiles"]
            ],
            "log-group": [g["logGroupName"] for g in self.client("logs").describe_log_groups()["logGroups"]],
            "schedule": [s["Name"] for s in self.client("scheduler").list_schedules()["Schedules"]],
            "bucket": [b["Name"] for b in self.client("s3").list_buckets()["Buckets"]],
            "repository": [r["repositoryName"] for r in self.client("ecr").describe_repositories()["repositories"]],
        }
        found = {
            kind: [n for n in each if word in n and (shared or project_of_shared(n, self.local.region) is None)]
            for kind, each in names.items()
        }
        return {kind: each for kind, each in found.items() if each}

    @property
    def bucket(self) -> str:
        """The tool's own."""
        names = [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]
        return next(name for name in names if name.startswith("arun-"))

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def text(self, key: str) -> str:
        return str(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def names_sent(self, since: int = 0) -> list[str]:
        return [sent.name for sent in self.sent[since:]]


def command(*arguments: object) -> list[str]:
    return [str(TOOL), *map(str, arguments)]


@contextmanager
def cloud(home: Path, session: boto3.Session, **options: Any) -> Iterator[Cloud]:
    """An embedded AWS in this process, found by the commands as one that `aws-run local start` has left running."""
    state = home / "aws-run"
    state.mkdir(parents=True)
    running = Embedded(LocalOptions(boot_s=0.05, runtime="process", **options), state)
    made = Cloud(local=running.start(), home=home, session=session)
    assert running.app is not None
    running.app.dispatch = recording(running.app.dispatch, made)  # type: ignore[method-assign,assignment]
    try:
        with held(state), written(state, made.local):
            yield made
    finally:
        for client in made.clients.values():
            client.close()
        running.stop()
    assert running.world.errors == []


def recording(dispatch: Callable[[Call], Reply], made: Cloud) -> Callable[[Call], Reply]:
    def both(call: Call) -> Reply:
        if not call.access_key.startswith("ASIA"):  # what tasks do is theirs
            name = f"{call.service}:{call.operation or f'{call.method} {call.path}'}"
            made.sent.append(Sent(name, unquote(call.body.decode(errors="replace"))))
            made.before.pop(name, lambda: None)()
        return dispatch(call)

    return both


def project(folder: Path, script: str = COPY, files: dict[str, str] | None = None) -> Path:
    """A project with a script and an input folder beside it."""
    folder.mkdir()
    (folder / "main.py").write_text(script)
    data = folder / "data"
    data.mkdir()
    for name, text in (files or {"a.txt": "hello"}).items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    return folder


def submit(folder: Path, out: Path, *more: object) -> list[object]:
    """The arguments of a submit of `folder` to the embedded AWS."""
    return ["submit", folder, "-i", folder / "data", "-o", out, "--local", *more]


def log_has(running: Cloud, text: str) -> None:
    """Returns when the job of a run that has not ended has logged `text`: a project's log group outlives its runs."""

    def seen() -> bool:
        logs = running.client("logs")
        if not running.client("s3").list_buckets()["Buckets"]:
            return False
        live = [key.removeprefix("live/") for key in running.keys("live/")]
        for group in logs.describe_log_groups()["logGroups"]:
            for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]:
                events = logs.get_log_events(
                    logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"], startFromHead=True
                )
                if not any(run in stream["logStreamName"] for run in live):
                    continue
                if any(text in event["message"] for event in events["events"]):
                    return True
        return False

    until(seen)
