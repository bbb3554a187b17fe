"""What the tests of the embedded AWS need again and again: a stack to run a task on, and ways to wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from tests.waiting import until

from aws_run.local.ask import ask
from aws_run.local.options import LocalAws
from aws_run.local.runtime.builder import put_image
from aws_run.local.runtime.process_image import build
from aws_run.local.state import find_running

Client = Callable[[str], Any]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def admin(local: LocalAws, page: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    """One of the world's own pages; POST with a body."""
    return ask(local, page, body, method=method)


def page(environment: Mapping[str, str], name: str, *, method: str | None = None) -> Any:
    """One of the pages of the embedded AWS that a subprocess with that environment would find."""
    there = find_running(Path(environment["XDG_STATE_HOME"]) / "aws-run")
    assert there is not None
    return ask(there.local, name, method=method)


def boto_client(session: boto3.Session, local: LocalAws, service: str, **more: Any) -> Any:
    """boto3 as the administrator of that embedded AWS."""
    make: Any = session.client
    return make(
        service, endpoint_url=local.endpoint_url, aws_access_key_id=local.access_key,
        aws_secret_access_key=local.secret_key, **more,
    )  # fmt: skip


def process_image(local: LocalAws, client: Client, folder: Path, files: dict[str, str]) -> str:
    """An image of the process runtime in ECR; its URI by digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    image = build(Path(local.state_dir), folder, list(files))
    repositories = client("ecr").describe_repositories()["repositories"]
    if not repositories:
        client("ecr").create_repository(repositoryName="arun/demo")
    put_image(local, "arun/demo", image.digest[7:27], image.manifest)
    return f"{local.account}.dkr.ecr.{local.region}.amazonaws.com/arun/demo@{image.digest}"


def role(
    client: Client,
    name: str,
    statements: list[dict[str, Any]] | None = None,
    *,
    service: str = "ecs-tasks.amazonaws.com",
) -> str:
    trust = TRUST.replace("ecs-tasks.amazonaws.com", service)
    arn = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements is not None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
    return str(arn)


def subnet(client: Client) -> str:
    return str(client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])


def template(client: Client, name: str, cluster: str, **data: Any) -> None:
    import base64

    ami = client("ssm").get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id")
    user_data = base64.b64encode(f"#!/bin/bash\necho ECS_CLUSTER={cluster} >> /etc/ecs/ecs.config\n".encode()).decode()
    client("ec2").create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": ami["Parameter"]["Value"], "InstanceType": "m5.large", "UserData": user_data, **data
        },
    )  # fmt: skip


def group(client: Client, name: str, size: int = 0, **more: Any) -> None:
    chosen = {} if "MixedInstancesPolicy" in more else {"LaunchTemplate": {"LaunchTemplateName": name}}
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=0, MaxSize=4, DesiredCapacity=size, VPCZoneIdentifier=subnet(client),
        **chosen, **more,
    )  # fmt: skip


def group_arn(client: Client, name: str) -> str:
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return str(found["AutoScalingGroups"][0]["AutoScalingGroupARN"])


def provider(client: Client, name: str, cluster: str) -> None:
    """A capacity provider of the group `name`, joined to `cluster`."""
    client("ecs").create_capacity_provider(
        name=name, autoScalingGroupProvider={"autoScalingGroupArn": group_arn(client, name)}
    )
    client("ecs").put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=[name], defaultCapacityProviderStrategy=[]
    )


def stack(client: Client, name: str = "arun-a", size: int = 0) -> None:
    """Cluster, launch template, group and provider, all of one name."""
    client("ecs").create_cluster(clusterName=name)
    template(client, name, name)
    group(client, name, size)
    provider(client, name, name)


def task_definition(client: Client, image: str, command: list[str], **more: Any) -> str:
    container = {
        "name": "job", "image": image, "entryPoint": command[:1], "command": command[1:], "memory": 512,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/aws-run/demo", "awslogs-stream-prefix": "run"},
        },
        **more.pop("container", {}),
    }  # fmt: skip
    if not client("logs").describe_log_groups(logGroupNamePrefix="/aws-run/demo")["logGroups"]:
        client("logs").create_log_group(logGroupName="/aws-run/demo")
    made = client("ecs").register_task_definition(family="arun-a", containerDefinitions=[container], **more)
    return str(made["taskDefinition"]["taskDefinitionArn"])


def run(client: Client, definition: str, cluster: str = "arun-a", **more: Any) -> dict[str, Any]:
    if "launchType" not in more and "capacityProviderStrategy" not in more:
        more["capacityProviderStrategy"] = [{"capacityProvider": cluster, "weight": 1}]
    answer = client("ecs").run_task(cluster=cluster, taskDefinition=definition, **more)
    assert answer["failures"] == []
    return dict(answer["tasks"][0])


def task(client: Client, arn: str, cluster: str = "arun-a") -> dict[str, Any]:
    return dict(client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0])


def stopped(client: Client, arn: str, cluster: str = "arun-a") -> dict[str, Any]:
    """The task once it has stopped."""
    done: dict[str, Any] = until(lambda: (t := task(client, arn, cluster))["lastStatus"] == "STOPPED" and t)
    return done


def log_lines(client: Client, arn: str) -> list[str]:
    stream = f"run/job/{arn.split('/')[-1]}"
    events = client("logs").get_log_events(logGroupName="/aws-run/demo", logStreamName=stream, startFromHead=True)
    return [e["message"] for e in events["events"]]
