"""Whatever is deleted behind a running client's back, by somebody at the console, the run ends and nothing is left.

Each kind of thing that a run makes or uses is taken away once its job is at work; then the job ends. What is asked of the
client is the same every time: it ends with an exit code and a sentence of its own, and whatever it could not remove is
gone after the deadline and one `gc` from a machine that knows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.crash.story import Begin, Story, stories

from aws_run.errors import AwsRunError
from aws_run.lifecycle.end import leftovers as collector
from aws_run.local.http.protocol import Reply
from aws_run.naming import ProjectNames, RunNames
from aws_run.runs.keys import RunKeys

REGION = "us-east-1"


class Console:
    """Somebody with every right and no idea of the run."""

    def __init__(self, story: Story) -> None:
        self.names = RunNames(run_id=story.record().run_id)
        self.keys = RunKeys(run_id=self.names.run_id)
        self.project = ProjectNames(project="tiny", region=REGION)
        self._story = story

    def client(self, service: str) -> Any:
        # To a server within this process: a call that is made again while the first is still at it would be a second.
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        # A session of its own: the default one keeps the keys of the first account that this process has seen.
        session = boto3.Session(region_name=REGION)
        return session.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)

    def task(self) -> None:
        arns = self.client("ecs").list_tasks(cluster=self.names.cluster)["taskArns"]
        for arn in arns:
            self.client("ecs").stop_task(cluster=self.names.cluster, task=arn, reason="somebody at the console")

    def group(self) -> None:
        self.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=self.names.group, ForceDelete=True)

    def instance(self) -> None:
        found = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.names.group])
        ids = [i["InstanceId"] for g in found["AutoScalingGroups"] for i in g["Instances"]]
        assert ids
        self.client("ec2").terminate_instances(InstanceIds=ids)

    def cluster(self) -> None:
        ecs = self.client("ecs")
        self.task()
        self._story.account.until(lambda: not self._story.account.tasks(lambda task: task.status != "STOPPED"))
        for arn in ecs.list_container_instances(cluster=self.names.cluster)["containerInstanceArns"]:
            ecs.deregister_container_instance(cluster=self.names.cluster, containerInstance=arn, force=True)
        ecs.delete_cluster(cluster=self.names.cluster)

    def launch_template(self) -> None:
        self.client("ec2").delete_launch_template(LaunchTemplateName=self.names.launch_template)

    def task_definition(self) -> None:
        ecs = self.client("ecs")
        arns = ecs.list_task_definitions(familyPrefix=self.names.family)["taskDefinitionArns"]
        assert arns
        for arn in arns:
            ecs.deregister_task_definition(taskDefinition=arn)
        ecs.delete_task_definitions(taskDefinitions=arns)

    def _role(self, name: str) -> None:
        iam = self.client("iam")
        for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
            iam.delete_instance_profile(InstanceProfileName=profile["InstanceProfileName"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def task_role(self) -> None:
        self._role(self.names.task_role)

    def stop_role(self) -> None:
        self._role(self.names.stop_role)

    def execution_role(self) -> None:
        self._role(self.project.execution_role)

    def instance_role(self) -> None:
        self._role(self.project.instance_role)

    def schedule(self) -> None:
        self.client("scheduler").delete_schedule(Name=self.names.schedule)

    def log_group(self) -> None:
        self.client("logs").delete_log_group(logGroupName=self.project.log_group)

    def repository(self) -> None:
        self.client("ecr").delete_repository(repositoryName="arun/tiny", force=True)

    def live_mark(self) -> None:
        self._objects(f"live/{self.names.run_id}")

    def record(self) -> None:
        self._objects(self.keys.record)

    def run_prefix(self) -> None:
        self._objects(self.keys.prefix)

    def inputs(self) -> None:
        self._objects("inputs/")

    def every_object(self) -> None:
        self._objects("")

    def bucket(self) -> None:
        self._objects("")
        self.client("s3").delete_bucket(Bucket=self._bucket())

    def _bucket(self) -> str:
        (bucket,) = self.client("s3").list_buckets()["Buckets"]
        return str(bucket["Name"])

    def _objects(self, prefix: str) -> None:
        """Every version of them."""
        s3, bucket = self.client("s3"), self._bucket()
        found = s3.list_object_versions(Bucket=bucket, Prefix=prefix)
        every = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
        assert every
        removable = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in every]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": removable})


Delete = Callable[[Console], None]
KINDS: tuple[tuple[str, Delete], ...] = (
    ("ec2", Console.task), ("ec2", Console.group), ("ec2", Console.instance), ("ec2", Console.cluster),
    ("ec2", Console.launch_template), ("ec2", Console.task_definition), ("ec2", Console.task_role),
    ("ec2", Console.execution_role), ("ec2", Console.instance_role), ("ec2", Console.log_group),
    ("ec2", Console.repository), ("ec2", Console.live_mark), ("ec2", Console.record), ("ec2", Console.run_prefix),
    ("ec2", Console.inputs), ("ec2", Console.every_object), ("ec2", Console.bucket),
    ("fargate", Console.schedule), ("fargate", Console.stop_role), ("fargate", Console.cluster),
    ("fargate", Console.every_object),
)  # fmt: skip
# The others run at night.
SAMPLE = (Console.task, Console.group, Console.schedule, Console.record, Console.every_object)
# Without the bucket nobody can tell whether another run uses these, so they stay; they cost nothing (docs/lifecycle.md).
_WITHOUT_BUCKET = {"log-group", "role", "instance-profile"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the project's image is made once; each test has an account of its own."""
    return tmp_path_factory.mktemp("deleted")


@pytest.fixture
def begin(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(home, monkeypatch) as begin_one:
        yield begin_one


@pytest.mark.parametrize(
    ("backend", "delete"),
    [
        pytest.param(
            *kind, id=f"{kind[0]}-{kind[1].__name__}", marks=() if kind[1] in SAMPLE else (pytest.mark.nightly,)
        )
        for kind in KINDS
    ],
)
def test_a_run_ends_and_leaves_nothing_whatever_somebody_deletes_behind_its_back(
    begin: Begin, tmp_path: Path, backend: str, delete: Delete
) -> None:
    story = begin()
    go = tmp_path / "go"
    done_with: list[str] = []

    def behind_its_back(seen: Any, call: Any) -> Reply | None:
        if not done_with and "copied" in story.account.log():
            done_with.append(delete.__name__)
            delete(Console(story))
            go.touch()
        return None

    story.on_call("logs:GetLogEvents", behind_its_back, times=None)
    began = story.account.now()
    try:
        ended = story.submit("--hang-until", str(go), backend=backend, output=str(tmp_path / "out"))
        code, sentence = ended.exit_code, ended.view.status
    except AwsRunError as error:
        code, sentence = error.exit_code, error.message
    assert done_with == [delete.__name__]
    # Stopped from elsewhere is what `aws-run cancel` does as well.
    assert code in ((130, 125) if delete in (Console.task, Console.cluster) else (0, 124, 125)), sentence
    assert "itself failed" not in sentence
    story.account.wait_for_tasks()
    story.account.advance((began - story.account.now()).total_seconds() + 3 * 3600)
    assert story.account.still_bills() == []
    collector_bench = story.new_bench()
    collector.collect(collector_bench, collector.find_leftovers(collector_bench))
    left = story.account.left()
    if delete in (Console.bucket, Console.every_object):
        left = {kind: names for kind, names in left.items() if kind not in _WITHOUT_BUCKET}
    assert left == {}
    assert story.world.errors == []
