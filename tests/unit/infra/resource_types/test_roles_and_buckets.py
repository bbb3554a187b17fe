"""Launch template, roles, bucket, repository, log group and task definition: made whole, changed whole, gone whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.fakes import ACCOUNT, BUCKET, FakeAws, FakeClock, refused
from tests.unit.infra.resource_samples import (
    BUCKET_,
    EVERY,
    EXECUTION,
    INSTANCE,
    LOGS,
    NAME,
    REPOSITORY,
    TEMPLATE,
    made,
    with_something_in_it,
)

from aws_run.errors import AwsCallError, PreflightError, UsageError
from aws_run.infra.resource_types import bucket, launch_template, log_group, repository, role
from aws_run.infra.resource_types import task_definition as definitions
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.repository import ReadyImage
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import ref


def template_data(template: LaunchTemplate) -> dict[str, Any]:
    aws = made(FakeAws())
    launch_template.create(aws, template, FakeClock())
    data: dict[str, Any] = aws.sent("create_launch_template")[0]["LaunchTemplateData"]
    return data


def test_a_machine_ends_when_it_powers_off_and_its_container_cannot_take_its_role() -> None:
    data = template_data(TEMPLATE)
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        1,
    )
    disk = data["BlockDeviceMappings"][0]["Ebs"]
    assert (disk["DeleteOnTermination"], disk["Encrypted"], disk["VolumeSize"]) == (True, True, 40)
    assert base64.b64decode(data["UserData"]).decode() == TEMPLATE.user_data


def test_without_security_groups_the_vpcs_default_is_left_to_aws() -> None:
    assert "Groups" not in template_data(TEMPLATE)["NetworkInterfaces"][0]
    given = template_data(replace(TEMPLATE, security_groups=("sg-1",), public_ip=False))["NetworkInterfaces"][0]
    assert (given["Groups"], given["AssociatePublicIpAddress"]) == (["sg-1"], False)


def test_a_role_left_at_any_call_of_its_making_never_looks_finished() -> None:
    """What `observe` goes by comes with the very last call: a dead client's role is finished by the next run."""
    whole = FakeAws()
    role.create(whole, EXECUTION, FakeClock())
    assert whole.operations == ["create_role", "put_role_policy", "tag_role"]
    said = ["aws-run:config" in json.dumps(call.parameters) for call in whole.calls]
    assert said == [False, False, True]
    # The machine's role is looked at through its profile, which is finished when it holds the role.
    machine = FakeAws()
    role.create(machine, INSTANCE, FakeClock())
    assert machine.operations[-2:] == ["create_instance_profile", "add_role_to_instance_profile"]


@pytest.mark.parametrize("code", ["NoSuchEntity", "ConcurrentModification"])
@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        (EXECUTION, "put_role_policy"),
        (EXECUTION, "tag_role"),
        (EXECUTION, "update_assume_role_policy"),
        (INSTANCE, "add_role_to_instance_profile"),
        (INSTANCE, "tag_instance_profile"),
    ],
)
def test_a_role_that_iam_does_not_know_everywhere_yet_is_waited_for(code: str, kind: Role, operation: str) -> None:
    aws, clock = (
        FakeAws().on("create_role", refused("EntityAlreadyExists")).on(operation, *[refused(code)] * 3, {}),
        FakeClock(),
    )
    role.create(aws, kind, clock)
    assert len(aws.sent(operation)) == 4
    stubborn = FakeAws().on(operation, refused(code))
    with pytest.raises(AwsCallError, match=code):
        role.configure(stubborn, kind, clock)


def test_a_roles_tag_goes_last_when_it_is_brought_to_something_new() -> None:
    aws = FakeAws()
    role.configure(aws, EXECUTION, FakeClock())
    assert aws.operations == ["update_assume_role_policy", "put_role_policy", "tag_role"]


@pytest.mark.parametrize(
    "change", [{"policy": {}}, {"trust_condition": {}}, {"permissions_boundary": "arn:x"}, {"service": "x"}]
)
def test_a_roles_digest_tells_every_difference(change: dict[str, Any]) -> None:
    assert role.config_digest(replace(EXECUTION, **change)) != role.config_digest(EXECUTION)


