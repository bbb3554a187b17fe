"""Outputs that come down: what is in the folder already, and what the job changes while it is followed."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from tests.unit.data.saved_outputs import RUN, save_outputs
from tests.unit.transfer.stub import Fault, StubS3
from tests.unit.transfer.trees import grown, listing

from aws_run.data import OutputFolder, PulledOutput, follow_output, pull_output
from aws_run.errors import TransferError
from aws_run.events import Event, Notice, OutputProgress
from aws_run_entrypoint.transfer import Bucket


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


def test_a_name_that_is_taken_between_the_look_and_the_link_is_passed_over(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_outputs(bucket, grown(tmp_path / "job"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/plain.txt").write_text("edited after the run")
    rival, link = tmp_path / f"out/plain.txt.before-{RUN}", os.link

    def link_after_the_rival(source: Path, target: Path, *, follow_symlinks: bool) -> None:
        if not rival.exists():
            rival.write_text("another program's")
        link(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "link", link_after_the_rival)
    done = pull_output(bucket, RUN, tmp_path / "out", emit=lambda event: None)
    assert done is not None
    assert done.kept == (f"plain.txt.before-{RUN}-2",)
    assert rival.read_text() == "another program's"
    assert (tmp_path / f"out/plain.txt.before-{RUN}-2").read_text() == "edited after the run"


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
