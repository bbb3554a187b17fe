"""What AWS refuses and how long it takes, which the embedded AWS once did not show (docs/real-aws.md)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.local.support import TRUST, Client, group, role, run, stack, stopped, subnet, task_definition, template
from tests.waiting import until

from aws_run.local.embedded import Embedded
from aws_run.local.http.iam_policy import denied
from aws_run.local.http.protocol import Call
from aws_run.local.sim.billing import bill

FARGATE = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
Options = Callable[..., None]


@pytest.fixture
def options(embedded: Embedded) -> Options:
    def change(**changes: Any) -> None:
        embedded.world.options = replace(embedded.world.options, **changes)

    return change


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    """The code and the text of AWS's refusal."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_a_cluster_with_providers_is_deprovisioning_before_it_is_inactive(
    client: Client, embedded: Embedded, options: Options
) -> None:
    options(cluster_end_s=20.0)
    ecs = client("ecs")

    def status(name: str) -> str:
        return str(ecs.describe_clusters(clusters=[name])["clusters"][0]["status"])

    ecs.create_cluster(clusterName="arun-plain")
    ecs.delete_cluster(cluster="arun-plain")
    assert status("arun-plain") == "INACTIVE"
    ecs.create_cluster(clusterName="arun-a", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    assert ecs.delete_cluster(cluster="arun-a")["cluster"]["status"] == "DEPROVISIONING"
    embedded.world.clock.advance(19)
    assert status("arun-a") == "DEPROVISIONING"
    assert refusal(ecs.create_cluster, clusterName="arun-a")[0] == "UpdateInProgressException"
    embedded.world.clock.advance(2)
    assert status("arun-a") == "INACTIVE"
    assert ecs.create_cluster(clusterName="arun-a")["cluster"]["status"] == "ACTIVE"


def test_a_gpu_instance_is_shutting_down_for_ten_minutes_and_bills_for_none(
    client: Client, embedded: Embedded, options: Options
) -> None:
    options(gpu_instance_end_s=600.0)
    client("ecs").create_cluster(clusterName="arun-a")
    template(client, "arun-a", "arun-a", InstanceType="g4dn.xlarge")
    group(client, "arun-a", 1)
    until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])
    scaling = client("autoscaling")
    scaling.delete_auto_scaling_group(AutoScalingGroupName="arun-a", ForceDelete=True)
    assert all(not line.open for line in bill(embedded.world))
    embedded.world.clock.advance(590)
    (row,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["arun-a"])["AutoScalingGroups"]
    assert (row["Status"], row["Instances"][0]["LifecycleState"]) == ("Delete in progress", "Terminating")
    (reservation,) = client("ec2").describe_instances()["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "shutting-down"
    embedded.world.clock.advance(20)
    assert scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["arun-a"])["AutoScalingGroups"] == []


def test_auto_scaling_gets_to_a_new_size_in_its_own_time(client: Client, embedded: Embedded, options: Options) -> None:
    stack(client, size=1)
    until(lambda: client("ecs").list_container_instances(cluster="arun-a")["containerInstanceArns"])
    options(scaling_delay_s=60.0)
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="arun-a", DesiredCapacity=0)
    embedded.world.clock.advance(55)
    assert any(line.open for line in bill(embedded.world))
    embedded.world.clock.advance(10)
    assert all(not line.open for line in bill(embedded.world))


def test_a_definition_is_registered_with_roles_that_are_there_and_may_be_passed(
    client: Client, embedded: Embedded, options: Options
) -> None:
    nobody = "arn:aws:iam::123456789012:role/aws-run/nobody"
    for member in ("taskRoleArn", "executionRoleArn"):
        with pytest.raises(ClientError, match="Role is not valid"):
            task_definition(client, "nowhere:1", ["true"], **{member: nobody})
    options(pass_role_s=30.0)
    arn = role(client, "arun-task")
    with pytest.raises(ClientError, match="iam:PassRole") as refused:
        task_definition(client, "nowhere:1", ["true"], taskRoleArn=arn)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    embedded.world.clock.advance(31)
    task_definition(client, "nowhere:1", ["true"], taskRoleArn=arn)


def test_logs_and_secrets_want_an_execution_role(client: Client) -> None:
    with pytest.raises(ClientError, match="execution role ARN to support log driver awslogs"):
        task_definition(client, "nowhere:1", ["true"], **FARGATE)
    secrets = [{"name": "KEY", "valueFrom": "/team/key"}]
    with pytest.raises(ClientError, match="executionRoleArn"):
        task_definition(client, "nowhere:1", ["true"], container={"secrets": secrets})


def test_shared_memory_can_not_be_sized_on_fargate(client: Client) -> None:
    parameters = {"linuxParameters": {"sharedMemorySize": 1024}}
    with pytest.raises(ClientError, match="sharedMemorySize"):
        task_definition(client, "nowhere:1", ["true"], container=parameters, **FARGATE)
    task_definition(client, "nowhere:1", ["true"], container=parameters)


def test_a_definition_has_an_essential_container(client: Client) -> None:
    with pytest.raises(ClientError, match="at least one essential container"):
        task_definition(client, "nowhere:1", ["true"], container={"essential": False})


