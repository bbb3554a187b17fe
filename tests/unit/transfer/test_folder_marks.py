"""Which folders are others than at the scan before."""

from __future__ import annotations

from aws_run_entrypoint.transfer.folder_marks import FolderMarks


def marked(folders: dict[str, int], before: str | None = None) -> FolderMarks:
    marks = FolderMarks(before)
    for path, inode in folders.items():
        marks.is_other(path, inode)
    return marks


def test_only_another_folder_under_the_name_is_other() -> None:
    text = marked({"a": 11, "b": 12}).text
    assert not FolderMarks(text).is_other("a", 11)
    assert FolderMarks(text).is_other("a", 12)
    assert FolderMarks(text).is_other("c", 11)


def test_nothing_is_said_where_the_scan_before_left_no_mark_of_each() -> None:
    assert not FolderMarks(None).is_other("a", 11)
    many = marked({str(number): number for number in range(1, 5000)}).text
    assert len(many) < 1000
    assert not FolderMarks(many).is_other("a", 11)


def test_a_file_system_without_numbers_of_files_tells_nothing() -> None:
    assert not FolderMarks(marked({"a": 0}).text).is_other("b", 0)
