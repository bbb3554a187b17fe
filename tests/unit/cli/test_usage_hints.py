"""An option that a command does not know may be the script's, and the refusal says where that one goes."""

from __future__ import annotations

import json

import pytest

from aws_run.cli import main


@pytest.mark.parametrize("command", ["submit", "plan", "rerun", "bench"])
def test_an_unknown_option_of_a_command_that_starts_a_script_may_be_the_scripts(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main._run([command, "--epochs", "3"], debug=False) == 2
    hint = f"options of the job's own script go after `--`: `aws-run {command} … -- --epochs`"
    assert capsys.readouterr().err.splitlines()[-1] == f"hint: {hint}"
    assert main._run([command, "--epochs", "3", "--json"], debug=False) == 2
    assert json.loads(capsys.readouterr().out)["hint"] == hint


def test_exec_says_where_a_command_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["exec", "-l"], debug=False) == 2
    assert "`aws-run exec -- COMMAND -l`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["ps", "--epochs"], ["submit", "--gpu"], ["nonsense"]])
def test_other_mistakes_get_clicks_words_alone(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(words, debug=False) == 2
    assert "hint:" not in capsys.readouterr().err
