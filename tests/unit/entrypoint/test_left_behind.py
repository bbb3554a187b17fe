"""The search for what a job wrote beside its outputs: bounded, and of its own folder alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aws_run_entrypoint import left_behind
from aws_run_entrypoint.left_behind import find_left_behind


def test_saved_folders_and_what_was_there_before_are_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "before.txt").write_text("x")
    time.sleep(0.02)
    since = time.time()
    time.sleep(0.02)
    for name in ("checkpoint/state", "deep/er/b.txt", "a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "same").symlink_to(tmp_path / "deep")
    found = find_left_behind(str(tmp_path), since, [str(tmp_path / "checkpoint")])
    assert [name for name, _ in found.named] == ["a.txt", "deep/er/b.txt"]
    assert (found.files, found.bytes, found.whole) == (2, len("a.txt") + len("deep/er/b.txt"), True)


def test_the_search_ends_in_a_folder_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_behind, "_MOST_ENTRIES", 10)
    for number in range(30):
        (tmp_path / f"{number:02}.txt").touch()
    found = find_left_behind(str(tmp_path), 0.0, [])
    assert not found.whole
    assert 0 < found.files <= 10


def test_a_folder_that_is_gone_and_names_that_are_no_unicode_stop_nothing(tmp_path: Path) -> None:
    assert find_left_behind(str(tmp_path / "gone"), 0.0, []).files == 0
    Path(str(tmp_path / "caf") + "\udce9.txt").touch()
    assert find_left_behind(str(tmp_path), 0.0, []).document()["named"] == [{"name": "caf\ufffd.txt", "bytes": 0}]
