"""The tool's thin side of the engine: events, errors with hints, and the user's files left alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import grown, listing
from tests.waiting import PATIENCE_S

from aws_run.data import OutputFolder, PulledOutput, bucket_for, follow_output, pull_output, push_input
from aws_run.errors import CredentialsError, InterruptedRunError, TransferError, UsageError
from aws_run.events import Event, LaneProgress, Notice, OutputProgress
from aws_run_entrypoint.transfer import Bucket, loop, push_folder, retry

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


def test_a_newer_local_file_makes_room_for_the_runs_and_is_kept_beside_it(bucket: Bucket, tmp_path: Path) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("never touched")
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    (tmp_path / "out/a.txt").write_text("older than the run")
    os.utime(tmp_path / "out/a.txt", ns=(1, 1))
    events: list[Event] = []
    done = pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert done is not None
    assert done.kept == (f"plain.txt.before-{RUN}",)
    notices = [event.text for event in events if isinstance(event, Notice) and event.level == "warning"]
    assert notices == [
        f"1 file was newer in {tmp_path}/out than the run's; the run's took the name, "
        f"yours is kept as plain.txt.before-{RUN}"
    ]
    assert (tmp_path / f"out/plain.txt.before-{RUN}").read_text() == "edited after the run"
    assert (tmp_path / "out/plain.txt").read_text() == "plain"
    assert (tmp_path / "out/a.txt").read_text() == "beside a/"
    assert (tmp_path / "out/mine").read_text() == "never touched"
    (tmp_path / "out/plain.txt").write_text("edited again")
    again = pull_output(bucket, RUN, tmp_path / "out", emit=events.append)
    assert again is not None
    assert again.kept == (f"plain.txt.before-{RUN}-2",)
    assert (tmp_path / f"out/plain.txt.before-{RUN}-2").read_text() == "edited again"


def test_overwrite_gives_a_newer_local_file_up(bucket: Bucket, tmp_path: Path) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    done = pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None, overwrite=True)
    assert done is not None
    assert done.kept == ()
    assert listing(tmp_path / "out") == listing(tmp_path / "job")


def test_a_download_that_fails_leaves_the_newer_local_file_under_its_own_name(
    bucket: Bucket, stub: StubS3, tmp_path: Path
) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key.endswith("output/plain.txt") else None
    )
    for _ in range(2):
        with pytest.raises(TransferError):
            pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None)
    assert (tmp_path / "out/plain.txt").read_text() == "edited after the run"
    stub.script = lambda seen: None
    done = pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None)
    assert done is not None
    assert done.kept == (f"plain.txt.before-{RUN}",)


def test_a_run_without_outputs_is_none_not_an_error(bucket: Bucket, tmp_path: Path) -> None:
    assert pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None) is None


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


def test_while_outputs_are_followed_what_can_not_be_held_is_told_once(bucket: Bucket, tmp_path: Path) -> None:
    over, events, rounds = threading.Event(), list[Event](), list[int]()
    (tmp_path / "job/logs").mkdir(parents=True)
    (tmp_path / "job/logs/a").write_text("x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/logs").write_text("mine")

    def the_run_goes_on(seconds: float) -> None:
        rounds.append(len(rounds))
        (tmp_path / f"job/{len(rounds)}").write_text("x")
        save_outputs(bucket, tmp_path / "job")
        if len(rounds) == 4:
            over.set()

    done = follow_output(bucket, RUN, tmp_path / "out", emit=events.append, over=over, wait=the_run_goes_on)
    assert done == 3
    warnings = [event.text for event in events if isinstance(event, Notice) and event.level == "warning"]
    assert len(warnings) == 1
    assert "'logs/a' needs a folder where the file 'logs' is" in warnings[0]


class Rounds:
    """A run whose outputs are saved and fetched by turns, into one folder that a person may change as well."""

    def __init__(self, bucket: Bucket, tmp_path: Path) -> None:
        self.bucket, self.job, self.out = bucket, tmp_path / "job", tmp_path / "out"
        self.landing = OutputFolder(self.out, RUN)
        self.job.mkdir()

    def fetch(self) -> PulledOutput:
        save_outputs(self.bucket, self.job)
        done = pull_output(self.bucket, RUN, self.out, emit=lambda event: None, output_folder=self.landing)
        assert done is not None
        return done


def test_what_the_job_deletes_goes_here_too_if_we_wrote_it_and_nobody_changed_it(
    bucket: Bucket, tmp_path: Path
) -> None:
    rounds = Rounds(bucket, tmp_path)
    for name in ["a", "deep/er/b", "changed", "deep/stays", "gone-already"]:
        (rounds.job / name).parent.mkdir(parents=True, exist_ok=True)
        (rounds.job / name).write_text(name)
    rounds.out.mkdir()
    (rounds.out / "mine").write_text("mine")
    rounds.fetch()
    (rounds.out / "changed").write_text("by a person")
    (rounds.out / "gone-already").unlink()
    for name in ["a", "deep/er/b", "changed", "gone-already"]:
        (rounds.job / name).unlink()
    (rounds.job / "deep/er").rmdir()
    assert rounds.fetch().removed_files == 2
    left = {path.relative_to(rounds.out).as_posix() for path in rounds.out.rglob("*")}
    assert left == {"mine", "changed", "deep", "deep/stays"}


def test_a_file_changed_since_we_wrote_it_is_put_aside_even_if_the_job_writes_it_later(
    bucket: Bucket, tmp_path: Path
) -> None:
    rounds = Rounds(bucket, tmp_path)
    (rounds.job / "log").write_text("one")
    rounds.fetch()
    (rounds.out / "log").write_text("one, with a remark")
    (rounds.job / "log").write_text("one two")
    in_an_hour = time.time() + 3600
    os.utime(rounds.job / "log", (in_an_hour, in_an_hour))
    assert rounds.fetch().kept == (f"log.before-{RUN}",)
    assert (rounds.out / f"log.before-{RUN}").read_text() == "one, with a remark"
    assert (rounds.out / "log").read_text() == "one two"
    (rounds.job / "log").write_text("one two three")
    assert rounds.fetch().kept == ()


def test_a_file_that_becomes_a_folder_and_back_is_followed(bucket: Bucket, tmp_path: Path) -> None:
    rounds = Rounds(bucket, tmp_path)
    (rounds.job / "x").write_text("a file")
    rounds.fetch()
    (rounds.job / "x").unlink()
    (rounds.job / "x/y").mkdir(parents=True)
    (rounds.job / "x/y/z").write_text("in a folder")
    rounds.fetch()
    assert (rounds.out / "x/y/z").read_text() == "in a folder"
    (rounds.job / "x/y/z").unlink()
    (rounds.job / "x/y").rmdir()
    (rounds.job / "x").rmdir()
    (rounds.job / "x").write_text("a file again")
    rounds.fetch()
    assert (rounds.out / "x").read_text() == "a file again"


def test_nothing_is_deleted_through_a_link_that_has_taken_a_folders_place(bucket: Bucket, tmp_path: Path) -> None:
    rounds = Rounds(bucket, tmp_path)
    (rounds.job / "d").mkdir()
    (rounds.job / "d/a").write_text("a")
    (rounds.job / "b").write_text("b")
    rounds.fetch()
    (rounds.out / "d").rename(tmp_path / "elsewhere")
    (rounds.out / "d").symlink_to(tmp_path / "elsewhere")
    (rounds.job / "d/a").unlink()
    (rounds.job / "d").rmdir()
    assert rounds.fetch().removed_files == 0
    assert (tmp_path / "elsewhere/a").read_text() == "a"


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
    assert any("nothing heard from" in event.text for event in events if isinstance(event, Notice))


@pytest.mark.usefixtures("hasty")
def test_an_upload_that_stays_where_it_is_ends_with_what_to_do(stub: StubS3, bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (4 << 20))
    stub.script = stalling = Stalling(float("inf"))
    try:
        with pytest.raises(TransferError, match=r"nothing heard from 127\.0\.0\.1") as ended:
            push_input(bucket, tmp_path, project="p", label="data", emit=lambda event: None)
    finally:
        stalling.over.set()
    assert stalling.stalled == 3
    assert ended.value.exit_code == 125
    assert "what has arrived is not sent twice" in str(ended.value.hint)