def test_a_new_execution_role_has_no_rights_for_a_while(client: Client, options: Options) -> None:
    options(policy_propagation_s=3600.0)
    client("ecs").create_cluster(clusterName="arun-a", capacityProviders=["FARGATE"])
    roles = {"executionRoleArn": role(client, "arun-execution"), "taskRoleArn": role(client, "arun-task")}
    definition = task_definition(client, "nowhere:1", ["true"], **FARGATE, **roles)
    network = {"awsvpcConfiguration": {"subnets": [subnet(client)]}}
    done = stopped(client, run(client, definition, launchType="FARGATE", networkConfiguration=network)["taskArn"])
    assert done["stopCode"] == "TaskFailedToStart"
    assert done["stoppedReason"].startswith("ResourceInitializationError")
    assert "AccessDenied" in done["stoppedReason"]


def test_a_new_task_role_may_read_nothing_for_a_while(client: Client, embedded: Embedded, options: Options) -> None:
    options(policy_propagation_s=30.0)
    client("s3").create_bucket(Bucket="arun-plain")
    client("s3").put_object(Bucket="arun-plain", Key="a", Body=b"x")
    role(client, "arun-task")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    allowed = {"Version": "2012-10-17", "Statement": [statement]}
    client("iam").put_role_policy(RoleName="arun-task", PolicyName="p", PolicyDocument=json.dumps(allowed))
    session = embedded.world.keys.new_session("arun-task")
    get = Call(
        service="s3", operation="", region="us-east-1", access_key=session.access_key,
        environ={"REQUEST_METHOD": "GET", "PATH_INFO": "/arun-plain/a", "HTTP_X_AMZ_SECURITY_TOKEN": session.token},
        body=b"", proceed=lambda: pytest.fail("is not carried out"),
    )  # fmt: skip
    refused = denied(embedded.world, get)
    assert refused is not None
    assert refused.code == "AccessDenied"
    embedded.world.clock.advance(31)
    assert denied(embedded.world, get) is None


def test_an_object_is_not_found_while_its_buckets_versioning_is_new(
    client: Client, embedded: Embedded, options: Options
) -> None:
    options(versioning_settle_s=60.0)
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-plain")
    s3.put_bucket_versioning(Bucket="arun-plain", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="arun-plain", Key="a", Body=b"x")["VersionId"]
    assert refusal(s3.get_object, Bucket="arun-plain", Key="a", VersionId=version)[0] == "NoSuchKey"
    embedded.world.clock.advance(61)
    assert s3.get_object(Bucket="arun-plain", Key="a", VersionId=version)["Body"].read() == b"x"


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 11}, {"startedBy": "two, words"}, {"startedBy": "x" * 129}])
def test_run_task_has_its_limits(client: Client, wrong: dict[str, Any]) -> None:
    stack(client)
    definition = task_definition(client, "nowhere:1", ["true"])
    code, _ = refusal(client("ecs").run_task, cluster="arun-a", taskDefinition=definition, **wrong)
    assert code == "InvalidParameterException"


def test_a_comma_is_no_letter_of_a_tag_in_iam_and_ecs(client: Client) -> None:
    upper, lower = [{"Key": "owner", "Value": "ann,bob"}], [{"key": "owner", "value": "ann,bob"}]
    iam, ecs = client("iam"), client("ecs")
    assert refusal(iam.create_role, RoleName="a", AssumeRolePolicyDocument=TRUST, Tags=upper)[0] == "ValidationError"
    assert refusal(iam.create_instance_profile, InstanceProfileName="a", Tags=upper)[0] == "ValidationError"
    assert refusal(ecs.create_cluster, clusterName="arun-a", tags=lower)[0] == "InvalidParameterException"
    with pytest.raises(ClientError, match="regular expression"):
        task_definition(client, "nowhere:1", ["true"], tags=lower)
    ecs.create_cluster(clusterName="arun-a", tags=[{"key": "owner", "value": "Ann Ünal/bob@example.org"}])


@pytest.mark.parametrize("document", ["{}", "no json", '{"Statement": [{"Effect": "Allow", "Action": "*"}]}'])
def test_a_trust_policy_trusts_somebody(client: Client, document: str) -> None:
    iam = client("iam")
    code, _ = refusal(iam.create_role, RoleName="arun-a", AssumeRolePolicyDocument=document)
    assert code == "MalformedPolicyDocument"


def test_a_provider_whose_group_is_gone_is_inactive_and_can_not_be_deleted(client: Client, embedded: Embedded) -> None:
    stack(client)
    client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="arun-a", ForceDelete=True)
    embedded.world.clock.advance(5)
    ecs = client("ecs")
    ecs.put_cluster_capacity_providers(cluster="arun-a", capacityProviders=[], defaultCapacityProviderStrategy=[])
    (shown,) = ecs.describe_capacity_providers(capacityProviders=["arun-a"])["capacityProviders"]
    assert shown["status"] == "INACTIVE"
    assert refusal(ecs.delete_capacity_provider, capacityProvider="arun-a")[0] == "ClientException"


