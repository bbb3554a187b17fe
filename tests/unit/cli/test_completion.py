"""What a shell needs to complete `aws-run …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aws_run.cli import main
from aws_run.cli.commands.completion import SHELLS, place, script

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
