"""What of an output file a page shows, judged by what the file holds."""

from __future__ import annotations

import base64

import pytest

from aws_run.report.html.previews import MOST_PICTURE_BYTES, MOST_TEXT_BYTES, bytes_wanted, preview, why_none

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


@pytest.mark.parametrize(
    ("path", "size", "wanted"),
    [
        ("plots/loss.PNG", 1000, 1000),
        ("huge.png", MOST_PICTURE_BYTES + 1, 0),
        ("table.csv", 10, 10),
        ("table.csv", 1 << 40, MOST_TEXT_BYTES),
        ("drawing.svg", 10, 0),
        ("page.html", 10, 0),
        ("weights.bin", 10, 0),
        ("empty.csv", 0, 0),
    ],
)
def test_no_more_of_a_file_is_read_than_its_preview_needs(path: str, size: int, wanted: int) -> None:
    assert bytes_wanted(path, size) == wanted


@pytest.mark.parametrize(
    ("path", "size", "said"),
    [
        ("huge.png", MOST_PICTURE_BYTES + 1, "not shown, because it is larger than 512 KiB"),
        ("small.png", MOST_PICTURE_BYTES, ""),
        ("drawing.SVG", 10, "not shown, because a drawing of this kind can hold scripts"),
        ("weights.bin", 1 << 40, ""),
        ("table.csv", 1 << 40, ""),
    ],
)
def test_a_picture_that_is_not_shown_says_why(path: str, size: int, said: str) -> None:
    assert why_none(path, size) == said


def test_a_picture_is_in_the_page() -> None:
    shown = preview("a.png", PNG)
    assert shown is not None
    assert shown.image == "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>", b"<html>", b"", b"RIFF____AVI "])
def test_what_only_calls_itself_a_picture_is_none(content: bytes) -> None:
    assert preview("a.png", content) is None


def test_a_table_has_its_first_rows() -> None:
    shown = preview("a.tsv", b"\xef\xbb\xbfname\tn\n" + b"".join(b"x\t%d\n" % n for n in range(50)))
    assert shown is not None
    assert shown.rows[:2] == (("name", "n"), ("x", "0"))
    assert len(shown.rows) == 9
    assert shown.cut


def test_wide_tables_and_long_cells_are_cut() -> None:
    shown = preview("a.csv", ",".join(["y" * 500] * 40).encode())
    assert shown is not None
    assert len(shown.rows[0]) == 12
    assert all(len(cell) == 60 for cell in shown.rows[0])
    assert shown.cut


def test_a_character_that_the_cut_has_split_is_left_out() -> None:
    shown = preview("a.txt", "größe".encode()[:3], cut=True)
    assert shown is not None
    assert shown.text == "gr"


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe\xfa text that goes on", b"gr\xc3"])
def test_a_file_that_is_no_text_has_no_preview(content: bytes) -> None:
    assert preview("a.txt", content) is None
