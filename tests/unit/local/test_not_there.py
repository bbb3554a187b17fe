"""An embedded AWS that is not installed, and one that does not run: the same answer in every form."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from aws_run.cli.main import _run
from aws_run.errors import UsageError
from aws_run.local import lifecycle
from aws_run.local.options import LocalOptions


@pytest.fixture(autouse=True)
def none_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def without_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("moto.", "aws_run.local.embedded"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)


@pytest.mark.usefixtures("without_moto")
def test_without_its_parts_none_is_started_in_the_foreground_either(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="not installed"):
        lifecycle.serve(LocalOptions())
    for words in (["local", "start"], ["local", "start", "--foreground"]):
        assert _run(words, debug=False) == 2
        told = capsys.readouterr().err
        assert "not installed" in told
        assert "Ctrl-C stops it" not in told


@pytest.mark.parametrize("command", ["status", "bill"])
def test_where_none_runs_json_is_the_error_as_for_every_failure(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["local", command], debug=False) == 125
    assert "No embedded AWS is running" in capsys.readouterr().err
    assert _run(["local", command, "--json"], debug=False) == 125
    error = json.loads(capsys.readouterr().out)
    assert (error["message"], error["exit_code"]) == ("No embedded AWS is running", 125)
