"""Which reporter is used where."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from aws_run.report import Reporter, make_reporter
from aws_run.report.console import ConsoleReporter
from aws_run.report.jsonlines import JsonReporter
from aws_run.report.plain import PlainReporter
from aws_run.report.symbols import ASCII, UNICODE, symbols_for

from .conftest import Terminal


@pytest.mark.parametrize(
    ("kind", "terminal", "term", "expected"),
    [
        ("auto", True, "xterm", ConsoleReporter),
        ("auto", True, "", ConsoleReporter),
        ("auto", True, "dumb", PlainReporter),
        ("auto", False, "xterm", PlainReporter),
        ("plain", True, "xterm", PlainReporter),
        ("json", True, "xterm", JsonReporter),
    ],
)
def test_a_terminal_is_drawn_on_and_everything_else_gets_lines(
    kind: str, terminal: bool, term: str, expected: type[Reporter]
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    reporter = make_reporter(kind, stream=stream, environ={"TERM": term})  # type: ignore[arg-type]
    assert isinstance(reporter, expected)


def test_streams_that_cannot_carry_the_signs_get_plain_ones() -> None:
    assert symbols_for(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == UNICODE
    assert symbols_for(io.TextIOWrapper(io.BytesIO(), encoding="cp1252")) == ASCII
    assert symbols_for(io.TextIOWrapper(io.BytesIO(), encoding="ascii")) == ASCII


def test_pipes_get_their_lines_without_a_terminal_library() -> None:
    code = (
        "import sys; from aws_run.report import make_reporter; from aws_run.events import LogLine\n"
        "make_reporter('plain').emit(LogLine(timestamp_ms=0, text='x')); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "job      | x\n")
