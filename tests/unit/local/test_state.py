"""The file that tells where an embedded AWS is: its user's alone, and true only while somebody holds its lock."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aws_run.errors import AwsRunError
from aws_run.local import lifecycle, state
from aws_run.local.options import LocalAws

LOCAL = LocalAws(
    endpoint_url="http://127.0.0.1:9", region="us-east-1", account="123456789012", runtime="process",
    runtime_reason="as a test has it", state_dir="/nowhere", access_key="AKIA", secret_key="secret", token="token",
)  # fmt: skip
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return state.made_state_dir()


def leave_stale(folder: Path, pid: int) -> None:
    """What a killed embedded AWS leaves: the file, and a lock that nobody holds."""
    with state.held(folder), state.written(folder, LOCAL):
        text = json.loads((folder / "local.json").read_text())
    (folder / "local.json").touch(mode=0o600)
    (folder / "local.json").write_text(json.dumps({**text, "pid": pid}))


def test_file_and_folder_are_for_their_user_alone_whatever_they_were_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "aws-run").mkdir()
    (tmp_path / "aws-run").chmod(0o777)
    before = os.umask(0)
    try:
        folder = state.made_state_dir()
        (folder / "local.partial").touch()  # an older one's, which everybody may read
        with state.held(folder), state.written(folder, LOCAL):
            modes = [path.stat().st_mode & OTHERS for path in (folder, *folder.iterdir())]
            assert (folder / "local.json").is_file()
    finally:
        os.umask(before)
    assert set(modes) == {0}


def test_one_that_lives_is_found_and_gone_when_it_ends(folder: Path) -> None:
    assert state.find_running(folder) is None
    with state.held(folder), state.written(folder, LOCAL):
        there = state.find_running(folder)
        assert there is not None
        assert (there.local, there.pid) == (LOCAL, os.getpid())
    assert state.find_running(folder) is None


def test_there_is_only_one_at_a_time(folder: Path) -> None:
    with state.held(folder), pytest.raises(AwsRunError, match="running already"), state.held(folder):
        pytest.fail("two of them")
    with state.held(folder):
        pass


def test_stop_signals_nobody_for_a_file_that_is_stale(folder: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        leave_stale(folder, stranger.pid)
        assert lifecycle.running() is None
        assert lifecycle.stop() is False
        assert lifecycle.status() is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_signals_nobody_even_where_one_lives_that_does_not_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_STOP_TIMEOUT_S", 0.2)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        with state.held(folder), state.written(folder, LOCAL):
            text = json.loads((folder / "local.json").read_text())
            (folder / "local.json").write_text(json.dumps({**text, "pid": stranger.pid}))
            with pytest.raises(AwsRunError, match="does not stop"):
                lifecycle.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_is_killed_lets_go_of_the_lock(folder: Path) -> None:
    script = (
        "import pathlib, sys, time; from aws_run.local import state\n"
        "with state.held(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(600)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    assert state.is_held(folder, child.pid)
    child.kill()
    child.communicate()
    assert not state.is_held(folder, child.pid)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"pid": "x", "local": {}}', '{"pid": 1}', "[" * 100_000])
def test_a_file_that_says_nothing_is_no_embedded_aws(folder: Path, text: str) -> None:
    with state.held(folder), state.written(folder, LOCAL):
        (folder / "local.json").write_text(text)
        assert state.find_running(folder) is None


def test_a_file_that_others_could_read_or_write_is_not_trusted(folder: Path) -> None:
    with state.held(folder), state.written(folder, LOCAL):
        for mode in (0o640, 0o604, 0o622):
            (folder / "local.json").chmod(mode)
            assert state.find_running(folder) is None
