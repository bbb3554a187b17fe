"""The name of the account's bucket, with and without a namespace of its own."""

from __future__ import annotations

import pytest
from tests.unit.fakes import ACCOUNT, FakeAws, FakeClock, job, record, refused

from aws_run import naming
from aws_run.errors import PreflightError
from aws_run.infra import desired, policies
from aws_run.infra.bucket_names import own_bucket
from aws_run.infra.resource_types import bucket
from aws_run.runs.record import ResourceEntry


def named(region: str, owner: str = "75aa57f09aa0") -> str:
    return own_bucket(FakeAws(region=region).on("list_buckets", {"Owner": {"ID": owner}}))


def test_where_accounts_have_a_namespace_the_name_costs_no_call() -> None:
    aws = FakeAws()
    assert own_bucket(aws) == f"arun-{ACCOUNT}-us-east-1-an"
    assert aws.operations == []


@pytest.mark.parametrize("region", sorted(naming.WITHOUT_NAMESPACE))
def test_elsewhere_the_accounts_number_does_not_tell_it(region: str) -> None:
    assert named(region) == named(region)
    assert named(region) != named(region, owner="another")
    assert named(region).startswith(f"arun-{ACCOUNT}-{region}-")
    assert len(named(region)) <= 63
    aws = FakeAws(region=region).on("list_buckets", {"Owner": {"ID": "a"}})
    assert own_bucket(aws) == own_bucket(aws)
    assert aws.operations == ["list_buckets"]


def test_a_name_that_somebody_else_took_first_is_refused_and_nothing_is_put_there() -> None:
    aws = FakeAws(region="me-south-1").on("create_bucket", refused("BucketAlreadyExists"))
    wanted = desired.bucket(job(), name=named("me-south-1"), account=ACCOUNT, region="me-south-1")
    with pytest.raises(PreflightError, match="taken by another account"):
        bucket.create(aws, wanted, FakeClock())
    (sent,) = aws.sent("create_bucket")
    assert "BucketNamespace" not in sent
    assert aws.operations == ["create_bucket"]


@pytest.mark.parametrize(
    ("region", "end", "asks"),
    [("us-east-1", "us-east-1-an", False), ("me-south-1", "me-south-1-*", True), ("*", "*-*", True)],
)
def test_the_callers_policy_holds_the_bucket_and_where_it_is_needed_the_way_to_its_name(
    region: str, end: str, asks: bool
) -> None:
    text = str(policies.caller_policy(account=ACCOUNT, region=region))
    assert f"'arn:aws:s3:::arun-{ACCOUNT}-{end}'" in text
    assert ("s3:ListAllMyBuckets" in text) == asks


def test_a_record_shows_the_bucket_that_it_was_made_with() -> None:
    assert record().bucket == naming.bucket_name(ACCOUNT, "us-east-1")
    entry = ResourceEntry(kind="bucket", name="arun-1-me-south-1-abc", scope="kept")
    assert record(resources=(entry,)).bucket == entry.name
