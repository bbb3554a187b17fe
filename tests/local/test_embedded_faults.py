"""Faults on purpose: the client killed at a call, answers that get lost, throttling, chaos of a seed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError
from tests.local.support import Client, admin, boto_client
from tests.waiting import PATIENCE_S

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws, LocalOptions

_CALLS = """
import boto3
from botocore.config import Config
ecs = boto3.client("ecs", config=Config(retries={"total_max_attempts": 1}))
for name in ("arun-one", "arun-two", "arun-three"):
    ecs.create_cluster(clusterName=name)
"""


def clusters(client: Client) -> list[str]:
    return sorted(arn.split("/")[-1] for arn in client("ecs").list_clusters()["clusterArns"])


@pytest.mark.parametrize(("when", "made"), [("before", ["arun-one"]), ("after", ["arun-one", "arun-two"])])
def test_a_client_is_killed_before_or_after_its_nth_call(
    local_aws: LocalAws, client: Client, tmp_path: Path, when: str, made: list[str]
) -> None:
    script = tmp_path / "client.py"
    # It waits for a line, so that its process id is known before its first call.
    script.write_text(f"input()\n{_CALLS}")
    environment = {**os.environ, **local_aws.environment()}
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, env=environment)
    admin(local_aws, "kill", {"pid": child.pid, "at": 2, "when": when})
    child.communicate(b"go\n", timeout=PATIENCE_S)
    assert child.returncode == -signal.SIGKILL
    admin(local_aws, "calls", method="DELETE")
    assert clusters(client) == sorted(made)


def test_an_answer_that_is_lost_was_executed_all_the_same(local_aws: LocalAws, client: Client) -> None:
    admin(local_aws, "faults", {"operation": "ecs:CreateCluster", "how": "lost-after"})
    with pytest.raises(HTTPClientError) as lost:
        client("ecs").create_cluster(clusterName="arun-a")
    assert isinstance(lost.value, (ConnectionClosedError, EndpointConnectionError))
    assert clusters(client) == ["arun-a"]


def test_a_call_that_fails_before_did_nothing_and_one_that_fails_after_did(local_aws: LocalAws, client: Client) -> None:
    for how, made in (("error-before", []), ("error-after", ["arun-a"])):
        admin(local_aws, "faults", {"operation": "ecs:CreateCluster", "how": how})
        with pytest.raises(ClientError) as failed:
            client("ecs").create_cluster(clusterName="arun-a")
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert clusters(client) == made


def test_a_refusal_can_be_asked_for_by_code(local_aws: LocalAws, client: Client) -> None:
    asked = {"operation": "autoscaling:*", "code": "ResourceContention", "message": "try later", "skip": 1}
    admin(local_aws, "faults", asked)
    client("autoscaling").describe_auto_scaling_groups()
    with pytest.raises(ClientError, match=r"ResourceContention.*try later"):
        client("autoscaling").describe_auto_scaling_groups()
    client("autoscaling").describe_auto_scaling_groups()


def test_throttling_is_worded_as_each_service_words_it(local_aws: LocalAws, client: Client) -> None:
    for service, operation, code in (
        ("ecs", "list_clusters", "ThrottlingException"),
        ("ec2", "describe_vpcs", "RequestLimitExceeded"),
        ("autoscaling", "describe_auto_scaling_groups", "Throttling"),
        ("s3", "list_buckets", "SlowDown"),
    ):
        admin(local_aws, "faults", {"operation": f"{service}:*", "how": "throttle"})
        with pytest.raises(ClientError) as refused:
            getattr(client(service), operation)()
        assert refused.value.response["Error"]["Code"] == code


def test_the_same_seed_gives_the_same_chaos_and_a_patient_client_rides_it_out(local_state: Path) -> None:
    runs: list[list[Any]] = []
    for _ in range(2):
        embedded = Embedded(LocalOptions(boot_s=0.05, runtime="process", chaos_seed=7), local_state)
        local = embedded.start()
        config = Config(retries={"mode": "standard", "total_max_attempts": 6})
        ecs = boto_client(boto3.Session(region_name=local.region), local, "ecs", config=config)
        try:
            for _ in range(25):
                ecs.list_clusters()
            runs.append(list(embedded.world.calls))
        finally:
            ecs.close()
            embedded.stop()
    assert runs[0] == runs[1]
    assert len(runs[0]) > 25