def test_a_role_under_a_boundary_is_made_under_it() -> None:
    aws = FakeAws()
    role.create(aws, replace(EXECUTION, permissions_boundary="arn:b"), FakeClock())
    assert aws.sent("create_role")[0]["PermissionsBoundary"] == "arn:b"


def test_a_role_without_a_profile_is_not_asked_about_one() -> None:
    aws = with_something_in_it()
    role.delete(aws, "r-task", FakeClock())
    assert not [operation for operation in aws.operations if "instance_profile" in operation]


def test_a_role_loses_its_policies_before_it_goes_and_a_conflict_is_waited_out() -> None:
    aws = with_something_in_it().on("delete_role", refused("DeleteConflict"), {})
    role.delete(aws, "r-instance", FakeClock())
    order = list(dict.fromkeys(aws.operations))
    assert order.index("delete_instance_profile") < order.index("delete_role_policy") < order.index("delete_role")
    assert "detach_role_policy" in order
    assert len(aws.sent("delete_role")) == 2


def test_a_bucket_is_closed_and_versioned_before_its_tags_call_it_ready() -> None:
    aws = FakeAws()
    bucket.create(aws, BUCKET_, FakeClock())
    assert aws.operations[0] == "create_bucket"
    assert aws.operations[-1] == "put_bucket_tagging"
    block = aws.sent("put_public_access_block")[0]["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    assert aws.sent("put_bucket_versioning")[0]["VersioningConfiguration"] == {"Status": "Enabled"}
    policy = json.loads(aws.sent("put_bucket_policy")[0]["Policy"])["Statement"][0]
    assert (policy["Effect"], policy["Principal"]) == ("Deny", "*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    rules = aws.sent("put_bucket_lifecycle_configuration")[0]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "runs")["Expiration"] == {"Days": 90}
    # Days of age must never take an input or a mark that is in use; what they leave behind goes.
    for name, days in {"inputs": 30, "live": 1, "leaving": 1, "locks": 1}.items():
        rule = next(rule for rule in rules if rule["ID"] == name)
        assert rule["Filter"] == {"Prefix": f"{name}/"}
        assert rule["Expiration"] == {"ExpiredObjectDeleteMarker": True}
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    assert {rule["ID"] for rule in rules} == {"runs", "inputs", "live", "leaving", "locks", "unfinished-uploads"}
    tagged = {tag["Key"]: tag["Value"] for tag in aws.sent("put_bucket_tagging")[0]["Tagging"]["TagSet"]}
    assert tagged["aws-run:runs-days"] == "90"
    assert {call["ExpectedBucketOwner"] for op in aws.operations[1:] for call in aws.sent(op)} == {"123456789012"}


@pytest.mark.parametrize(("theirs", "kept"), [("365", 365), ("30", 90), ("?", 90)])
def test_a_project_never_shortens_what_another_asked_for_and_tags_of_others_stay(theirs: str, kept: int) -> None:
    there = [{"Key": "aws-run:runs-days", "Value": theirs}, {"Key": "team", "Value": "x"}]
    aws = FakeAws().on("get_bucket_tagging", {"TagSet": there})
    bucket.configure(aws, BUCKET_, FakeClock())
    rules = aws.sent("put_bucket_lifecycle_configuration")[0]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule["ID"] == "runs")["Expiration"] == {"Days": kept}
    tagged = {tag["Key"]: tag["Value"] for tag in aws.sent("put_bucket_tagging")[0]["Tagging"]["TagSet"]}
    assert (tagged["aws-run:runs-days"], tagged["team"]) == (str(kept), "x")


@pytest.mark.parametrize(
    ("region", "constraint"), [("us-east-1", None), ("eu-west-1", {"LocationConstraint": "eu-west-1"})]
)
def test_a_bucket_is_made_in_its_region_and_in_the_accounts_namespace(region: str, constraint: Any) -> None:
    aws = FakeAws()
    bucket.create(aws, replace(BUCKET_, region=region), FakeClock())
    request = aws.sent("create_bucket")[0]
    assert request.get("CreateBucketConfiguration") == constraint
    assert request["BucketNamespace"] == "account-regional"


@pytest.mark.parametrize(
    "look",
    [
        lambda: bucket.observe(FakeAws().on("get_bucket_tagging", refused("AccessDenied")), BUCKET_),
        lambda: bucket.create(FakeAws().on("create_bucket", refused("BucketAlreadyExists")), BUCKET_, FakeClock()),
    ],
)
def test_a_bucket_of_somebody_else_is_refused_by_name(look: Callable[[], object]) -> None:
    with pytest.raises(PreflightError, match=BUCKET):
        look()


def test_a_bucket_is_emptied_of_versions_and_markers_before_it_goes() -> None:
    page = {"Versions": [{"Key": "a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "b", "VersionId": "2"}]}
    aws = FakeAws().on("list_object_versions", page, {}).on("delete_bucket", refused("BucketNotEmpty"), {})
    bucket.delete(aws, BUCKET, FakeClock())
    removable = aws.sent("delete_objects")[0]["Delete"]["Objects"]
    assert removable == [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "2"}]
    assert len(aws.sent("delete_bucket")) == 2


def test_an_object_that_stays_is_named() -> None:
    aws = FakeAws().on("list_object_versions", {"Versions": [{"Key": "a", "VersionId": "1"}]})
    aws.on("delete_objects", {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "locked"}]})
    with pytest.raises(AwsCallError, match=r"a in .* locked"):
        bucket.delete(aws, BUCKET, FakeClock())


def test_a_repository_has_immutable_tags_scans_and_forgets_old_images() -> None:
    aws = made(FakeAws())
    repository.create(aws, REPOSITORY, FakeClock())
    request = aws.sent("create_repository")[0]
    assert request["imageTagMutability"] == "IMMUTABLE"
    assert request["imageScanningConfiguration"] == {"scanOnPush": True}
    rule = json.loads(aws.sent("put_lifecycle_policy")[0]["lifecyclePolicyText"])["rules"][0]
    assert rule["selection"]["countNumber"] == 50


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_not_there_has_no_digest(code: str) -> None:
    assert repository.image_digest(FakeAws().on("describe_images", refused(code)), "arun/demo", "tag") is None
    found = FakeAws().on("describe_images", {"imageDetails": [{"imageDigest": "sha256:1", "imageSizeInBytes": 5}]})
    assert repository.image_digest(found, "arun/demo", "tag") == ("sha256:1", 5)
    with pytest.raises(AwsCallError):
        repository.image_digest(FakeAws().on("describe_images", refused("AccessDeniedException")), "arun/demo", "tag")


def test_a_log_groups_retention_is_set_on_one_that_was_there_too() -> None:
    aws = FakeAws().on("create_log_group", refused("ResourceAlreadyExistsException"))
    log_group.create(aws, LOGS, FakeClock())
    assert aws.sent("put_retention_policy") == [{"logGroupName": "/aws-run/demo", "retentionInDays": 30}]


def test_every_revision_of_the_family_goes_ten_at_a_time_and_no_other_familys() -> None:
    mine = [f"arn:aws:ecs:r:1:task-definition/{NAME}:{number}" for number in range(1, 13)]
    aws = FakeAws().on("list_task_definitions", [*mine, f"arn:aws:ecs:r:1:task-definition/{NAME}-other:1"])
    definitions.delete(aws, NAME, FakeClock())
    assert [call["taskDefinition"] for call in aws.sent("deregister_task_definition")] == mine
    assert [len(call["taskDefinitions"]) for call in aws.sent("delete_task_definitions")] == [10, 2]


def test_every_resource_can_be_referred_to_by_kind_and_name() -> None:
    assert len({ref(resource) for resource in EVERY}) == len(EVERY)


IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/arun/demo"


NO_IMAGE = {"failures": [{"failureCode": "ImageNotFound"}]}
MISSING = [NO_IMAGE, refused("RepositoryNotFoundException")]


@pytest.mark.parametrize("answer", MISSING)
@pytest.mark.parametrize("name", [f"{IMAGE}:v1", IMAGE, f"{IMAGE}@sha256:{'0' * 64}"])
def test_a_ready_image_that_ecr_does_not_have_is_refused_by_name(answer: Any, name: str) -> None:
    aws = FakeAws().on("batch_get_image", answer)
    with pytest.raises(UsageError, match="There is no image") as caught:
        repository.ready_image(aws, name)
    assert "list-images --repository-name arun/demo" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["nosuch:tag", "public.ecr.aws/x/y:1", IMAGE.replace("us-east-1", "eu-west-1")])
