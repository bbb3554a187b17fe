"""The tables of SECURITY.md name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADERS = (["what is read", "what a hostile one could do", "defence", "test"], ["threat", "defence", "test"])


def tables(text: str) -> list[list[str]]:
    """The cells of each row below one of the headers."""
    rows: list[list[str]] = []
    inside: list[str] | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if cells in HEADERS:
            inside = cells
        elif not cells:
            inside = None
        elif inside and not set(cells[0]) <= {"-"}:
            assert len(cells) == len(inside), line
            rows.append(cells)
    return rows


def missing(cell: str, root: Path = ROOT) -> list[str]:
    """What a cell names that is not there: `tests/….py` or `tests/….py::test_…`, each in backticks."""
    named = re.findall(r"`([^`]+)`", cell)
    absent = []
    for each in named or [cell]:
        path, _, name = each.partition("::")
        file = root / path
        there = path.startswith("tests/") and file.is_file()
        if there and name:
            there = (
                re.search(rf"^ *def {re.escape(name)}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None
            )
        if not there:
            absent.append(each)
    return absent


ROWS = tables((ROOT / "SECURITY.md").read_text(encoding="utf-8"))


def test_there_are_tables_of_both_kinds_without_an_empty_cell() -> None:
    assert len([row for row in ROWS if len(row) == 4]) > 15
    assert len([row for row in ROWS if len(row) == 3]) > 15
    assert [row for row in ROWS if not all(row)] == []


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_every_row_names_tests_that_exist(row: list[str]) -> None:
    assert missing(row[-1]) == []


@pytest.mark.parametrize(
    "cell", ["", "by hand", "`tests/unit/no_such_file.py`", "`tests/unit/test_security_table.py::test_no`"]
)
def test_a_row_without_a_test_is_found(cell: str) -> None:
    assert missing(cell) != []
