"""Which outputs a page names first, and of which it shows the beginning."""

from __future__ import annotations

from aws_run.report.html.which_outputs import previewed, sorted_outputs

PARTS = [(f"many/part-{number:03}.txt", 1) for number in range(300)]


def test_hundreds_of_small_files_do_not_hide_the_plot_and_the_table_beside_them() -> None:
    files = [*PARTS, ("model.bin", 1 << 20), ("plot.png", 1000), ("report.md", 10), ("table.csv", 10)]
    assert [path for path, _ in sorted_outputs(files)][:4] == ["model.bin", "plot.png", "report.md", "table.csv"]
    shown = previewed(files)
    assert {"plot.png", "report.md", "table.csv"} < shown
    assert len([path for path in shown if path.startswith("many/")]) == 6


def test_pictures_come_before_texts_where_there_are_more_than_a_page_shows() -> None:
    folders = [(f"{folder}/{number}.{kind}", 9) for folder in "abcde" for number in range(9) for kind in ("log", "png")]
    shown = previewed(folders)
    assert len(shown) == 24
    assert all(path.endswith(".png") for path in shown)


def test_what_has_no_preview_takes_the_place_of_none() -> None:
    assert previewed([("empty.csv", 0), ("weights.bin", 9), ("huge.png", 1 << 30)]) == frozenset()