def test_of_other_registries_nothing_is_asked(name: str) -> None:
    aws = FakeAws().on("batch_get_image", NO_IMAGE)
    assert repository.ready_image(aws, name) == ReadyImage(uri=name)
    assert aws.operations == []


def test_who_may_not_look_may_still_be_allowed_to_pull() -> None:
    aws = FakeAws().on("batch_get_image", refused("AccessDeniedException"))
    assert repository.ready_image(aws, f"{IMAGE}:v1") == ReadyImage(uri=f"{IMAGE}:v1")


def test_of_an_image_that_stays_by_its_tag_the_plan_says_what_holds() -> None:
    (note,) = ReadyImage(uri="public.ecr.aws/x/y:1").notes
    assert "the image public.ecr.aws/x/y:1 is named by a tag" in note
    assert "`rerun` and `start` repeat only a run whose image is named by its digest" in note


DIGEST = f"sha256:{'5' * 64}"


@pytest.mark.parametrize("name", [f"{IMAGE}:v1", IMAGE])
def test_a_tag_is_pinned_to_the_image_that_it_names_now(name: str) -> None:
    answer = {"images": [{"imageId": {"imageTag": "v1", "imageDigest": DIGEST}, "imageManifest": "{}"}]}
    image = repository.ready_image(FakeAws().on("batch_get_image", answer), name)
    assert (image.uri, image.notes) == (f"{IMAGE}@{DIGEST}", ())