def test_a_scheduled_action_starts_at_a_whole_second(client: Client, embedded: Embedded) -> None:
    stack(client)
    when = embedded.world.clock.now().replace(microsecond=500_000) + timedelta(hours=1)
    put = client("autoscaling").put_scheduled_update_group_action
    action = {"AutoScalingGroupName": "arun-a", "ScheduledActionName": "x", "DesiredCapacity": 0}
    assert refusal(put, **action, StartTime=when)[0] == "ValidationError"
    put(**action, StartTime=when.replace(microsecond=0))


def test_a_log_group_is_not_made_again_while_it_is_going(client: Client, embedded: Embedded, options: Options) -> None:
    options(settle_s=5.0)
    logs = client("logs")
    logs.create_log_group(logGroupName="/aws-run/demo")
    logs.delete_log_group(logGroupName="/aws-run/demo")
    assert refusal(logs.create_log_group, logGroupName="/aws-run/demo")[0] == "OperationAbortedException"
    embedded.world.clock.advance(6)
    logs.create_log_group(logGroupName="/aws-run/demo")


def test_cloudwatch_has_its_own_retentions(client: Client) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="/aws-run/demo")
    code, _ = refusal(logs.put_retention_policy, logGroupName="/aws-run/demo", retentionInDays=31)
    assert code == "InvalidParameterException"
    logs.put_retention_policy(logGroupName="/aws-run/demo", retentionInDays=30)


def _schedule(client: Client, **target: Any) -> dict[str, Any]:
    return {
        "Name": "arun-stop", "ScheduleExpression": "at(2100-01-01T00:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:ecs:stopTask",
            "Input": json.dumps({"Cluster": "arun-a", "Task": "t"}),
            **target,
        },
    }  # fmt: skip


def test_a_schedule_names_an_api_its_members_and_a_role_that_trusts_scheduler(client: Client) -> None:
    create = client("scheduler").create_schedule
    good = role(client, "arun-stop", service="scheduler.amazonaws.com")
    camel = json.dumps({"cluster": "arun-a", "task": "t"})
    unknown = "arn:aws:scheduler:::aws-sdk:ecs:haltTask"
    others = role(client, "arun-task")
    nobody = "arn:aws:iam::123456789012:role/aws-run/nobody"
    code, text = refusal(create, **_schedule(client, RoleArn=good, Input=camel))
    assert (code, "Task" in text) == ("ValidationException", True)
    assert refusal(create, **_schedule(client, RoleArn=good, Arn=unknown))[0] == "ValidationException"
    for arn in (others, nobody):
        code, text = refusal(create, **_schedule(client, RoleArn=arn))
        assert (code, "assume the role" in text) == ("ValidationException", True)
    create(**_schedule(client, RoleArn=good))


def test_a_bucket_of_the_accounts_namespace_is_made_with_its_header(client: Client) -> None:
    s3, name = client("s3"), "arun-123456789012-us-east-1-an"
    assert refusal(s3.create_bucket, Bucket=name)[0] == "MissingNamespaceHeader"
    s3.create_bucket(Bucket=name, BucketNamespace="account-regional")
    s3.create_bucket(Bucket="arun-plain")


@pytest.mark.parametrize("size", [3, 9 << 20])
def test_a_body_that_is_not_what_its_checksum_says_is_not_stored(client: Client, size: int) -> None:
    s3, body = client("s3"), b"x" * size
    s3.create_bucket(Bucket="arun-plain")
    right = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    target = {"Bucket": "arun-plain", "Key": "a", "Body": body}
    assert refusal(s3.put_object, **target, ChecksumCRC32="AAAAAA==")[0] == "BadDigest"
    assert s3.list_objects_v2(Bucket="arun-plain")["KeyCount"] == 0
    s3.put_object(**target, ChecksumCRC32=right)
    assert s3.get_object(Bucket="arun-plain", Key="a")["Body"].read() == body


def test_a_pushed_tag_of_an_immutable_repository_stays_what_it_is(tmp_path: Path) -> None:
    """At the registry, where `docker push` goes."""
    import urllib.error
    import urllib.request

    from aws_run.local.runtime.registry import start_registry

    registry = start_registry(tmp_path)
    try:
        registry.immutable.add("arun/demo")

        refusals: list[str] = []

        def push(repository: str, body: bytes) -> int:
            request = registry._request(f"{repository}/manifests/v1", "PUT")
            request.data = body
            try:
                with urllib.request.urlopen(request) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                refusals.append(json.loads(error.read())["errors"][0]["message"])
                return int(error.code)

        first, second = b'{"schemaVersion": 2}', b'{"schemaVersion": 2, "layers": []}'
        assert [push("arun/demo", body) for body in (first, first, second)] == [201, 201, 400]
        assert [push("arun/other", body) for body in (first, second)] == [201, 201]
        taken = "The image tag 'v1' already exists in the 'arun/demo' repository and cannot be overwritten"
        assert [refusal.startswith(taken) for refusal in refusals] == [True]  # by which a client knows it
    finally:
        registry.stop()
