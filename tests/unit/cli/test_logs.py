"""`aws-run logs`: lines on stdout, and an end where nobody reads them any more."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.lifecycle.memory_run import LookedAtRun

from aws_run.cli.commands.logs import _follow, _ReaderGone
from aws_run.cli.job_lines import emit_for
from aws_run.cli.session import Session
from aws_run.cli.target import Target
from aws_run.report.quiet import QuietReporter


def terminal(run: LookedAtRun, *, as_json: bool = False) -> Session:
    reporter: Any = QuietReporter(sys.stderr)
    nothing: Any = None
    return Session(
        context=replace(run.context, emit=emit_for(reporter, as_json=as_json, quiet=False)),
        reporter=reporter,
        project="demo",
        as_json=as_json,
        target=Target(),
        config=nothing,
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_the_lines_of_all_attempts_are_on_stdout(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = LookedAtRun()
    run.then = run.lose_its_machine
    ended = _follow(terminal(run, as_json=as_json), run.record.run_id, raw=False)
    assert ended is not None
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["text"] if as_json else line for line in lines] == ["hello from memory"] * 2


def test_a_reader_that_has_gone_ends_the_following_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        unread = True

    run = LookedAtRun()
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(_ReaderGone):
        _follow(terminal(run), run.record.run_id, raw=False)
    assert run.record.outcome is None
