"""What the embedded AWS keeps on the disk: counted, and removed while nobody works with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aws_run.cli import main
from aws_run.errors import AwsRunError
from aws_run.local import disk, state
from aws_run.local.runtime.ownership import OwnerLock


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = state.made_state_dir()
    for name, text in {"venvs/a/x.py": "x" * 9000, "images/b/image.json": "{}", "outputs/demo": "/out"}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    (folder / "venvs" / "b").mkdir()
    os.link(folder / "venvs" / "a" / "x.py", folder / "venvs" / "b" / "x.py")
    return folder


def test_what_two_environments_share_is_counted_once(folder: Path) -> None:
    used = disk.disk_use(folder)
    assert 9000 <= used["venvs"] < 18_000
    assert used["images"] > 0
    assert used["oci"] == 0


def test_pruning_leaves_what_is_the_users(folder: Path) -> None:
    assert disk.prune() >= 9000
    assert not (folder / "venvs").exists()
    assert (folder / "outputs" / "demo").read_text() == "/out"
    assert disk.prune() == 0


def test_nothing_goes_that_somebody_works_with(folder: Path) -> None:
    hold = OwnerLock(folder)
    with pytest.raises(AwsRunError, match="is running"):
        disk.prune()
    hold.release()
    with state.held(folder), pytest.raises(AwsRunError, match="running already"):
        disk.prune()
    assert (folder / "venvs").exists()
    disk.prune()


def test_without_a_terminal_it_wants_a_yes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["local", "prune"], debug=False) == 2
    assert "--yes" in capsys.readouterr().err
    assert main._run(["local", "prune", "--yes"], debug=False) == 0
    assert "removed" in capsys.readouterr().err
