"""The engine against Ceph's gateway, which checks signatures, keeps versions, and was written by neither us nor AWS.

AWS_RUN_TEST_S3 names one, as `tools/radosgw-up DIR` prints it; `make test` starts one in AWS_RUN_TEST_S3_DIR meanwhile.
Release 16 ignores `If-None-Match` and checksum headers, so what depends on those is shown against moto and the stub.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import boto3
import pytest
from tests.unit.transfer.trees import PREFIX, fetch, grown, listing, send

from aws_run.data import keep_pin, pin_input
from aws_run.s3uri import parse_s3
from aws_run_entrypoint.transfer import (
    Bucket,
    ChangedError,
    Credentials,
    S3Error,
    StaticSource,
    get_object,
    pull_manifest,
    put_object,
)

UP_WITHIN_S = 300.0  # the packages, and 12 s for the daemons


@dataclass(frozen=True, kw_only=True)
class Server:
    url: str
    key: str
    secret: str

    def bucket(self, name: str, secret: str | None = None) -> Bucket:
        return Bucket(name, "us-east-1", StaticSource(Credentials(self.key, secret or self.secret)), self.url)


@pytest.fixture(scope="session")
def server() -> Server:
    said = address()
    assert said.username is not None
    assert said.password is not None
    return Server(url=f"http://{said.hostname}:{said.port}", key=said.username, secret=said.password)


def address() -> SplitResult:
    """Where it is, once it is there. tests/conftest.py leaves these tests out where nobody starts one."""
    if "AWS_RUN_TEST_S3" in os.environ:
        return urlsplit(os.environ["AWS_RUN_TEST_S3"])
    if "AWS_RUN_TEST_S3_DIR" not in os.environ:
        pytest.fail("no gateway is named by AWS_RUN_TEST_S3 or being started; in CI nothing is left out", pytrace=False)
    folder = Path(os.environ["AWS_RUN_TEST_S3_DIR"])
    deadline = time.monotonic() + UP_WITHIN_S
    while not (folder / "ready").exists():
        if (folder / "failed").exists():
            pytest.fail(f"tools/radosgw-up: {(folder / 'failed').read_text().strip()}", pytrace=False)
        assert time.monotonic() < deadline, "the gateway is not up after minutes"
        time.sleep(0.1)
    return urlsplit((folder / "ready").read_text().strip().removeprefix("AWS_RUN_TEST_S3="))


@pytest.fixture
def s3(server: Server) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
    )
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any, server: Server) -> Bucket:
    name = f"arun-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return server.bucket(name)


def test_a_folder_goes_there_and_back(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/big").write_bytes(os.urandom((20 << 20) + 7))
    sent = send(bucket, grown(tmp_path / "in"))
    fetch(bucket, tmp_path / "out", sent.manifest_version_id)
    assert listing(tmp_path / "out") == listing(tmp_path / "in")
    assert s3.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []
    assert send(bucket, tmp_path / "in").unchanged


def test_old_versions_stay_readable(bucket: Bucket, tmp_path: Path) -> None:
    first = send(bucket, grown(tmp_path / "in"))
    before = listing(tmp_path / "in")
    (tmp_path / "in/plain.txt").write_text("new")
    (tmp_path / "in/a.txt").unlink()
    send(bucket, tmp_path / "in")
    fetch(bucket, tmp_path / "old", first.manifest_version_id)
    assert listing(tmp_path / "old") == before


def test_a_full_sync_lists_more_than_one_page(bucket: Bucket, s3: Any, tmp_path: Path) -> None:
    for n in range(1005):
        (tmp_path / f"{n} é").write_bytes(b"x")
    send(bucket, tmp_path)
    s3.delete_object(Bucket=bucket.name, Key=f"{PREFIX}999 é")
    assert send(bucket, tmp_path, full=True).sent_files == 1


def test_a_wrong_secret_is_refused(bucket: Bucket, server: Server) -> None:
    wrong = server.bucket(bucket.name, "wrong")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        put_object(wrong, "k", b"x")


def test_odd_keys_are_signed_as_the_server_reads_them(bucket: Bucket) -> None:
    for key in ("a b", "ü/日本", "q?x=1&y", "100%", "~!*'()", "+plus", "dot.", "a//b", "tab\there", "k" * 900):
        put_object(bucket, key, key.encode())
        assert get_object(bucket, key).body == key.encode()


@pytest.mark.parametrize("versions", [True, False])
def test_objects_of_others_are_pinned_and_read_as_they_were(
    bucket: Bucket, s3: Any, tmp_path: Path, versions: bool
) -> None:
    """-i s3://…: by version, or by ETag, which a server has to hold to for whole objects and for ranges."""
    if not versions:
        s3.create_bucket(Bucket=f"{bucket.name}-plain")
        bucket = bucket._replace(name=f"{bucket.name}-plain")
    big = os.urandom((17 << 20) + 1)
    objects = {"a": b"as pinned", "sub dir/ü+%&?": b"odd", "big": big}
    for key, body in objects.items():
        s3.put_object(Bucket=bucket.name, Key=f"there/{key}", Body=body)
    found = pin_input(bucket, parse_s3(f"s3://{bucket.name}/there"), emit=lambda event: None)
    assert (found.files, found.by) == (3, "version" if versions else "ETag")
    kept = keep_pin(bucket, "p-20260101-000000-abcd", "there", found)

    def pull(into: str) -> dict[str, bytes]:
        pull_manifest(
            bucket, kept.snapshot_key, kept.version_id, prefix="no/", elsewhere=True, into=str(tmp_path / into)
        )
        return {n: (tmp_path / into / n).read_bytes() for n in objects}

    assert pull("before") == objects
    for key in ("a", "big"):
        s3.put_object(Bucket=bucket.name, Key=f"there/{key}", Body=b"edited later")
        if versions:
            assert pull(f"after {key}") == objects
            continue
        with pytest.raises(ChangedError, match=f"there/{key} was changed after the run was submitted"):
            pull(f"after {key}")
        s3.put_object(Bucket=bucket.name, Key=f"there/{key}", Body=objects[key])
