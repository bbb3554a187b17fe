"""In what two runs differ: which two are meant, and which of their saved files are not alike."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from tests.unit.fakes import BUCKET, FakeAccount, record

from aws_run.cli.commands.diff import as_data, lines_of, rows_of
from aws_run.data.outputs import manifest_key
from aws_run.errors import RunNotFoundError, UsageError
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases.diff import RunDiff, diff
from aws_run_entrypoint.transfer import Entry, encode_manifest

OLD, BEFORE, NEWEST = (f"demo-2026010{day}-030405-aaaa" for day in (2, 3, 4))
WELL = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished", saved_files=2)


class Account(FakeAccount):
    def run(self, run_id: str, files: dict[str, bytes] | None = None, *, saved: int = 2) -> None:
        """A run of the same job as all others, with the list of what it saved, or (`files` None) without one."""
        self.store.create(record(run_id=run_id, command="python main.py", outcome=replace(WELL, saved_files=saved)))
        if files is not None:
            entries = [Entry(path, len(body), 0, 0o644, zlib.crc32(body), None) for path, body in sorted(files.items())]
            self.note(run_id, encode_manifest(entries))

    def note(self, run_id: str, manifest: bytes) -> None:
        self.aws.call("s3", "put_object", Bucket=BUCKET, Key=manifest_key(run_id), Body=manifest)

    def compare(self, one: str | None = None, other: str | None = None) -> RunDiff:
        return diff(self.context, one, other, "demo")


@pytest.fixture
def account() -> Account:
    return Account()


def ids(comparison: RunDiff) -> tuple[str, str]:
    return comparison.one.run_id, comparison.other.run_id


def test_the_newest_run_is_compared_with_the_one_before_it(account: Account) -> None:
    for run in (OLD, BEFORE, NEWEST):
        account.run(run, {})
    assert ids(account.compare()) == ids(account.compare(NEWEST)) == (BEFORE, NEWEST)
    assert ids(account.compare("20260104")) == (BEFORE, NEWEST), "named by a part of its id"
    assert ids(account.compare(OLD)) == (OLD, NEWEST)
    assert ids(account.compare(NEWEST, OLD)) == (NEWEST, OLD)


def test_a_run_is_not_compared_with_itself(account: Account) -> None:
    account.run(NEWEST, {})
    with pytest.raises(RunNotFoundError, match="no two runs of the project demo"):
        account.compare(NEWEST)
    with pytest.raises(UsageError, match=f"Both are the run {NEWEST}"):
        account.compare(NEWEST, "aaaa")


def test_equal_runs_are_said_to_be_equal_and_in_what(account: Account) -> None:
    for run in (BEFORE, NEWEST):
        account.run(run, {"model.bin": b"abc", "log/": b""})
    comparison = account.compare()
    assert rows_of(comparison) == []
    assert lines_of(comparison) == ["no difference in command, result, saved and outputs"]


def test_outputs_of_the_same_size_differ_by_their_checksums(account: Account) -> None:
    account.run(BEFORE, {"gone.txt": b"1", "model.bin": b"abc", "same.txt": b"x"})
    account.run(NEWEST, {"model.bin": b"abd", "new.txt": b"22", "same.txt": b"x"})
    comparison = account.compare()
    assert rows_of(comparison) == [
        ("output gone.txt", "1 B", ""),
        ("output model.bin", "3 B", "3 B, other contents"),
        ("output new.txt", "", "2 B"),
    ]
    assert lines_of(comparison) == [
        "outputs: 1 added, 1 removed, 1 changed",
        "no difference in command, result and saved",
    ]
    assert as_data(comparison)["outputs"][1] == {
        "path": "model.bin",
        "what": "changed",
        "one": {"bytes": 3, "crc32": f"{zlib.crc32(b'abc'):08x}"},
        "other": {"bytes": 3, "crc32": f"{zlib.crc32(b'abd'):08x}"},
    }


def test_a_few_outputs_are_named_and_the_rest_is_counted(account: Account) -> None:
    account.run(BEFORE, {})
    account.run(NEWEST, {f"{number}.csv": b"" for number in range(8)})
    comparison = account.compare()
    assert len(rows_of(comparison)) == 5
    assert lines_of(comparison)[0] == "outputs: 8 added; 3 more of them are in --json"
    assert len(as_data(comparison)["outputs"]) == 8


def test_outputs_of_which_nothing_is_known_are_not_said_to_be_alike(account: Account) -> None:
    account.run(OLD)
    account.run(BEFORE, {})
    account.run(NEWEST, {})
    account.note(NEWEST, b"no manifest")
    gone, unreadable = account.compare(OLD, BEFORE), account.compare(BEFORE, NEWEST)
    assert gone.not_compared == (
        f"The outputs are not compared: the list of what {OLD} saved is not in the bucket any more."
    )
    assert unreadable.not_compared == f"The outputs are not compared: the list of what {NEWEST} saved can't be read."
    assert "outputs" not in gone.same + unreadable.same
    assert as_data(gone)["outputs"] is None
    assert lines_of(gone)[-1] == gone.not_compared


def test_a_run_that_saved_nothing_has_no_list_and_is_compared(account: Account) -> None:
    account.run(BEFORE, saved=0)
    account.run(NEWEST, {"a": b"1"}, saved=1)
    assert [change.what for change in account.compare().outputs] == ["added"]
