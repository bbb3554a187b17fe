"""The tool's thin side of the engine: events, errors with hints, and the user's files left alone."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.unit.data.saved_outputs import RUN, save_outputs
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import grown, listing
from tests.waiting import PATIENCE_S

from aws_run.data import pull_output, push_input
from aws_run.errors import CredentialsError, InterruptedRunError, TransferError, UsageError
from aws_run.events import Event, LaneProgress, Notice
from aws_run_entrypoint.transfer import Bucket, loop, retry


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


def test_pins_that_nobody_has_looked_at_for_two_weeks_are_looked_at(
    bucket: Bucket, stub: StubS3, tmp_path: Path
) -> None:
    events: list[Event] = []
    push_input(bucket, grown(tmp_path), project="p", label="data", emit=events.append)
    stub.store("inputs/p/data/plain.txt", b"plain")
    stub.ahead_s = 13 * 86_400.0
    assert push_input(bucket, tmp_path, project="p", label="data", emit=events.append).unchanged
    stub.ahead_s = 15 * 86_400.0
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if "versions" in seen.query else None
    )
    assert push_input(bucket, tmp_path, project="p", label="data", emit=events.append).unchanged
    assert [event.text for event in events if isinstance(event, Notice) and event.level == "warning"] == [
        "whether S3 will keep all files of inputs/p/data/ could not be checked (AccessDenied): "
        "these credentials lack s3:ListBucketVersions on the bucket"
    ]
    stub.script = lambda seen: None
    assert push_input(bucket, tmp_path, project="p", label="data", emit=events.append).sent_files == 1


def test_what_this_machine_can_not_hold_costs_itself_alone(bucket: Bucket, tmp_path: Path) -> None:
    for n in range(7):
        (tmp_path / "job/logs").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"job/logs/{n}").write_text("x")
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/logs").write_text("mine")
    with pytest.raises(TransferError) as caught:
        pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None)
    why = "needs a folder where the file 'logs' is"
    named = "; ".join(f"'logs/{n}' {why}" for n in range(5))
    assert caught.value.message == (
        f"7 of the outputs could not be put into {tmp_path / 'out'}, all others are there: {named}; and 2 more"
    )
    assert (caught.value.exit_code, f"aws-run pull {RUN} -o" in (caught.value.hint or "")) == (125, True)
    assert (tmp_path / "out/logs").read_text() == "mine"
    (tmp_path / "out/logs").rename(tmp_path / "out/mine")
    done = pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None)
    assert done is not None
    assert done.fetched_files == 7  # what had come is not fetched again


@pytest.mark.parametrize("links", [True, False])
def test_a_newer_local_file_has_its_name_back_when_the_runs_can_not_take_it(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    replace = os.replace

    def open_elsewhere(source: str, target: str) -> None:
        if target.endswith("plain.txt"):
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    def no_links(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", open_elsewhere)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    events: list[Event] = []
    with pytest.raises(TransferError, match=r"'plain.txt' can't be written \(Permission denied\)"):
        pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert not [event for event in events if isinstance(event, Notice) and event.level == "warning"]
    assert (tmp_path / "out/plain.txt").read_text() == "edited after the run"
    assert sorted(listing(tmp_path / "out")) == sorted(listing(tmp_path / "job"))


# -- an S3 that takes no byte any more ------------------------------------------------------------------------------


class Stalling:
    """A script for the stub: the first `times` requests for files are begun to be taken, and nothing follows."""

    def __init__(self, times: float) -> None:
        self._left = times
        self.stalled = 0
        self.over = threading.Event()

    def __call__(self, seen: Seen) -> None:
        if seen.method == "PUT" and seen.key.startswith("inputs/p/data/") and self._left > 0:
            self._left -= 1
            self.stalled += 1
            self.over.wait(PATIENCE_S)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's minute is a moment, and so are the waits between its tries."""
    monkeypatch.setattr(loop, "IDLE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr(retry, "delay_s", lambda attempt, chance: 0.0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("bytes_", [5, 4 << 20])
def test_an_upload_that_stands_still_goes_on_over_a_new_connection(
    stub: StubS3, bucket: Bucket, tmp_path: Path, bytes_: int
) -> None:
    (tmp_path / "a").write_bytes(b"x" * bytes_)
    stub.script = stalling = Stalling(1)
    events: list[Event] = []
    try:
        assert push_input(bucket, tmp_path, project="p", label="data", emit=events.append).sent_files == 1
    finally:
        stalling.over.set()
    assert any("no answer from" in event.text for event in events if isinstance(event, Notice))


@pytest.mark.usefixtures("hasty")
def test_an_upload_that_stays_where_it_is_ends_with_what_to_do(stub: StubS3, bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (4 << 20))
    stub.script = stalling = Stalling(float("inf"))
    try:
        with pytest.raises(TransferError, match=r"no answer from 127\.0\.0\.1") as ended:
            push_input(bucket, tmp_path, project="p", label="data", emit=lambda event: None)
    finally:
        stalling.over.set()
    assert stalling.stalled == 3
    assert ended.value.exit_code == 125
    assert "what has arrived is not sent twice" in str(ended.value.hint)
