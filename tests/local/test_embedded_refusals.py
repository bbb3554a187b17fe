"""What AWS refuses, the embedded AWS refuses, with AWS's own codes (aws-facts §1 and §11)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.local.support import (
    Client,
    boto_client,
    group,
    group_arn,
    provider,
    role,
    run,
    stack,
    subnet,
    task_definition,
    template,
)
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.testing.launch_failures import Shortages


def code_of(call: Any, *args: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*args, **parameters)
    return str(refused.value.response["Error"]["Code"])


def test_a_capacity_provider_needs_a_good_name_and_a_group_of_its_own(client: Client) -> None:
    ecs = client("ecs")
    stack(client)
    arn = group_arn(client, "arun-a")
    for name in ("aws-mine", "ECS-mine", "fargate1"):
        wanted = {"autoScalingGroupArn": arn}
        assert code_of(ecs.create_capacity_provider, name=name, autoScalingGroupProvider=wanted) == (
            "InvalidParameterException"
        )
    bogus = {"autoScalingGroupArn": arn.replace("arun-a", "arun-b")}
    for name, asked in (("arun-b", bogus), ("arun-c", {"autoScalingGroupArn": arn})):
        assert code_of(ecs.create_capacity_provider, name=name, autoScalingGroupProvider=asked) == (
            "InvalidParameterException"
        )


def test_what_is_in_use_can_not_be_deleted(client: Client) -> None:
    ecs = client("ecs")
    stack(client, size=1)
    run(client, task_definition(client, "nowhere:1", ["true"]), clientToken="t")
    until(lambda: ecs.list_container_instances(cluster="arun-a")["containerInstanceArns"])
    assert code_of(ecs.delete_capacity_provider, capacityProvider="arun-a") == "ClientException"
    until(lambda: code_of(ecs.delete_cluster, cluster="arun-a") != "UpdateInProgressException")
    assert code_of(ecs.delete_cluster, cluster="arun-a") in (
        "ClusterContainsTasksException", "ClusterContainsContainerInstancesException"
    )  # fmt: skip


def test_a_provider_with_a_waiting_task_stays_on_its_cluster(client: Client) -> None:
    stack(client)
    run(client, task_definition(client, "nowhere:1", ["true"]))
    until(lambda: _put(client) != "UpdateInProgressException")
    assert _put(client) == "ResourceInUseException"


def _put(client: Client) -> str:
    return code_of(
        client("ecs").put_cluster_capacity_providers,
        cluster="arun-a", capacityProviders=[], defaultCapacityProviderStrategy=[],
    )  # fmt: skip


def test_a_cluster_is_busy_for_a_while_after_its_providers_change(client: Client, embedded: Embedded) -> None:
    stack(client)
    assert _put(client) == "UpdateInProgressException"
    embedded.world.clock.advance(2)
    client("ecs").put_cluster_capacity_providers(
        cluster="arun-a", capacityProviders=[], defaultCapacityProviderStrategy=[]
    )
    client("ecs").delete_capacity_provider(capacityProvider="arun-a")
    embedded.world.clock.advance(2)
    assert code_of(client("ecs").delete_capacity_provider, capacityProvider="arun-a") == "InvalidParameterException"


def test_a_deleted_cluster_is_listed_no_more_and_can_be_made_again(client: Client) -> None:
    ecs = client("ecs")
    ecs.create_cluster(clusterName="arun-a")
    assert ecs.create_cluster(clusterName="arun-a")["cluster"]["status"] == "ACTIVE"
    ecs.delete_cluster(cluster="arun-a")
    assert ecs.list_clusters()["clusterArns"] == []
    assert code_of(ecs.list_tasks, cluster="arun-a") == "ClusterNotFoundException"
    assert ecs.describe_clusters(clusters=["arun-a"])["clusters"][0]["status"] == "INACTIVE"
    assert ecs.create_cluster(clusterName="arun-a")["cluster"]["status"] == "ACTIVE"


@pytest.mark.parametrize(("cpu", "memory"), [("256", "4096"), ("1024", "1024"), ("4096", "8193"), ("300", "1024")])
def test_fargate_has_only_its_own_sizes(client: Client, cpu: str, memory: str) -> None:
    with pytest.raises(ClientError, match="No Fargate configuration exists for given values"):
        task_definition(
            client, "x", ["true"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu=cpu, memory=memory
        )


def test_launch_templates_have_names_and_are_deleted_once(client: Client) -> None:
    with pytest.raises(ClientError, match="between 3 and 128"):
        template(client, "ab", "arun-a")
    template(client, "arun-a", "arun-a")
    client("ec2").delete_launch_template(LaunchTemplateName="arun-a")
    assert code_of(client("ec2").delete_launch_template, LaunchTemplateName="arun-a") == (
        "InvalidLaunchTemplateName.NotFoundException"
    )


def test_a_group_wants_a_template_a_type_and_a_subnet_that_exist(client: Client) -> None:
    with pytest.raises(ClientError, match="launch template does not exist"):
        group(client, "arun-a")
    template(client, "arun-a", "arun-a", InstanceType="m5.gigantic")
    with pytest.raises(ClientError, match=r"m5\.gigantic"):
        group(client, "arun-a")
    autoscaling = client("autoscaling")
    assert (
        code_of(autoscaling.set_desired_capacity, AutoScalingGroupName="none", DesiredCapacity=1) == "ValidationError"
    )


def test_desired_must_be_within_bounds_and_starts_in_the_future(client: Client) -> None:
    stack(client)
    autoscaling = client("autoscaling")
    assert code_of(autoscaling.set_desired_capacity, AutoScalingGroupName="arun-a", DesiredCapacity=9) == (
        "ValidationError"
    )
    with pytest.raises(ClientError, match="in the past"):
        autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName="arun-a", ScheduledActionName="x", StartTime="2020-01-01T00:00:00Z", DesiredCapacity=0
        )


def test_a_task_of_ec2_launch_type_needs_room(client: Client) -> None:
    ecs = client("ecs")
    stack(client)
    definition = task_definition(client, "nowhere:1", ["true"], container={"memory": 60000})
    assert code_of(ecs.run_task, cluster="arun-a", taskDefinition=definition, launchType="EC2") == (
        "InvalidParameterException"
    )
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=1)
    until(lambda: ecs.list_container_instances(cluster="arun-a")["containerInstanceArns"])
    answer = ecs.run_task(cluster="arun-a", taskDefinition=definition, launchType="EC2")
    assert answer["tasks"] == []
    assert answer["failures"][0]["reason"] == "RESOURCE:MEMORY"


def test_a_bucket_of_someone_else_is_not_touched(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-bucket")
    s3.head_bucket(Bucket="arun-bucket", ExpectedBucketOwner="123456789012")
    assert code_of(s3.head_bucket, Bucket="arun-bucket", ExpectedBucketOwner="999999999999") == "403"
    assert code_of(s3.put_object, Bucket="arun-bucket", Key="a", ExpectedBucketOwner="999999999999") == "AccessDenied"


def test_an_immutable_tag_stays_what_it_is(client: Client) -> None:
    ecr = client("ecr")
    ecr.create_repository(repositoryName="arun/demo", imageTagMutability="IMMUTABLE")
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = '{"schemaVersion": 2, "mediaType": "%s", "layers": []}'
    ecr.put_image(repositoryName="arun/demo", imageTag="t", imageManifest=manifest % media_type)
    again = {"repositoryName": "arun/demo", "imageTag": "t", "imageManifest": manifest % media_type + " "}
    assert code_of(ecr.put_image, **again) == "ImageTagAlreadyExistsException"
    token = ecr.get_authorization_token()["authorizationData"][0]
    hours = (token["expiresAt"] - ecr.describe_repositories()["repositories"][0]["createdAt"]).total_seconds() / 3600
    assert hours == pytest.approx(12, abs=0.1)


def test_a_call_that_is_missing_is_refused_and_not_a_server_error(client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        client("ecs").list_daemons() if hasattr(client("ecs"), "list_daemons") else client("ecs").list_attributes(
            targetType="container-instance", cluster="none"
        )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_unsigned_calls_are_refused(local_aws: LocalAws) -> None:
    import urllib.error
    import urllib.request

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{local_aws.endpoint_url}/some-bucket/some-key")
    refused.value.close()
    assert refused.value.code == 403


def test_the_machine_images_of_ecs_are_there_for_every_kind(client: Client) -> None:
    for kind in ("", "arm64/", "gpu/"):
        name = f"/aws/service/ecs/optimized-ami/amazon-linux-2023/{kind}recommended/image_id"
        ami = client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        assert re.match("ami-[0-9a-f]+", ami)
        template(client, f"arun-{kind.strip('/') or 'plain'}", "arun-a", ImageId=ami)
        group(client, f"arun-{kind.strip('/') or 'plain'}")


def test_names_that_aws_keeps_for_itself_are_refused(client: Client) -> None:
    assert code_of(client("logs").create_log_group, logGroupName="aws/mine") == "InvalidParameterException"
    assert code_of(client("ssm").put_parameter, Name="/awsome", Value="x", Type="String") == "ValidationException"


def test_an_account_without_a_default_vpc_has_no_subnets(local_state: Path, aws_session: boto3.Session) -> None:
    embedded = Embedded(LocalOptions(runtime="process", default_vpc=False), local_state)
    ec2 = boto_client(aws_session, embedded.start(), "ec2")
    try:
        assert ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"] == []
        assert ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"] == []
    finally:
        ec2.close()
        embedded.stop()


def test_a_new_role_can_not_be_assumed_for_a_while(local_state: Path, aws_session: boto3.Session) -> None:
    embedded = Embedded(LocalOptions(runtime="process", role_propagation_s=30), local_state)
    local = embedded.start()
    made = {name: boto_client(aws_session, local, name) for name in ("ecs", "iam", "logs", "ec2")}
    try:
        made["ecs"].create_cluster(clusterName="arun-a", capacityProviders=["FARGATE_SPOT"])
        definition = task_definition(
            made.__getitem__, "nowhere:1", ["true"], requiresCompatibilities=["FARGATE"], networkMode="awsvpc",
            cpu="256", memory="512", taskRoleArn=role(made.__getitem__, "arun-task"),
            executionRoleArn=role(made.__getitem__, "arun-execution"),
        )  # fmt: skip
        asked = {
            "cluster": "arun-a", "taskDefinition": definition,
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet(made.__getitem__)]}},
        }  # fmt: skip
        with pytest.raises(ClientError, match="unable to assume the role"):
            made["ecs"].run_task(**asked)
        embedded.world.clock.advance(31)
        embedded.world.shortages = Shortages(("FARGATE_SPOT",))
        refused = made["ecs"].run_task(**asked)["tasks"][0]
        assert (refused["lastStatus"], refused["stopCode"]) == ("STOPPED", "TaskFailedToStart")
        assert "Capacity is unavailable" in refused["stoppedReason"]
    finally:
        for one in made.values():
            one.close()
        embedded.stop()


def test_a_profile_that_is_not_there_yet_is_a_failed_activity_that_heals(client: Client, embedded: Embedded) -> None:
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a", IamInstanceProfile={"Name": "arun-instance"})
    group(client, "arun-a", 1)
    found = client("autoscaling").describe_scaling_activities(AutoScalingGroupName="arun-a")["Activities"][0]
    assert found["StatusMessage"].startswith("Invalid IAM Instance Profile name")
    client("iam").create_instance_profile(InstanceProfileName="arun-instance")
    embedded.world.clock.advance(60)
    until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])


def test_a_provider_is_joined_by_instances_that_came_first(client: Client) -> None:
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a")
    group(client, "arun-a", 1)
    until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])
    provider(client, "arun-a", "arun-a")
    arns = client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"]
    found = client("ecs").describe_container_instances(cluster="arun-a", containerInstances=arns)
    assert found["containerInstances"][0]["capacityProviderName"] == "arun-a"
