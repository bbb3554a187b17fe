"""Tasks on the embedded AWS, from RunTask to STOPPED, through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.local.support import (
    Client,
    log_lines,
    process_image,
    role,
    run,
    stack,
    stopped,
    subnet,
    task,
    task_definition,
)
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws


@pytest.fixture
def image(local_aws: LocalAws, client: Client, tmp_path: Path) -> str:
    return process_image(local_aws, client, tmp_path / "project", {"main.py": "print('hello')\nprint('world')\n"})


def test_a_task_waits_for_an_instance_runs_and_stops_with_its_exit_code(client: Client, image: str) -> None:
    stack(client)
    definition = task_definition(client, image, ["sh", "-c", "echo one; echo two; exit 7"])
    made = run(client, definition)
    assert made["lastStatus"] == "PROVISIONING"
    assert "exitCode" not in made["containers"][0]
    assert task(client, made["taskArn"])["lastStatus"] == "PROVISIONING"
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=1)
    done = stopped(client, made["taskArn"])
    assert (done["stopCode"], done["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)
    assert done["createdAt"] <= done["pullStartedAt"] <= done["startedAt"] <= done["stoppedAt"]
    assert done["capacityProviderName"] == "arun-a"
    assert log_lines(client, made["taskArn"]) == ["one", "two"]


def test_a_task_for_which_there_is_an_instance_is_pending_before_anything_is_pulled(client: Client, image: str) -> None:
    stack(client, size=1)
    until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])
    made = run(client, task_definition(client, image, ["true"]))
    assert (made["lastStatus"], "pullStartedAt" in made) == ("PENDING", False)
    assert made["containerInstanceArn"]
    assert stopped(client, made["taskArn"])["pullStartedAt"] >= made["createdAt"]


def test_the_same_client_token_gives_the_same_task(client: Client, image: str) -> None:
    stack(client)
    definition = task_definition(client, image, ["true"])
    first = run(client, definition, clientToken="t-1")
    again = run(client, definition, clientToken="t-1")
    assert first["taskArn"] == again["taskArn"]
    with pytest.raises(ClientError) as refused:
        run(client, definition, clientToken="t-1", startedBy="someone else")
    assert refused.value.response["Error"]["Code"] == "ConflictException"
    assert first["taskArn"] in refused.value.response["Error"]["Message"]


def test_a_stopped_task_gets_sigterm_first_and_says_who_stopped_it(client: Client, image: str) -> None:
    stack(client, size=1)
    script = "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.02; done"
    made = run(client, task_definition(client, image, ["sh", "-c", script]))
    until(lambda: task(client, made["taskArn"])["lastStatus"] == "RUNNING" and log_lines(client, made["taskArn"]))
    answer = client("ecs").stop_task(cluster="arun-a", task=made["taskArn"], reason="enough")
    assert answer["task"]["desiredStatus"] == "STOPPED"
    done = stopped(client, made["taskArn"])
    assert (done["stopCode"], done["stoppedReason"]) == ("UserInitiated", "enough")
    assert done["containers"][0]["exitCode"] == 3
    assert log_lines(client, made["taskArn"])[-1] == "got it"


def test_fargate_needs_no_instance(client: Client, image: str) -> None:
    client("ecs").create_cluster(clusterName="arun-a", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    definition = task_definition(
        client, image, ["python", "main.py"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
        memory="512", executionRoleArn=role(client, "arun-execution"),
    )  # fmt: skip
    network = {"awsvpcConfiguration": {"subnets": [subnet(client)], "assignPublicIp": "ENABLED"}}
    made = run(client, definition, launchType="FARGATE", networkConfiguration=network)
    done = stopped(client, made["taskArn"])
    assert (done["launchType"], done["containers"][0]["exitCode"]) == ("FARGATE", 0)
    assert log_lines(client, made["taskArn"]) == ["hello", "world"]
    with pytest.raises(ClientError, match="Network Configuration must be provided"):
        run(client, definition, launchType="FARGATE")


def test_nothing_starts_in_a_subnet_from_which_nothing_leads_to_ecr(client: Client, image: str) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]
    assert (made["DefaultForAz"], made["MapPublicIpOnLaunch"]) == (False, False)
    client("ecs").create_cluster(clusterName="arun-a")
    definition = task_definition(
        client, image, ["python", "main.py"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
        memory="512", executionRoleArn=role(client, "arun-execution"),
    )  # fmt: skip

    def reason(subnet_id: str) -> str:
        network = {"awsvpcConfiguration": {"subnets": [subnet_id], "assignPublicIp": "DISABLED"}}
        started = run(client, definition, launchType="FARGATE", networkConfiguration=network)
        return str(stopped(client, started["taskArn"])["stoppedReason"])

    assert reason(made["SubnetId"]).startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert "connection issue" in reason(subnet(client))  # of the default VPC, without a public address
    for service in ("ecr.api", "ecr.dkr", "logs", "s3"):
        ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName=f"com.amazonaws.us-east-1.{service}", VpcEndpointType="Interface",
            SubnetIds=[made["SubnetId"]],
        )  # fmt: skip
    assert reason(made["SubnetId"]) == "Essential container in task exited"


def test_a_route_table_takes_one_gateway_to_each_service_and_a_vpc_goes_last(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    s3 = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": [table]}
    endpoint = ec2.create_vpc_endpoint(**s3)["VpcEndpoint"]["VpcEndpointId"]
    with pytest.raises(ClientError, match="RouteAlreadyExists"):
        ec2.create_vpc_endpoint(**s3)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_vpc(VpcId=vpc)


def test_an_image_that_is_not_there_is_a_pull_failure(client: Client) -> None:
    stack(client, size=1)
    missing = "123456789012.dkr.ecr.us-east-1.amazonaws.com/arun/demo@sha256:" + "0" * 64
    done = stopped(client, run(client, task_definition(client, missing, ["true"]))["taskArn"])
    assert done["stopCode"] == "TaskFailedToStart"
    assert done["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "exitCode" not in done["containers"][0]


def test_a_task_that_loses_its_host_has_no_exit_code(client: Client, image: str) -> None:
    stack(client, size=1)
    made = run(client, task_definition(client, image, ["sleep", "60"]))
    until(lambda: task(client, made["taskArn"])["lastStatus"] == "RUNNING")
    arns = client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"]
    row = client("ecs").describe_container_instances(cluster="arun-a", containerInstances=arns)["containerInstances"][0]
    client("ec2").terminate_instances(InstanceIds=[row["ec2InstanceId"]])
    done = stopped(client, made["taskArn"])
    assert "exitCode" not in done["containers"][0]
    assert row["ec2InstanceId"] in done["stoppedReason"]


def test_the_disk_of_a_host_goes_with_its_instance(client: Client, image: str, embedded: Embedded) -> None:
    stack(client, size=1)
    volume = {"name": "scratch", "host": {"sourcePath": "/scratch"}}
    mount = {"mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}]}
    made = run(client, task_definition(client, image, ["true"], volumes=[volume], container=mount))
    stopped(client, made["taskArn"])
    arns = client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"]
    row = client("ecs").describe_container_instances(cluster="arun-a", containerInstances=arns)["containerInstances"][0]
    disk = embedded.world.hosts.of(row["ec2InstanceId"])
    assert (disk / "scratch").is_dir()
    client("ec2").terminate_instances(InstanceIds=[row["ec2InstanceId"]])
    until(lambda: not disk.exists())


def test_a_role_that_does_not_exist_can_not_be_assumed(client: Client, image: str) -> None:
    stack(client, size=1)
    definition = task_definition(client, image, ["true"], taskRoleArn=role(client, "arun-gone"))
    client("iam").delete_role(RoleName="arun-gone")
    with pytest.raises(ClientError, match="ECS was unable to assume the role"):
        run(client, definition)


def test_a_task_has_its_roles_credentials_and_no_more(client: Client, image: str, local_aws: LocalAws) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-bucket")
    s3.put_object(Bucket="arun-bucket", Key="runs/mine/a", Body=b"mine")
    s3.put_object(Bucket="arun-bucket", Key="runs/theirs/a", Body=b"theirs")
    allowed: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::arun-bucket/runs/mine/*"}
    ]
    arn = role(client, "arun-task", allowed)
    stack(client, size=1)
    made = run(client, task_definition(client, image, ["sh", "-c", "env; sleep 60"], taskRoleArn=arn))
    lines = until(
        lambda: task(client, made["taskArn"])["lastStatus"] == "RUNNING" and log_lines(client, made["taskArn"])
    )
    lines = until(lambda: len(found := log_lines(client, made["taskArn"])) > 8 and found)
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} & set(environment)
    import json
    import urllib.request

    import boto3

    with urllib.request.urlopen(environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]) as answer:
        keys = json.load(answer)
    with urllib.request.urlopen(environment["ECS_CONTAINER_METADATA_URI_V4"] + "/task") as answer:
        assert json.load(answer)["TaskARN"] == made["taskArn"]
    theirs = boto3.client(
        "s3", endpoint_url=local_aws.endpoint_url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["Token"],
    )  # fmt: skip
    with theirs.get_object(Bucket="arun-bucket", Key="runs/mine/a")["Body"] as body:
        assert body.read() == b"mine"
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.get_object(Bucket="arun-bucket", Key="runs/theirs/a")
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.put_object(Bucket="arun-bucket", Key="runs/mine/a", Body=b"x")
    theirs.close()
    client("ecs").stop_task(cluster="arun-a", task=made["taskArn"])
    stopped(client, made["taskArn"])


def test_secrets_arrive_as_environment(client: Client, image: str) -> None:
    arn = client("secretsmanager").create_secret(Name="token", SecretString='{"key": "s3cret"}')["ARN"]
    client("ssm").put_parameter(Name="/demo/p", Value="parameter", Type="SecureString")
    stack(client, size=1)
    secrets = [{"name": "A", "valueFrom": f"{arn}:key::"}, {"name": "B", "valueFrom": "/demo/p"}]
    made = run(
        client, task_definition(client, image, ["sh", "-c", "echo $A $B"], container={"secrets": secrets},
                                executionRoleArn=role(client, "arun-execution")),
    )  # fmt: skip
    stopped(client, made["taskArn"])
    assert log_lines(client, made["taskArn"]) == ["s3cret parameter"]


def test_an_unknown_task_is_a_failure_row(client: Client) -> None:
    client("ecs").create_cluster(clusterName="arun-a")
    answer = client("ecs").describe_tasks(cluster="arun-a", tasks=["0" * 32])
    assert answer["tasks"] == []
    assert answer["failures"][0]["reason"] == "MISSING"
