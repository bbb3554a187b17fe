"""Tables on stdout, and the same as JSON."""

from __future__ import annotations

import io
import re
from decimal import Decimal

from aws_run.report.tables import Mark, print_json, table, table_data

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


def test_long_cells_wrap_on_a_narrow_terminal() -> None:
    stream = Terminal()
    table("", ("A", "B"), [("x" * 80, "y")], stream=stream, environ={"TERM": "xterm", "COLUMNS": "60"})
    words = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert max(len(line) for line in words.splitlines()) <= 60
    assert words.count("x") == 80


def test_rows_are_objects_keyed_by_their_columns() -> None:
    assert table_data(COLUMNS, ROWS)[1] == {
        "check": "quota",
        "result": {"state": "failed", "text": "0 vCPU"},
        "what_to_do": "ask for\nmore \x1b[31mnow",
    }


def test_json_has_money_as_numbers() -> None:
    stream = io.StringIO()
    print_json({"total": Decimal("0.5"), "on": RECEIPT.priced_on}, stream=stream)
    assert stream.getvalue() == '{\n  "total": 0.5,\n  "on": "2026-11-01"\n}\n'
