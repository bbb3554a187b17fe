"""A list of runs: a row has one line or two at any width, and the newest is the last above the prompt."""

from __future__ import annotations

import io
import re

from tests.unit.report.conftest import Terminal

from aws_run.report.listing import listing
from aws_run.report.tables import Cell, Mark

COLUMNS = ("run", "status", "exit", "left", "hardware", "note")
ROWS: list[tuple[Cell, ...]] = [
    ("demo-2", "running", None, None, "Fargate (2 vCPU, 8 GB)", "smaller steps"),
    ("demo-1", Mark(state="failed", text="failed"), 7, None, "Fargate (2 vCPU, 8 GB)", ""),
]


def lines(width: int, rows: list[tuple[Cell, ...]] = ROWS) -> list[str]:
    stream = Terminal()
    environ = {"TERM": "xterm", "COLUMNS": str(width), "NO_COLOR": "1"}
    listing(COLUMNS, rows, stream=stream, environ=environ)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def test_where_there_is_room_a_row_is_a_line_and_a_column_without_values_is_left_out() -> None:
    assert lines(80) == [
        "RUN     STATUS    EXIT  HARDWARE                NOTE",
        "demo-1  \N{BALLOT X} failed  7     Fargate (2 vCPU, 8 GB)  -",
        "demo-2  running   -     Fargate (2 vCPU, 8 GB)  smaller steps",
    ]


def test_what_has_no_room_goes_below_and_is_cut_at_its_end() -> None:
    assert lines(40) == [
        "RUN     STATUS    EXIT",
        "  HARDWARE  NOTE",
        "demo-1  \N{BALLOT X} failed  7",
        "  Fargate (2 vCPU, 8 GB)",
        "demo-2  running   -",
        "  Fargate (2 vCPU, 8 GB)  smaller steps",
    ]
    assert lines(35)[-1] == "  Fargate (2 vCPU, 8 GB)  smaller \N{HORIZONTAL ELLIPSIS}"


def test_no_row_has_more_than_two_lines_at_any_width() -> None:
    for width in range(20, 120):
        shown = lines(width)
        assert 3 <= len(shown) <= 6
        assert all(len(line) <= width for line in shown)


def test_elsewhere_a_row_is_a_whole_line_and_the_newest_is_the_first() -> None:
    stream = io.StringIO()
    listing(COLUMNS, ROWS, stream=stream)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["RUN", "demo-2", "demo-1"]
    assert "LEFT" in stream.getvalue()


def test_none_is_said() -> None:
    assert lines(80, []) == ["(none)"]
