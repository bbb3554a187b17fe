"""Files that somebody else put into S3: pinned by version or ETag, checked by what S3 knows of their bytes."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import grown, send

from aws_run_entrypoint.transfer import (
    ChangedError,
    CorruptError,
    EngineError,
    Entry,
    Pulled,
    Source,
    Wanted,
    pull_manifest,
    pull_manifests,
    put_object,
)
from aws_run_entrypoint.transfer import manifest as manifests
from aws_run_entrypoint.transfer.checksums import Checksums, checksums_of

PIN, THERE = "runs/r/inputs/x.snapshot.json", "far/away/"
BIG = os.urandom((17 << 20) + 1)
MIDDLE = os.urandom(300 << 10)


def pin(stub: StubS3, **files: bytes) -> None:
    """What the tool writes at submit; by version where the stub has versions."""
    entries = []
    for name, body in sorted(files.items()):
        found = stub.store(THERE + name, body)
        version, etag = (found.version_id, None) if stub.versioned else (None, found.etag)
        entries.append(Entry(name, len(body), 1_700_000_000 * 10**9, 0o644, None, version, etag))
    put_object(stub.bucket(), PIN, manifests.from_entries(entries, source=Source("bucket", "us-east-1", THERE, None)))


def fetch(stub: StubS3, into: Path, **more: object) -> Pulled:
    return pull_manifest(stub.bucket(), PIN, prefix="not/there/", into=str(into), elsewhere=True, **more)  # type: ignore[arg-type]


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("versioned", [True, False])
def test_what_was_pinned_comes_and_what_is_edited_later_does_not(tmp_path: Path, versioned: bool) -> None:
    with StubS3(versioned=versioned) as stub:
        pin(stub, small=b"old", middle=MIDDLE, big=BIG, empty=b"")
        assert fetch(stub, tmp_path / "first").fetched_files == 4
        for name in ("small", "middle", "big"):
            stub.store(THERE + name, b"edited")
        if versioned:
            fetch(stub, tmp_path / "second")
            assert held(tmp_path / "second") == held(tmp_path / "first")
            return
        with pytest.raises(ChangedError, match=r"s3://bucket/far/away/.* was changed after the run was submitted"):
            fetch(stub, tmp_path / "second")
        assert held(tmp_path / "first") == {"small": b"old", "middle": MIDDLE, "big": BIG, "empty": b""}


@pytest.mark.parametrize("name", ["small", "middle", "big"])
@pytest.mark.parametrize("helpers", [1, 2])
def test_a_change_is_noticed_at_every_size_with_and_without_helper_processes(
    tmp_path: Path, name: str, helpers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_run_entrypoint.transfer.pull.WORTH_BYTES", 1)
    monkeypatch.setattr("aws_run_entrypoint.transfer.process_pool.WORTH_BYTES", 1)
    with StubS3(versioned=False) as stub:
        pin(stub, **{name: {"small": b"old", "middle": MIDDLE, "big": BIG}[name]})

        def edit_before_the_bytes_are_asked_for(seen: Seen) -> None:
            if seen.method == "GET" and seen.key.startswith(THERE):
                stub.store(seen.key, b"new")

        stub.script = edit_before_the_bytes_are_asked_for
        with pytest.raises(ChangedError, match="was changed after"):
            fetch(stub, tmp_path / "in", helpers=helpers)
        assert held(tmp_path / "in") == {}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(how="status", status=404, code="NoSuchKey"), "was removed after the run was submitted"),
        (Fault(how="status", status=403, code="AccessDenied"), "may not be read by the run's task role"),
        (Fault(how="status", status=403, code="InvalidObjectState"), "is archived and has to be restored"),
    ],
)
def test_a_refusal_says_what_it_means(stub: StubS3, tmp_path: Path, fault: Fault, message: str) -> None:
    pin(stub, small=b"x")
    stub.script = lambda seen: fault if seen.key.startswith(THERE) else None
    with pytest.raises(EngineError, match=f"^s3://bucket/far/away/small {message}"):
        fetch(stub, tmp_path / "in")


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize("name", ["small", "middle", "big"])
def test_a_byte_that_is_wrong_is_seen_by_the_sum_that_s3_knows(tmp_path: Path, sums: bool, name: str) -> None:
    """The CRC32 where there is one, else the MD5 that the ETag is."""
    with StubS3(sums=sums) as stub:
        pin(stub, **{name: {"small": b"some bytes", "middle": MIDDLE, "big": BIG}[name]})
        stub.script = lambda seen: Fault(how="corrupt") if seen.key.startswith(THERE) else None
        with pytest.raises(CorruptError, match=name):
            fetch(stub, tmp_path / "in")
        assert held(tmp_path / "in") == {}
        stub.script = lambda seen: None
        assert fetch(stub, tmp_path / "in").size_only == 0


def test_what_has_no_sum_is_counted(stub: StubS3, tmp_path: Path) -> None:
    pin(stub, small=b"x", middle=MIDDLE)
    for version in (version for held in stub.objects.values() for version in held if version):
        version.etag = '"0123456789abcdef0123456789abcdef-2"'  # came in parts
    assert fetch(stub, tmp_path / "in").size_only == 2


def test_several_manifests_are_one_plan(stub: StubS3, tmp_path: Path) -> None:
    """A folder's and one of objects elsewhere: progress counts over both, and a restart fetches nothing again."""
    sent = send(stub.bucket(), grown(tmp_path / "mine"))
    pin(stub, small=b"x", middle=MIDDLE)
    wanted = [
        Wanted("inputs/p/data.snapshot.json", sent.manifest_version_id, "inputs/p/data/", str(tmp_path / "in/mine")),
        Wanted(PIN, None, "", str(tmp_path / "in/theirs"), elsewhere=True),
    ]
    events: list[object] = []
    mine, theirs = pull_manifests(stub.bucket(), wanted, on_event=events.append)
    assert (mine.files, theirs.files) == (10, 2)
    assert events[-1] == (12, mine.bytes + theirs.bytes, 12, mine.bytes + theirs.bytes)
    again = pull_manifests(stub.bucket(), wanted)
    assert [done.fetched_files for done in again] == [0, 0]


HASH = hashlib.md5(b"x").hexdigest()


@pytest.mark.parametrize(
    ("headers", "proof"),
    [
        ({"etag": f'"{HASH}"'}, Checksums(None, HASH)),
        ({"etag": f'"{HASH}-3"'}, Checksums(None, None)),
        ({"etag": f'"{HASH}"', "x-amz-server-side-encryption": "AES256"}, Checksums(None, HASH)),
        ({"etag": f'"{HASH}"', "x-amz-server-side-encryption": "aws:kms"}, Checksums(None, None)),
        ({"etag": f'"{HASH}"', "x-amz-server-side-encryption-customer-algorithm": "AES256"}, Checksums(None, None)),
        ({"x-amz-checksum-crc32": "jNwWgw=="}, Checksums(zlib.crc32(b"x"), None)),
        ({"x-amz-checksum-crc32": "jNwWgw==", "x-amz-checksum-type": "COMPOSITE"}, Checksums(None, None)),
        ({"x-amz-checksum-crc32": "jNwWgw==-2"}, Checksums(None, None)),
        ({"x-amz-checksum-crc32": "?"}, Checksums(None, None)),
        ({}, Checksums(None, None)),
    ],
)
def test_what_s3_says_is_taken_for_what_it_proves(headers: dict[str, str], proof: Checksums) -> None:
    assert checksums_of(headers) == proof
