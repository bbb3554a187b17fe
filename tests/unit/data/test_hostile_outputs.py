"""`output.json` is the job's to write: nothing in it moves more than the run's own outputs into `-o`."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.unit.data.saved_outputs import RUN
from tests.unit.transfer.stub import StubS3

from aws_run.data import pull_output
from aws_run.errors import TransferError
from aws_run_entrypoint.transfer import Bucket, Entry, Source, files
from aws_run_entrypoint.transfer import manifest as manifests

KEY, OUTPUT = f"runs/{RUN}/output.json", f"runs/{RUN}/output/"


def save(stub: StubS3, *names: str, source: Source | None = None, **changes: Any) -> None:
    entries = []
    for name in names:
        stub.store(OUTPUT + name, b"x")
        entries.append(Entry(name, 1, 1, 0o644, zlib.crc32(b"x"), None)._replace(**changes))
    stub.store(KEY, manifests.from_entries(entries, source=source))


def pull(bucket: Bucket, into: Path) -> Any:
    return pull_output(bucket, RUN, into, emit=lambda event: None)


def test_outputs_that_are_said_to_lie_in_another_bucket_are_not_fetched(
    bucket: Bucket, stub: StubS3, tmp_path: Path
) -> None:
    stub.store("salaries.csv", b"boss,1000000")
    save(stub, "salaries.csv", source=Source("bucket", "us-east-1", "", None))
    with pytest.raises(TransferError, match="names another bucket"):
        pull(bucket, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        ".aws-run-part-results",
        "a/.aws-run-part-0",
        ".git/hooks/pre-commit",
        ".GIT/config",
        "deep/.git/config",
        "deep/.gi\u200ct/config",
        "git~1/config",
        ".git./config",
        ".git",
    ],
)
def test_what_would_run_or_vanish_here_is_left_out_and_told(
    bucket: Bucket, stub: StubS3, tmp_path: Path, name: str
) -> None:
    save(stub, *sorted([name, "fine"]))
    with pytest.raises(TransferError, match="1 of the outputs could not be put into"):
        pull(bucket, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fine"]


def test_names_that_only_look_like_it_come(bucket: Bucket, stub: StubS3, tmp_path: Path) -> None:
    names = [".gitattributes", ".gitignore", "git", "x.git"]
    save(stub, *names)
    pull(bucket, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize(
    "changes",
    [{"mtime_ns": 10**30}, {"size": "1"}, {"mode": None}, {"version_id": 7}, {"path": 5}, {"size": 2**80}],
    ids=str,
)
def test_values_of_the_wrong_kind_are_one_sentence(
    bucket: Bucket, stub: StubS3, tmp_path: Path, changes: dict[str, Any]
) -> None:
    entry = {"path": "a", "size": 1, "mtime_ns": 1, "mode": 420, "crc32": "8cdc1683", "version_id": None, **changes}
    stub.store(KEY, manifests.encode([json.dumps(list(entry.values())).encode()], files=1, total_bytes=1))
    with pytest.raises(TransferError, match="holds a line that is not an entry"):
        pull(bucket, tmp_path)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b"{}", b"", b"\xff", b'{"version":1e999}\n]}'])
def test_a_manifest_that_is_none_is_one_sentence(bucket: Bucket, stub: StubS3, tmp_path: Path, raw: bytes) -> None:
    stub.store(KEY, raw)
    with pytest.raises(TransferError, match="is not a manifest of aws-run"):
        pull(bucket, tmp_path)


def test_a_manifest_too_large_to_be_read_is_one_sentence(
    bucket: Bucket, stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "MOST_BYTES", 100_000)
    stub.store(KEY, bytes(100_001))
    with pytest.raises(TransferError, match="is larger than 100000 bytes"):
        pull(bucket, tmp_path)


def test_on_a_full_disk_the_small_ones_come_and_the_way_back_is_told(
    bucket: Bucket, stub: StubS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = bytes(17 << 20)
    stub.store(f"{OUTPUT}large", large)
    stub.store(f"{OUTPUT}small", b"x")
    entries = [
        Entry("large", len(large), 1, 0o644, zlib.crc32(large), None),
        Entry("small", 1, 1, 0o644, zlib.crc32(b"x"), None),
    ]
    stub.store(KEY, manifests.from_entries(entries))
    monkeypatch.setattr(files, "room_at", lambda folder: 1 << 20)
    with pytest.raises(TransferError, match="whose disk is full; what fits is there: 'large' does not fit") as caught:
        pull(bucket, tmp_path)
    assert "Make room" in (caught.value.hint or "")
    assert (tmp_path / "small").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
