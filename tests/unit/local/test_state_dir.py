"""Where the embedded AWS keeps its files, when it can't."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from aws_run.errors import UsageError
from aws_run.local import lifecycle, state
from aws_run.local.options import LocalOptions


def refused(start: object) -> str:
    with pytest.raises(UsageError) as caught:
        start()  # type: ignore[operator]
    assert "XDG_STATE_HOME" in (caught.value.hint or "")
    assert "Errno" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("starter", ["command", "start", "serve"])
def test_a_state_folder_that_cannot_be_made_is_one_sentence(
    starter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    def command() -> None:
        with lifecycle.for_command(LocalOptions()):
            pytest.fail("started")

    starters = {
        "command": command,
        "start": lambda: lifecycle.start(LocalOptions()),
        "serve": lambda: lifecycle.serve(LocalOptions()),
    }
    assert f"can't write to its folder {tmp_path / 'file' / 'aws-run'}" in refused(starters[starter])


def test_a_state_folder_that_takes_no_files_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert "No space left on device" in refused(state.made_state_dir)