def test_a_digest_that_was_given_stays_and_one_that_is_none_is_not_taken() -> None:
    given = f"{IMAGE}:v1@sha256:{'0' * 64}"
    aws = FakeAws().on("batch_get_image", {"images": [{"imageId": {"imageDigest": "latest"}, "imageManifest": "{}"}]})
    assert repository.ready_image(aws, given).uri == given
    assert repository.ready_image(aws, f"{IMAGE}:v1").uri == f"{IMAGE}:v1"


def manifest(**document: Any) -> dict[str, Any]:
    return {"images": [{"imageManifest": json.dumps(document)}]}


def test_an_index_says_for_which_architectures_its_images_are() -> None:
    platforms = [{"platform": {"architecture": one}} for one in ("amd64", "arm64", "unknown")]
    aws = FakeAws().on("batch_get_image", manifest(manifests=platforms))
    assert repository.ready_image(aws, f"{IMAGE}:v1").arches == {"x86_64", "arm64"}
    assert aws.operations == ["batch_get_image"]


def test_of_a_single_image_its_configuration_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws().on("batch_get_image", manifest(config={"digest": "sha256:1"}))
    aws.on("get_download_url_for_layer", {"downloadUrl": "https://there"})
    monkeypatch.setattr(aws, "fetch", lambda url: json.dumps({"architecture": "arm64"}).encode())
    assert repository.ready_image(aws, f"{IMAGE}:v1").arches == {"arm64"}
    assert aws.sent("get_download_url_for_layer")[0]["layerDigest"] == "sha256:1"
    aws.on("get_download_url_for_layer", refused("AccessDeniedException"))
    assert repository.ready_image(aws, f"{IMAGE}:v1").arches == frozenset()


def test_an_image_of_another_architecture_than_the_hardware_is_refused() -> None:
    repository.refuse_other_arch(ReadyImage(uri=IMAGE), "arm64")
    repository.refuse_other_arch(ReadyImage(uri=IMAGE, arches=frozenset({"arm64", "x86_64"})), "arm64")
    with pytest.raises(UsageError, match="is for x86_64, and the hardware is arm64") as caught:
        repository.refuse_other_arch(ReadyImage(uri=IMAGE, arches=frozenset({"x86_64"})), "arm64")
    assert "--arch x86_64" in (caught.value.hint or "")
