"""The tables of SECURITY.md name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = ["what is read", "what a hostile one could do", "defence", "test"]


def tables(text: str) -> list[list[str]]:
    """The cells of each row below one of the headers."""
    rows, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if cells == HEADER:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(cells[0]) <= {"-"}:
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


def test_there_is_a_table_with_rows_of_four_cells() -> None:
    assert len(ROWS) > 15
    assert [row for row in ROWS if len(row) != len(HEADER) or not all(row)] == []


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_every_row_names_tests_that_exist(row: list[str]) -> None:
    assert missing(row[-1]) == []


@pytest.mark.parametrize(
    "cell", ["", "by hand", "`tests/unit/no_such_file.py`", "`tests/unit/test_security_table.py::test_no`"]
)
def test_a_row_without_a_test_is_found(cell: str) -> None:
    assert missing(cell) != []
