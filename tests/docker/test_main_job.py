"""What the main job promises beside results: what it asks of AWS, what it does not repeat, and files byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.local.support import page

COPY = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
options = parser.parse_args()
shutil.copytree(options.i, options.o, dirs_exist_ok=True)
print("copied")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "copier"
    (folder / "data").mkdir(parents=True)
    (folder / "main.py").write_text(COPY)
    return folder


def submit(environment: dict[str, str], project: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = ["aws-run", "submit", str(project), "-i", str(project / "data"), "-o", str(out), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=1800)


def calls(environment: dict[str, str], *, forget: bool = False) -> list[str]:
    """What the embedded AWS was asked, in order: `ecs:RunTask`, `s3:PUT /bucket/key`; with `forget` it is emptied."""
    return list(page(environment, "calls", method="DELETE" if forget else "GET").get("log", []))


def client(environment: dict[str, str], service: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def test_an_unchanged_project_is_neither_built_nor_pushed_nor_sent_again(
    project: Path, embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    (project / "data" / "a.txt").write_text("a")
    first = submit(embedded_aws, project, tmp_path / "one")
    assert first.returncode == 0, first.stderr
    calls(embedded_aws, forget=True)
    second = submit(embedded_aws, project, tmp_path / "two", "--debug")
    assert second.returncode == 0, second.stderr
    assert "nothing to do: unchanged" in second.stderr
    assert "nothing sent" in second.stderr
    made = calls(embedded_aws)
    assert "ecs:RunTask" in made
    assert not [call for call in made if call.startswith("ecr:") and not call.startswith("ecr:Describe")]
    assert not [call for call in made if call.startswith("s3:PUT") and "/inputs/" in call]
    assert (tmp_path / "two" / "a.txt").read_text() == "a"


@pytest.mark.nightly  # tests/local/test_cli_main_job.py reads the same of every change, without an engine
def test_spot_and_gpu_are_asked_of_the_group_the_provider_and_the_task(
    project: Path, embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    """The engine here has no GPU, so the request is read where AWS would: in the definition and the group."""
    (project / "data" / "a.txt").write_text("a")
    calls(embedded_aws, forget=True)
    done = submit(embedded_aws, project, tmp_path / "out", "--gpu", "T4:1", "--spot", "--keep", "all")
    assert done.returncode == 0, done.stderr
    run = next(word for word in done.stderr.split() if word.startswith("copier-"))
    try:
        group = client(embedded_aws, "autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"arun-{run}"])
        policy = group["AutoScalingGroups"][0]["MixedInstancesPolicy"]
        assert policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] == 0
        assert {o["InstanceType"].split(".")[0] for o in policy["LaunchTemplate"]["Overrides"]} == {"g4dn"}
        assert group["AutoScalingGroups"][0]["DesiredCapacity"] == 0, "what is kept must not bill"
        ecs = client(embedded_aws, "ecs")
        provider = ecs.describe_capacity_providers(capacityProviders=[f"arun-{run}"])["capacityProviders"][0]
        assert provider["autoScalingGroupProvider"]["managedTerminationProtection"] == "DISABLED"
        definition = ecs.describe_task_definition(taskDefinition=f"arun-{run}")["taskDefinition"]
        container = definition["containerDefinitions"][0]
        assert {"type": "GPU", "value": "1"} in container["resourceRequirements"]
        assert "@sha256:" in container["image"]
        asked = [call.rpartition(":")[2] for call in calls(embedded_aws)]
        steps = ("CreateAutoScalingGroup", "PutScheduledUpdateGroupAction", "UpdateAutoScalingGroup", "RunTask")
        order = [asked.index(name) for name in steps]
        assert order == sorted(order), "the dead-man's switch is armed before anything runs"
    finally:
        subprocess.run(["aws-run", "cleanup", run], env=embedded_aws, capture_output=True, check=True, timeout=600)
    left = client(embedded_aws, "autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"arun-{run}"])
    assert left["AutoScalingGroups"] == [], "cleanup removes what --keep had spared"


@pytest.mark.parametrize(("huge_mib", "many"), [(64, 200), pytest.param(1024, 2000, marks=pytest.mark.nightly)])
def test_files_arrive_byte_for_byte_both_ways(
    project: Path, embedded_aws: dict[str, str], tmp_path: Path, huge_mib: int, many: int
) -> None:
    data = project / "data"
    dice = random.Random(7)
    (data / "sp ace" / "ünïcödé ☃").mkdir(parents=True)
    (data / "sp ace" / "ünïcödé ☃" / "a b.txt").write_text("x")
    (data / "empty.txt").touch()
    (data / "empty folder").mkdir()
    (data / "run.sh").write_text("#!/bin/sh\n")
    (data / "run.sh").chmod(0o755)
    (data / "small").mkdir()
    for number in range(many):
        (data / "small" / f"{number:04}.bin").write_bytes(dice.randbytes(dice.randrange(4096)))
    with (data / "huge.bin").open("wb") as huge:
        block = dice.randbytes(1 << 20)
        for number in range(huge_mib):
            huge.write(number.to_bytes(8, "big") + block[8:])
    out = tmp_path / "out"
    done = submit(embedded_aws, project, out)
    assert done.returncode == 0, done.stderr
    same = subprocess.run(["diff", "-r", str(data), str(out)], capture_output=True, text=True, check=False)
    assert same.returncode == 0, same.stdout[:2000]
    assert (out / "empty folder").is_dir()
    assert os.access(out / "run.sh", os.X_OK)
    assert not os.access(out / "empty.txt", os.X_OK)


def test_a_link_that_leaves_the_folder_is_refused_by_name_and_nothing_is_left(
    project: Path, embedded_aws: dict[str, str], tmp_path: Path
) -> None:
    (project / "data" / "secret").symlink_to("/etc/hostname")
    done = submit(embedded_aws, project, tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert "secret" in done.stderr
    assert "hint:" in done.stderr
