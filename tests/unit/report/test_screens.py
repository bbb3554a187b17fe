"""The screens at three widths are what was looked at, and fit where a line may be broken at all."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from tests.unit.report.screens import WIDTHS, golden, path_of, screens

# These stay whole however narrow the terminal is: they are clicked and copied.
WHOLE = ("s3://", "https://", "aws-run ", "hint: ")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screens_are_those_that_were_looked_at(width: int) -> None:
    assert golden(width) == path_of(width).read_text(encoding="utf-8"), (
        "look at the change: python -m tests.unit.report.screens, then git diff"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal_but_for_what_is_copied(width: int) -> None:
    for name, text in screens(width).items():
        wide = [line for line in text.splitlines() if cell_len(line) > width]
        assert [line for line in wide if not any(part in line for part in WHOLE)] == [], name


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200])
def test_no_word_of_a_table_is_broken(width: int) -> None:
    shown = screens(width)
    for name in ("ps", "ps -l", "status", "offers", "check"):
        words = set(screens(1000)[name].split())
        assert set(shown[name].split()) - words - {"what", "value", "\N{HORIZONTAL ELLIPSIS}"} <= set(), name
