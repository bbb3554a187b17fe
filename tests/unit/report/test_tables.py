"""Tables on stdout, and the same as JSON."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import pytest

from aws_run.report.jsonlines import to_data
from aws_run.report.tables import Mark, checklist, table

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


def test_where_columns_have_no_room_a_row_is_a_block() -> None:
    row = (
        "segment-20261121-041500-ab12",
        "running",
        "",
        "~$0.10 so far",
        "g6.xlarge-or-something-as-long-as-this-one-here",
    )
    lines = on_a_terminal(("run", "status", "exit", "cost", "hardware"), row, 60)
    assert lines == [row[0], "  status    running", f"  cost      {row[3]}", f"  hardware  {row[4]}"]


LINK = "s3://arun-123456789012-us-east-1-an/runs/p-20261121-105147-e3bd/output/"


@pytest.mark.parametrize("width", [40, 70, 75, 200])
@pytest.mark.parametrize("row", [("outputs", LINK), ("quota", f"0 {LINK}", "ask for more of it, there"), (LINK, LINK)])
def test_a_link_is_never_broken(row: tuple[str, ...], width: int) -> None:
    lines = on_a_terminal(tuple("abc"[: len(row)]), row, width)
    assert sum(line.count(LINK) for line in lines) == "".join(row).count(LINK)


def test_json_has_money_as_numbers() -> None:
    assert to_data({"total": Decimal("0.5"), "on": RECEIPT.priced_on}) == {"total": 0.5, "on": "2026-11-01"}


CHECKS = [
    ("credentials", Mark(state="ok", text="arn:aws:iam::123456789012:user/ann in account 123456789012"), ""),
    ("docker", Mark(state="failed", text="Docker is not running (/var/run/docker.sock: No such file or directory)"),
     "start Docker Desktop, or the engine (sudo systemctl start docker), or give a ready image with --image"),
    ("quota: EC2 vCPUs, G GPUs", Mark(state="warning", text="0"),
     "https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA"),
]  # fmt: skip


def test_a_checklist_is_readable_on_a_narrow_terminal() -> None:
    stream = Terminal()
    checklist(CHECKS, stream=stream, environ={"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert plain.splitlines() == [
        "✓ credentials               arn:aws:iam::123456789012:user/ann in account",
        "                            123456789012",
        "✗ docker                    Docker is not running (/var/run/docker.sock: No such",
        "                            file or directory)",
        "                            start Docker Desktop, or the engine (sudo systemctl",
        "                            start docker), or give a ready image with --image",
        "! quota: EC2 vCPUs, G GPUs  0",
        f"                            {CHECKS[2][2]}",
    ]


def test_a_checklist_elsewhere_is_one_line_a_row() -> None:
    stream = io.StringIO()
    checklist(CHECKS, stream=stream, environ={})
    assert len(stream.getvalue().splitlines()) == 4
