"""What `completion install` says beside the file that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_run.cli import main


@pytest.mark.parametrize(("shell", "helps"), [("bash", "into ~/.bashrc"), ("zsh", "before `compinit`"), ("fish", None)])
def test_it_says_what_helps_where_the_shell_does_not_look_there(
    shell: str, helps: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert main._run(["completion", "install", shell], debug=False) == 0
    first, *more = capsys.readouterr().err.splitlines()
    assert first.startswith("wrote ")
    assert Path(first.split()[1].rstrip(";")).is_file()
    assert [helps in line for line in more if helps] == ([True] if helps else [])
