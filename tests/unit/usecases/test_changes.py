"""What a run changed, from the bucket: which run it is held against, and what of it is read."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import BUCKET, FakeAccount, record

from aws_run.data.outputs import manifest_key, output_sums
from aws_run.github.comments.changes import Changes, NoBase, changes_section
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.usecases import changes as usecase
from aws_run.usecases.changes import changes_of
from aws_run_entrypoint.transfer import Entry, encode_manifest

OURS = "demo-20260103-000000-aaaa"
ENDED = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")


class Bucket(FakeAccount):
    def put(self, key: str, body: bytes) -> None:
        self.aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=body)

    def run(self, run_id: str, *, branch: str = "main", repository: str = "a/b", **changes: Any) -> Record:
        made = record(
            run_id=run_id, origin_detail=f"repository={repository} sha=c branch={branch}", command="python main.py",
            outcome=ENDED, output_prefix=RunKeys(run_id=run_id).output, **changes,
        )  # fmt: skip
        self.store.create(made)
        return made

    def outputs(self, run_id: str, files: dict[str, bytes], *, sums: dict[str, int] | None = None) -> None:
        for path, body in files.items():
            self.put(f"{RunKeys(run_id=run_id).output}{path}", body)
        known = sums or {path: zlib.crc32(body) for path, body in files.items()}
        entries = [Entry(path, len(files[path]), 0, 0o644, crc, None) for path, crc in sorted(known.items())]
        self.put(manifest_key(run_id), encode_manifest(entries))

    def compare(self, ours: Record, branch: str = "main", **tolerance: float) -> Changes | NoBase:
        return changes_of(
            self.context, ours, repository="a/b", branch=branch, tolerance=tolerance, url_of=lambda one: lambda path: f"https://x/{path}"
        )  # fmt: skip


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_the_newest_run_of_that_branch_with_the_same_command_that_ended_well_is_the_base(bucket: Bucket) -> None:
    cases: list[dict[str, Any]] = [
        {},
        {},
        {"branch": "feature"},
        {"branch": ""},
        {"repository": "evil/b"},
        {"command": "python other.py"},
        {"outcome": replace(ENDED, exit_code=1)},
        {"outcome": None},
    ]
    for number, different in enumerate(cases):
        made = record(**{"run_id": f"demo-2026010{1 + number // 5}-00000{number}-000{number}", **{
            "origin_detail": f"repository={different.get('repository', 'a/b')} branch={different.get('branch', 'main')}",
            "command": different.get("command", "python main.py"), "outcome": different.get("outcome", ENDED),
        }})  # fmt: skip
        bucket.store.create(made)
    bucket.put(f"{RunKeys(run_id='demo-20260102-235959-dead').record}", b"no record")
    ours = bucket.run("demo-20260103-000000-aaaa", branch="")
    changes = bucket.compare(ours)
    assert isinstance(changes, Changes)
    assert changes.before.run_id == "demo-20260101-000001-0001"
    nothing = bucket.compare(ours, branch="release")
    assert isinstance(nothing, NoBase)
    assert "release has no run of the same command" in nothing.why


def compared(bucket: Bucket, before: Record, ours: Record, **tolerance: float) -> Changes:
    changes = bucket.compare(ours, **tolerance)
    assert isinstance(changes, Changes)
    assert changes.before.run_id == before.run_id
    return changes


def test_facts_are_told_from_record_result_and_files(bucket: Bucket) -> None:
    before = bucket.run("demo-20260102-000000-0001", cost_usd="0.50")
    ours = bucket.run(OURS, branch="", cost_usd="0.25")
    bucket.put(RunKeys(run_id=before.run_id).result, json.dumps({"peak_memory_bytes": 1 << 30}).encode())
    bucket.put(RunKeys(run_id=OURS).result, json.dumps({"peak_memory_bytes": 2 << 30}).encode())
    bucket.outputs(before.run_id, {"metrics.json": b'{"loss": 1.0}', "t.csv": b"a,b\n1,2\n", "old.png": b"x"})
    bucket.outputs(OURS, {"metrics.json": b'{"loss": 1.005}', "t.csv": b"a,b\n1,2\n3,4\n", "new.png": b"y"})
    changes = compared(bucket, before, ours, loss=0.01)
    assert (changes.before.cost_usd, changes.after.cost_usd) == (Decimal("0.50"), Decimal("0.25"))
    assert (changes.before.peak_memory_bytes, changes.after.peak_memory_bytes) == (1 << 30, 2 << 30)
    assert changes.verdict == "Outputs: 1 added, 1 removed, 2 changed; its metric within its tolerance."
    told = changes_section(changes, str)
    assert "-50.0%" in told
    assert "1 row, 2 columns" in told
    assert "2 rows, 2 columns" in told
    assert "[image, 1 B](https://x/new.png)" in told
    beyond = compared(bucket, before, ours)
    assert "1 of 1 metric beyond their tolerance: metrics.json:loss." in beyond.verdict


def test_sums_of_contents_are_believed_before_those_of_an_encrypted_object(bucket: Bucket) -> None:
    before, ours = bucket.run("demo-20260102-000000-0001"), bucket.run(OURS, branch="")
    # An encrypted object has another ETag each time; here other bytes stand for that.
    bucket.outputs(before.run_id, {"same": b"a", "other": b"c"}, sums={"same": 7, "other": 1})
    bucket.outputs(OURS, {"same": b"b", "other": b"c"}, sums={"same": 7, "other": 2})
    assert [change.path for change in compared(bucket, before, ours).files] == ["other"]
    assert output_sums(b"no manifest") == {}


def test_what_is_not_read_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecase, "_MOST_READ", 2)
    before, ours = bucket.run("demo-20260102-000000-0001"), bucket.run(OURS, branch="")
    bucket.outputs(before.run_id, {})
    many = {f"{number}.csv": b"a\n1\n" for number in range(3)}
    bucket.outputs(OURS, {**many, "0/metrics.json": json.dumps(list(range(300))).encode()})
    changes = compared(bucket, before, ours)
    told = changes_section(changes, str)
    assert f"2 tables or metrics.json of {OURS} are compared by size and checksum only" in told
    assert "Only the first 200 numbers of a metrics.json are compared." in told
    assert "… and 175 more numbers" in told
    assert (
        changes_section(compared(bucket, before, bucket.run("demo-20260104-000000-aaaa", branch="")), str).count(
            "<sub>"
        )
        == 0
    )


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"peak_memory_bytes": true}', b'{"peak_memory_bytes": -1}'])
def test_a_result_that_the_job_wrote_itself_is_believed_as_far_as_it_can_be(bucket: Bucket, body: bytes) -> None:
    before, ours = bucket.run("demo-20260102-000000-0001"), bucket.run(OURS, branch="")
    bucket.put(RunKeys(run_id=OURS).result, body)
    assert compared(bucket, before, ours).after.peak_memory_bytes is None
