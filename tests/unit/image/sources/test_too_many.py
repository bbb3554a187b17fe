"""A folder that nobody can have meant is asked about before any of its files is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_run.errors import UsageError
from aws_run.image.sources.source import SourceFile, read_source
from aws_run.image.sources.too_many import MOST_BYTES, MOST_FILES, refuse_many, too_many, whole_machine

ROOT = Path("/home/ann/project")


def files(count: int, size: int = 1) -> list[SourceFile]:
    return [SourceFile(path=f"data/{number}.png", size=size) for number in range(count)]


@pytest.mark.parametrize("chosen", [files(MOST_FILES), files(1, MOST_BYTES)])
def test_what_is_just_not_too_much_is_no_question(chosen: list[SourceFile]) -> None:
    assert too_many(chosen, root=ROOT) is None


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (files(MOST_FILES + 1), "20,001 files, 19.5 KiB, of /home/ann/project"),
        ([*files(2, MOST_BYTES), SourceFile(path="main.py", size=3)], "3 files, 1.9 GiB, of /home/ann/project"),
    ],
)
def test_too_much_is_told_with_what_is_largest_and_what_helps(chosen: list[SourceFile], told: str) -> None:
    doubt = too_many(chosen, root=ROOT)
    assert doubt is not None
    assert told in doubt.message
    assert "; the largest are data/ " in doubt.message
    assert "--yes" in str(doubt.hint)
    assert ".awsrunignore" in str(doubt.hint)


@pytest.mark.parametrize(
    ("folder", "asked"),
    [("/", True), ("/home", True), ("/home/ann", True), ("/home/ann/project", False), ("/srv", False)],
)
def test_a_home_folder_and_all_around_it_are_asked_about(folder: str, asked: bool) -> None:
    assert (whole_machine(Path(folder), Path("/home/ann")) is not None) is asked


def test_nothing_is_read_before_the_answer(tmp_path: Path) -> None:
    (tmp_path / "big.bin").touch()
    with (tmp_path / "big.bin").open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    seen: list[tuple[int, int]] = []
    with pytest.raises(UsageError):
        read_source(tmp_path, accept=refuse_many(tmp_path), on_seen=lambda *counts: seen.append(counts))
    assert seen == [(1, 0), (1, MOST_BYTES + 1)]
