from __future__ import annotations

import os
from pathlib import Path

import pytest

from aws_run_entrypoint.background import Saved, StableFiles, is_open
from aws_run_entrypoint.reserve import Amount
from aws_run_entrypoint.transfer import Pushed
from aws_run_entrypoint.transfer.values import Found


def look(stable: StableFiles, path: Path) -> bool:
    found = path.stat()
    return stable(Found(path.name, found.st_size, found.st_mtime_ns, 0o644))


def aged(path: Path, text: str, seconds: float, now: float = 1000.0) -> Path:
    path.write_text(text)
    os.utime(path, (now - seconds, now - seconds))
    return path


class TestStableFiles:
    def test_a_file_goes_when_two_looks_saw_the_same_and_it_is_quiet(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "a", "x", 3)
        assert [look(stable, path), look(stable, path)] == [False, True]

    def test_a_file_that_was_just_written_waits(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "a", "x", 1)
        assert [look(stable, path) for _ in range(3)] == [False] * 3

    def test_a_file_that_grows_never_goes_half(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = tmp_path / "log"
        for length in range(1, 10):
            with path.open("a") as file:
                file.write("x")
            os.utime(path, (900 + length, 900 + length))
            assert not look(stable, path)

    def test_a_file_that_is_replaced_as_a_whole_again_and_again_goes_at_the_second_look(self, tmp_path: Path) -> None:
        """Else a checkpoint that is written every second would never be saved while the job runs."""
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = tmp_path / "state"
        seen = []
        for number in range(4):
            fresh = aged(tmp_path / "state.new", str(number), 0)
            fresh.replace(path)
            seen.append(look(stable, path))
        assert seen == [False, True, True, True]

    def test_a_file_that_was_removed_and_is_being_written_anew_waits_until_it_is_closed(self, tmp_path: Path) -> None:
        stable = StableFiles(str(tmp_path), now=lambda: 1000.0)
        path = aged(tmp_path / "state", "whole", 0)
        (tmp_path / "keeps the old inode").hardlink_to(path)
        assert not look(stable, path)
        path.unlink()
        with path.open("w") as writer:
            writer.write("half")
            writer.flush()
            assert not look(stable, path)

    def test_where_processes_can_not_be_asked_a_file_counts_as_open(self, tmp_path: Path) -> None:
        path = aged(tmp_path / "state", "whole", 0)
        assert not is_open(str(path))
        assert is_open(str(path), proc=str(tmp_path / "none"))


def pushed(total: int) -> Pushed:
    return Pushed(
        files=0, bytes=total, sent_files=0, sent_bytes=0, deleted_files=0, retries=0, skipped=[],
        manifest_version_id=None, manifest_etag=None, unchanged=False,
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
