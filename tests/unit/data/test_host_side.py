"""The tool's thin side of the engine: events, errors with hints, and the user's files left alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.transfer.stub import Fault, StubS3
from tests.unit.transfer.trees import grown, listing

from aws_run.data import bucket_for, follow_output, output_totals, pull_output, push_input
from aws_run.errors import CredentialsError, InterruptedRunError, TransferError, UsageError
from aws_run.events import Event, LaneProgress, Notice, OutputProgress
from aws_run_entrypoint.transfer import Bucket, push_folder

RUN = "p-20260101-000000-abcd"


class Frozen(NamedTuple):
    access_key: str | None = "key"
    secret_key: str | None = "secret"
    token: str | None = None


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


@pytest.fixture
def bucket(stub: StubS3) -> Bucket:
    return bucket_for(
        name="bucket", region="us-east-1", owner="123456789012", frozen_credentials=Frozen, endpoint_url=stub.url
    )


def save_outputs(bucket: Bucket, folder: Path) -> None:
    push_folder(bucket, str(folder), prefix=f"runs/{RUN}/output/", manifest_key=f"runs/{RUN}/output.json")


def test_an_input_is_sent_once_and_then_said_to_be_unchanged(bucket: Bucket, tmp_path: Path) -> None:
    events: list[Event] = []
    first = push_input(bucket, grown(tmp_path), project="p", label="data", emit=events.append)
    again = push_input(bucket, tmp_path, project="p", label="data", emit=events.append)
    assert (first.sent_files, first.unchanged) == (10, False)
    assert (again.sent_files, again.unchanged, again.version_id) == (0, True, first.version_id)
    assert first.snapshot_key == "inputs/p/data.snapshot.json"
    last = [event for event in events if isinstance(event, LaneProgress)][-1]
    assert (last.done, last.text) == (last.total, "10 of 10 files")


def test_excluded_patterns_work_as_in_gitignore(bucket: Bucket, stub: StubS3, tmp_path: Path) -> None:
    for name in ["a.tmp", "keep.tmp", "sub/b.tmp", "sub/b.txt", "build/x", "src/build/x"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    push_input(
        bucket, tmp_path, project="p", label="d", emit=lambda event: None, exclude=["*.tmp", "!keep.tmp", "/build/"]
    )
    assert [k.partition("/d/")[2] for k in stub.current() if "/d/" in k] == ["keep.tmp", "src/build/x", "sub/b.txt"]


def test_a_file_that_can_not_be_sent_is_a_usage_error_with_a_way_out(bucket: Bucket, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="'pipe' is a named pipe") as caught:
        push_input(bucket, tmp_path, project="p", label="d", emit=lambda event: None)
    assert "exclude" in (caught.value.hint or "")


def test_an_input_that_is_not_there_is_a_usage_error(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        push_input(bucket, tmp_path / "no", project="p", label="d", emit=lambda event: None)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 403, TransferError),
        ("InvalidAccessKeyId", 403, CredentialsError),
        ("NoSuchBucket", 404, TransferError),
    ],
)
def test_refusals_become_errors_of_the_tool(
    bucket: Bucket, stub: StubS3, tmp_path: Path, code: str, status: int, kind: type[Exception]
) -> None:
    stub.script = lambda seen: Fault(how="status", status=status, code=code)
    with pytest.raises(kind, match=code):
        push_input(bucket, grown(tmp_path), project="p", label="d", emit=lambda event: None)


def test_a_cancel_ends_a_transfer(bucket: Bucket, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRunError):
        push_input(bucket, grown(tmp_path), project="p", label="d", emit=lambda event: None, cancel=stop)


def test_outputs_come_down_and_resume(bucket: Bucket, stub: StubS3, tmp_path: Path) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    events: list[Event] = []
    done = pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert done is not None
    assert (done.files, done.fetched_files) == (10, 10)
    assert listing(tmp_path / "out") == listing(tmp_path / "job")
    assert isinstance(events[-1], OutputProgress)
    again = pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert again is not None
    assert again.fetched_files == 0
    assert output_totals(bucket, RUN) == (done.files, done.bytes)


def test_a_newer_local_file_is_kept_and_said(bucket: Bucket, tmp_path: Path) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("never touched")
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    (tmp_path / "out/a.txt").write_text("older than the run")
    os.utime(tmp_path / "out/a.txt", ns=(1, 1))
    events: list[Event] = []
    done = pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert done is not None
    assert done.kept == ("plain.txt",)
    notices = [event for event in events if isinstance(event, Notice) and event.level == "warning"]
    assert ["plain.txt" in notice.text for notice in notices] == [True]
    assert (tmp_path / "out/plain.txt").read_text() == "edited after the run"
    assert (tmp_path / "out/a.txt").read_text() == "beside a/"
    assert (tmp_path / "out/mine").read_text() == "never touched"
    pull_output(bucket, RUN, tmp_path / "out", emit=events.append, overwrite=True)
    assert (tmp_path / "out/plain.txt").read_text() == "plain"


def test_a_run_without_outputs_is_none_not_an_error(bucket: Bucket, tmp_path: Path) -> None:
    assert pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None) is None
    assert output_totals(bucket, RUN) is None


def test_outputs_are_followed_until_the_run_is_over(bucket: Bucket, stub: StubS3, tmp_path: Path) -> None:
    over, events, rounds = threading.Event(), list[Event](), list[int]()
    (tmp_path / "job").mkdir()

    def the_run_goes_on(seconds: float) -> None:
        rounds.append(len(rounds))
        match len(rounds):
            case 1:  # nothing was there in the first round
                (tmp_path / "job/a").write_text("1")
                save_outputs(bucket, tmp_path / "job")
            case 2:
                assert (tmp_path / "out/a").read_text() == "1"
                stub.script = lambda seen: Fault(how="status", status=403, code="AccessDenied")
            case 3:  # a round failed
                stub.script = lambda seen: None
                (tmp_path / "job/a").write_text("changed")
                save_outputs(bucket, tmp_path / "job")
            case 4:
                over.set()

    done = follow_output(bucket, RUN, tmp_path / "out", emit=events.append, over=over, wait=the_run_goes_on)
    assert done == 2
    assert (tmp_path / "out/a").read_text() == "changed"
    assert len([e for e in events if isinstance(e, Notice) and "next round" in e.text]) == 1
