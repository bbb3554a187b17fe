"""What a shell needs to complete `aws-run …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from aws_run.cli import main
from aws_run.cli.commands.completion import SHELLS, place, script
from aws_run.cli.output_memory import remember_output
from aws_run.cli.types import RUN

CONTEXT = click.Context(main.cli)
RUN_ARGUMENT = click.Argument(["run"])
TOOL = Path(sys.executable).with_name("aws-run")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script_where_it_looks(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    assert main._run(["completion", "install"], debug=False) == 0
    written = place(shell, {}, tmp_path)
    assert str(written) in capsys.readouterr().err
    assert "_AWS_RUN_COMPLETE" in written.read_text()
    assert main._run(["completion", "show", shell], debug=False) == 0
    assert capsys.readouterr().out.strip() == script(shell).strip()


def test_an_unknown_shell_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert main._run(["completion", "install"], debug=False) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


def test_commands_are_completed_by_the_program_itself() -> None:
    environ = {"_AWS_RUN_COMPLETE": "bash_complete", "COMP_WORDS": "aws-run su", "COMP_CWORD": "1", "PATH": "/usr/bin"}
    done = subprocess.run([str(TOOL)], env=environ, capture_output=True, text=True, check=False)
    assert "plain,submit" in done.stdout, done.stderr


def test_the_runs_of_this_machine_are_completed_without_asking_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert RUN.shell_complete(CONTEXT, RUN_ARGUMENT, "") == []
    for run in ("demo-20260102-030405-abcd", "other-20260102-030405-abcd"):
        remember_output(run, tmp_path)
    (tmp_path / "aws-run" / "outputs" / "no run").touch()
    completed = [item.value for item in RUN.shell_complete(CONTEXT, RUN_ARGUMENT, "demo")]
    assert completed == ["demo-20260102-030405-abcd"]


def test_a_run_is_completed_behind_every_command_that_takes_one() -> None:
    for name in ("attach", "cancel", "cleanup", "diff", "explain", "logs", "open", "pull", "rerun", "status", "wait"):
        command = main.cli.get_command(CONTEXT, name)
        assert command is not None
        arguments = [one for one in command.params if isinstance(one, click.Argument) and one.type is RUN]
        assert arguments, name
