"""A shell may close stdin, stdout or stderr (`<&-`): nobody is asked then, and nothing fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from tests.waiting import PATIENCE_S

import aws_run
from aws_run.cli.running import Terminal
from aws_run.cli.target import Target
from aws_run.cli.terminals import is_terminal, on_a_terminal

CLI = Path(aws_run.__file__).parent / "cli"


def test_an_interrupt_without_a_stdin_cancels_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    terminal = Terminal(reporter=cast(Any, None), target=Target(), as_json=False)
    assert terminal.choose() == "cancel"


@pytest.mark.parametrize("name", ["sys.stdin", "sys.stderr"])
def test_a_closed_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(name, None)
    assert not on_a_terminal()
    assert not is_terminal(None)


def test_each_command_asks_one_place_whether_there_is_a_terminal() -> None:
    asking = [path.name for path in CLI.rglob("*.py") if re.search(r"sys\.\w+\.isatty", path.read_text())]
    assert asking == []


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("words", ["config schema", "local prune", "allowance set nonsense"])
def test_no_command_fails_for_a_stream_that_is_closed(tmp_path: Path, closed: str, words: str) -> None:
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    open_streams, shut = (
        subprocess.run(
            ["sh", "-c", f'"{sys.executable}" -m aws_run.cli {words} {how}'],
            cwd=tmp_path, env=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
        )
        for how in ("", closed)
    )  # fmt: skip
    assert shut.returncode == open_streams.returncode
    assert "itself failed" not in shut.stderr
