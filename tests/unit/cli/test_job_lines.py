"""The job's own lines are the command's stdout, unless that is the terminal that everything is on."""

from __future__ import annotations

import sys

import pytest

from aws_run.cli.job_lines import emit_for
from aws_run.events import Event, LogLine, Notice
from aws_run.report.quiet import QuietReporter


class Seen(QuietReporter):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


LINE, NOTICE = LogLine(timestamp_ms=0, text="\x1b[31mepoch 1\x1b[2J"), Notice(text="x")


@pytest.mark.parametrize(
    ("terminals", "as_json", "quiet", "on_stdout"),
    [
        (("stdout", "stderr"), False, False, False),
        (("stdout", "stderr"), False, True, True),
        (("stderr",), False, False, True),
        (("stdout",), False, False, True),
        ((), False, False, True),
        ((), True, False, False),
        ((), True, True, False),
    ],
)
def test_lines_go_where_a_program_that_ran_here_would_put_them(
    terminals: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    on_stdout: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: name in terminals)
    reporter = Seen()
    emit = emit_for(reporter, as_json=as_json, quiet=quiet)
    emit(LINE)
    emit(NOTICE)
    assert capsys.readouterr().out == ("epoch 1\n" if on_stdout else "")
    assert reporter.events == ([NOTICE] if on_stdout else [LINE, NOTICE])
