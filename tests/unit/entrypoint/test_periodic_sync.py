from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.waiting import PATIENCE_S

from aws_run_entrypoint.periodic_sync import FolderSync, Push, Saved
from aws_run_entrypoint.stop_budget import Amount, Pace
from aws_run_entrypoint.transfer import Pushed
from aws_run_entrypoint.transfer.values import ScannedFile


def pushed(total: int) -> Pushed:
    return Pushed(
        files=0, bytes=total, sent_files=0, sent_bytes=0, deleted_files=0, retries=0, skipped=[],
        manifest_version_id=None, unchanged=False,
    )  # fmt: skip


class TestSaved:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "deep").mkdir()
        (tmp_path / "old").write_bytes(b"x" * 100)
        (tmp_path / "deep/older").write_bytes(b"x" * 50)
        return tmp_path

    def test_before_any_sync_everything_counts(self, folder: Path) -> None:
        assert Saved().unsaved(str(folder)) == Amount(2, 150)

    def test_what_was_seen_twice_is_saved_and_what_came_since_is_not(self, folder: Path) -> None:
        saved = Saved()
        later = (folder / "old").stat().st_ctime + 100
        saved.note(later, pushed(0))
        assert saved.unsaved(str(folder)) == Amount(2, 150)  # one look tells of no file that it is done
        saved.note(later + 60, pushed(150))
        assert saved.unsaved(str(folder)) == Amount(0, 0)
        (folder / "new").write_bytes(b"x" * 7)
        os.utime(folder / "new", (later + 70, later + 70))
        assert saved.unsaved(str(folder)) == Amount(1, 7)

    def test_bytes_that_came_with_old_times_count_all_the_same(self, folder: Path) -> None:
        saved = Saved()
        later = (folder / "old").stat().st_ctime + 100
        for number in range(2):
            saved.note(later + number, pushed(150))
        (folder / "moved here").write_bytes(b"x" * 1000)
        assert saved.unsaved(str(folder)).bytes == 1000

    def test_a_folder_that_is_not_there_has_nothing(self, tmp_path: Path) -> None:
        assert Saved().unsaved(str(tmp_path / "no")) == Amount(0, 0)

    def test_a_link_to_elsewhere_is_not_followed(self, folder: Path) -> None:
        (folder / "loop").symlink_to(folder)
        assert Saved().unsaved(str(folder)) == Amount(2, 150)

    def test_folders_may_be_nested_deeper_than_pythons_calls(self, tmp_path: Path) -> None:
        folders = [Path(f"{tmp_path}{'/a' * depth}") for depth in range(1, 1101)]
        for folder in folders:
            folder.mkdir()
        try:
            (folders[-1] / "x").write_text("12345")
            assert Saved().unsaved(str(tmp_path)) == Amount(1, 5)
        finally:
            (folders[-1] / "x").unlink()
            for folder in reversed(folders):  # pytest's own clearing up goes down by calls
                folder.rmdir()


class Folder:
    """A folder's syncing whose pushes a test sees; they wait while `held` is not set."""

    def __init__(self, tmp_path: Path, *failures: Exception, pace: Pace | None = None) -> None:
        self.failures = list(failures)
        self.held = threading.Event()
        self.held.set()
        self.began = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.said: list[str] = []
        push: Push = self.push
        self.sync = FolderSync(
            "outputs", str(tmp_path), every_s=3600, push=push, pace=pace or Pace(), say=self.said.append
        )
        self.may_go: list[bool] = []

    def push(self, may_go: Callable[[ScannedFile], bool]) -> Pushed:
        self.began.release()
        assert self.held.wait(PATIENCE_S)
        self.may_go += [may_go(ScannedFile("a", 1, 1, 0o644)) for _ in range(2)]
        try:
            if self.failures:
                raise self.failures.pop(0)
            return pushed(0)
        finally:
            self.done.release()


class TestFolderSync:
    def test_one_folders_long_sync_holds_up_no_other(self, tmp_path: Path) -> None:
        outputs, checkpoint = Folder(tmp_path), Folder(tmp_path)
        outputs.held.clear()
        for folder in (outputs, checkpoint):
            folder.sync.start()
        outputs.sync.hurry()
        assert outputs.began.acquire(timeout=PATIENCE_S)
        checkpoint.sync.hurry()
        assert checkpoint.done.acquire(timeout=PATIENCE_S)
        checkpoint.sync.stop()
        assert not outputs.done.acquire(blocking=False)
        outputs.held.set()
        outputs.sync.stop()
        assert outputs.done.acquire(blocking=False)

    def test_when_the_job_is_over_a_sync_that_is_under_way_begins_no_more_files(self, tmp_path: Path) -> None:
        outputs = Folder(tmp_path)
        outputs.held.clear()
        outputs.sync.start()
        outputs.sync.hurry()
        assert outputs.began.acquire(timeout=PATIENCE_S)
        outputs.sync.wind_down()
        outputs.held.set()
        outputs.sync.stop()
        assert outputs.may_go == [False, False]

    def test_whatever_goes_wrong_in_one_sync_the_next_one_comes(self, tmp_path: Path) -> None:
        outputs = Folder(tmp_path, RecursionError("too deep"))
        outputs.sync.start()
        for _ in range(2):
            outputs.sync.hurry()
            assert outputs.done.acquire(timeout=PATIENCE_S)
        outputs.sync.stop()
        assert outputs.said == ["could not sync outputs this time: RecursionError: too deep"]

    def test_what_is_never_synced_has_no_thread_and_stops(self, tmp_path: Path) -> None:
        outputs = Folder(tmp_path)
        never = FolderSync("outputs", str(tmp_path), every_s=0, push=outputs.push, pace=Pace(), say=outputs.said.append)
        never.start()
        never.hurry()
        never.stop()
        assert not outputs.began.acquire(blocking=False)
