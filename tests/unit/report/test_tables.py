"""Tables on stdout, and the same as JSON."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import pytest

from aws_run.report.jsonlines import to_data
from aws_run.report.tables import Mark, table

from .conftest import RECEIPT, Terminal

COLUMNS = ("Check", "Result", "What to do")
ROWS = [
    ("credentials", Mark(state="ok", text="me"), None),
    ("quota", Mark(state="failed", text="0 vCPU"), "ask for\nmore \x1b[31mnow"),
    ("docker", Mark(state="warning"), 3),
]


def test_a_pipe_gets_one_line_a_row_without_control_codes() -> None:
    stream = io.StringIO()
    table("Account", COLUMNS, ROWS, stream=stream, environ={})
    assert stream.getvalue() == (
        "Account\n"
        "CHECK        RESULT    WHAT TO DO\n"
        "credentials  ✓ me      -\n"
        "quota        ✗ 0 vCPU  ask for more now\n"
        "docker       !         3\n"
    )


def test_a_table_without_rows_says_so() -> None:
    stream = io.StringIO()
    table("", COLUMNS, [], stream=stream, environ={})
    assert stream.getvalue() == "(none)\n"


def test_a_terminal_gets_the_same_words() -> None:
    stream = Terminal()
    table("Account [x]", COLUMNS, ROWS, stream=stream, environ={"TERM": "xterm", "COLUMNS": "60", "NO_COLOR": "1"})
    words = stream.getvalue()
    for word in ("Account [x]", "Check", "credentials", "✓", "✗", "0 vCPU", "ask for more now"):
        assert word in words


def on_a_terminal(columns: tuple[str, ...], row: tuple[str, ...], width: int) -> list[str]:
    stream = Terminal()
    table("", columns, [row], stream=stream, environ={"TERM": "xterm", "COLUMNS": str(width)})
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def test_long_cells_wrap_between_words_on_a_narrow_terminal() -> None:
    lines = on_a_terminal(("A", "B"), ("word " * 20 + "x" * 30, "y z " * 30), 60)
    assert max(map(len, lines)) <= 60
    assert sum(line.count("word") for line in lines) == 20
    assert any("x" * 30 in line for line in lines)


LINK = "s3://arun-123456789012-us-east-1-an/runs/p-20261121-105147-e3bd/output/"


@pytest.mark.parametrize("width", [40, 70, 75, 200])
@pytest.mark.parametrize("row", [("outputs", LINK), ("quota", f"0 {LINK}", "ask for more of it, there"), (LINK, LINK)])
def test_a_link_is_never_broken(row: tuple[str, ...], width: int) -> None:
    lines = on_a_terminal(tuple("abc"[: len(row)]), row, width)
    assert sum(line.count(LINK) for line in lines) == "".join(row).count(LINK)


def test_json_has_money_as_numbers() -> None:
    assert to_data({"total": Decimal("0.5"), "on": RECEIPT.priced_on}) == {"total": 0.5, "on": "2026-11-01"}
