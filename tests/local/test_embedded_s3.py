"""S3 of the embedded AWS where moto has another opinion: names with a newline in them."""

from __future__ import annotations

import pytest
from tests.local.support import Client


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
