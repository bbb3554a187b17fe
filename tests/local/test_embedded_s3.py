"""S3 of the embedded AWS where moto has another opinion: names with a newline in them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.local.support import Client

from aws_run.local.api import s3_listing


@pytest.mark.parametrize("key", ["a\nb", "a\r\nb/c", "runs/x/output/ü\n"])
def test_a_name_with_a_newline_is_kept_like_any_other(client: Client, key: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-bucket")
    s3.put_object(Bucket="arun-bucket", Key=key, Body=b"kept")
    with s3.get_object(Bucket="arun-bucket", Key=key)["Body"] as body:
        assert body.read() == b"kept"
    upload = s3.create_multipart_upload(Bucket="arun-bucket", Key=f"{key}2")["UploadId"]
    part = s3.upload_part(Bucket="arun-bucket", Key=f"{key}2", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="arun-bucket", Key=f"{key}2", UploadId=upload, MultipartUpload=parts)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="arun-bucket")["Contents"]] == sorted([key, f"{key}2"])
    s3.delete_objects(Bucket="arun-bucket", Delete={"Objects": [{"Key": key}, {"Key": f"{key}2"}]})
    assert "Contents" not in s3.list_objects_v2(Bucket="arun-bucket")


def test_a_list_of_versions_copies_no_objects_content() -> None:
    from moto.s3.models import FakeKey

    s3_listing.install()
    key = FakeKey(name="a", value=b"content", account_id="123456789012", region_name="us-east-1")
    twin: Any = copy.deepcopy([key])[0]
    twin.is_latest = True
    assert twin._value_buffer is key._value_buffer
    assert (twin.name, twin.size, twin.etag) == (key.name, key.size, key.etag)
    assert "is_latest" not in vars(key)
    del twin
    assert key.value == b"content"
    key.dispose()


def test_versions_are_listed_newest_first_and_marked(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-bucket")
    s3.put_bucket_versioning(Bucket="arun-bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22"):
        s3.put_object(Bucket="arun-bucket", Key="a", Body=body)
    s3.put_object(Bucket="arun-bucket", Key="b/c", Body=b"333")
    s3.delete_object(Bucket="arun-bucket", Key="b/c")
    listed = s3.list_object_versions(Bucket="arun-bucket")
    assert [(one["Key"], one["Size"], one["IsLatest"]) for one in listed["Versions"]] == [
        ("a", 2, True), ("a", 1, False), ("b/c", 3, False),
    ]  # fmt: skip
    assert [one["Key"] for one in listed["DeleteMarkers"]] == ["b/c"]
    with s3.get_object(Bucket="arun-bucket", Key="a")["Body"] as body:
        assert body.read() == b"22"


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_a_folder_of_deleted_objects_is_in_no_list(client: Client, operation: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="arun-bucket")
    s3.put_bucket_versioning(Bucket="arun-bucket", VersioningConfiguration={"Status": "Enabled"})
    for key in ("runs/a/x", "runs/b/x", "runs/b/y", "top"):
        s3.put_object(Bucket="arun-bucket", Key=key, Body=b"1")
    for key in ("runs/a/x", "runs/b/x"):
        s3.delete_object(Bucket="arun-bucket", Key=key)
    listed = getattr(s3, operation)(Bucket="arun-bucket", Prefix="runs/", Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["runs/b/"]
    listed = getattr(s3, operation)(Bucket="arun-bucket", Delimiter="/")
    assert ([one["Prefix"] for one in listed["CommonPrefixes"]], [one["Key"] for one in listed["Contents"]]) == (
        ["runs/"],
        ["top"],
    )
