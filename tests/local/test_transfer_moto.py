"""The engine against moto, an S3 that somebody else wrote, with boto3 as the second opinion on what is there."""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.unit.transfer.trees import KEY, PREFIX, fetch, grown, listing, send

from aws_run_entrypoint.transfer import Bucket, Credentials, S3Error, StaticSource, get_object, put_object

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def name() -> str:
    return f"arun-{next(NUMBERS)}23456789012-us-east-1-an"


@pytest.fixture
def s3(url: str, name: str) -> Iterator[Any]:
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def bucket(url: str, name: str, s3: Any) -> Bucket:
    return Bucket(name, "us-east-1", StaticSource(Credentials("key", "secret")), url, "123456789012")


def test_a_folder_goes_there_and_back(bucket: Bucket, s3: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(os.urandom((20 << 20) + 7))
    sent = send(bucket, grown(tmp_path / "in", newline=False))
    for key in (f"{PREFIX}sp ace/ü+%&?#'\".txt", f"{PREFIX}big"):
        body = s3.get_object(Bucket=name, Key=key)["Body"].read()
        assert zlib.crc32(body) == zlib.crc32((tmp_path / "in" / key[len(PREFIX) :]).read_bytes())
    fetch(bucket, tmp_path / "out", sent.manifest_version_id)
    assert listing(tmp_path / "out") == listing(tmp_path / "in")
    assert s3.list_multipart_uploads(Bucket=name).get("Uploads", []) == []


def test_unchanged_changed_and_removed(bucket: Bucket, s3: Any, name: str, tmp_path: Path) -> None:
    first = send(bucket, grown(tmp_path / "in", newline=False))
    assert send(bucket, tmp_path / "in").unchanged
    before = listing(tmp_path / "in")
    (tmp_path / "in/a.txt").unlink()
    (tmp_path / "in/plain.txt").write_text("new")
    second = send(bucket, tmp_path / "in")
    assert (second.sent_files, second.deleted_files) == (1, 1)
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=name, Prefix=PREFIX)["Contents"]}
    assert f"{PREFIX}a.txt" not in keys
    fetch(bucket, tmp_path / "old", first.manifest_version_id)
    assert listing(tmp_path / "old") == before


def test_a_full_sync_lists_more_than_one_page(bucket: Bucket, s3: Any, name: str, tmp_path: Path) -> None:
    for n in range(1001):
        (tmp_path / f"{n}").write_bytes(b"")
    send(bucket, tmp_path)
    s3.delete_object(Bucket=name, Key=f"{PREFIX}999")
    done = send(bucket, tmp_path, full=True)
    assert done.sent_files == 1


def test_pins_that_are_not_current_are_sent_anew(bucket: Bucket, s3: Any, name: str, tmp_path: Path) -> None:
    send(bucket, grown(tmp_path / "in", newline=False))
    s3.put_object(Bucket=name, Key=f"{PREFIX}plain.txt", Body=b"plain")
    s3.delete_object(Bucket=name, Key=f"{PREFIX}sp ace/日本語")
    assert send(bucket, tmp_path / "in", full=True).sent_files == 2
    for version in s3.list_object_versions(Bucket=name, Prefix=PREFIX)["Versions"]:
        if not version["IsLatest"]:
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    fetch(bucket, tmp_path / "out")
    assert listing(tmp_path / "out") == listing(tmp_path / "in")
    assert send(bucket, tmp_path / "in", check_pins_after_s=0.0).sent_files == 0


def test_conditions_hold(bucket: Bucket) -> None:
    put_object(bucket, KEY, b"1", if_none_match=True)
    with pytest.raises(S3Error) as caught:
        put_object(bucket, KEY, b"2", if_none_match=True)
    assert caught.value.conflict
    with pytest.raises(S3Error) as caught:
        get_object(bucket, "no such key")
    assert caught.value.absent
