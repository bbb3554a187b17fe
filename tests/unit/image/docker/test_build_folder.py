"""The folder with a build's secrets goes with the build; what a killed client has left goes with the next one."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import PATIENCE_S

from aws_run.image.docker import build_folder as folders
from aws_run.image.docker.build_folder import build_folder, note_child, sweep

# A client that builds: says its folder and its program's id, and is killed where it stands.
CLIENT = """
import subprocess, sys, threading
from aws_run.image.docker.build_folder import build_folder, note_child
with build_folder(threading.Event()) as folder:
    (folder / "secret-settings").write_text("hunter2")
    waits = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(waits, start_new_session=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    note_child(folder, child.pid)
    print(folder, child.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    monkeypatch.setattr(tempfile, "tempdir", None)


def builds(temporary: Path) -> list[Path]:
    return list(temporary.glob("aws-run-build-*"))


def client() -> tuple[subprocess.Popen[str], Path, int]:
    started = subprocess.Popen(
        [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert started.stdout is not None
    folder, pid = started.stdout.readline().split()
    return started, Path(folder), int(pid)


def end(started: subprocess.Popen[str]) -> None:
    started.kill()
    started.communicate()


def test_only_its_user_may_enter_it_and_it_goes_however_the_build_ends(temporary: Path) -> None:
    def fails() -> None:
        with build_folder(threading.Event()) as folder:
            assert folder.parent == temporary
            assert folder.stat().st_mode & 0o777 == 0o700
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert builds(temporary) == []


def test_a_build_that_does_not_hear_the_stop_loses_its_folder_all_the_same(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_GOES_WITHIN_S", 0.05)
    stop, removed = threading.Event(), threading.Event()
    real = shutil.rmtree

    def remove(*arguments: Any, **more: Any) -> None:
        real(*arguments, **more)
        removed.set()

    monkeypatch.setattr(shutil, "rmtree", remove)
    with build_folder(stop) as folder:
        (folder / "secret-settings").write_text("hunter2")
        stop.set()
        assert removed.wait(PATIENCE_S)
        assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells processes apart by Linux's process table")
def test_the_next_build_sweeps_what_a_killed_client_left_and_ends_its_program(temporary: Path) -> None:
    started, folder, pid = client()
    try:
        sweep()
        assert (folder / "secret-settings").exists(), "it is alive"
        end(started)
        assert (folder / "secret-settings").exists()
        ends = os.pidfd_open(pid)
        with build_folder(threading.Event()) as mine:
            assert builds(temporary) == [mine]
        assert select.select([ends], [], [], PATIENCE_S)[0], "its program goes on"
        os.close(ends)
    finally:
        end(started)


def test_a_process_that_has_taken_over_the_number_is_left_alone(temporary: Path) -> None:
    started, folder, pid = client()
    end(started)
    (folder / "child").write_text(f'{{"pid": {pid}, "started": "1"}}')
    try:
        sweep()
        assert builds(temporary) == []
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("noted", ["", "[]", "{}", '{"pid": "x", "started": ""}', '{"pid": -1, "started": null}'])
def test_a_note_that_makes_no_sense_keeps_nothing_from_being_removed(temporary: Path, noted: str) -> None:
    folder = temporary / "aws-run-build-x"
    folder.mkdir(mode=0o700)
    (folder / "lock").touch()
    (folder / "child").write_text(noted)
    sweep()
    assert builds(temporary) == []


def test_a_link_and_somebody_elses_folder_are_not_ours(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (temporary / "aws-run-build-link").symlink_to(precious)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    note_child(precious, bystander.pid)
    theirs = temporary / "aws-run-build-theirs"
    theirs.mkdir()
    (theirs / "lock").touch()
    with monkeypatch.context() as as_another_user:
        as_another_user.setattr(os, "geteuid", lambda: 424242)
        sweep()
    assert theirs.exists()
    sweep()
    assert not theirs.exists()
    assert (precious / "lock").exists()
    bystander.terminate()  # -15, unless the sweep's -9 came first
    assert bystander.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_folder_without_a_lock_is_being_made_unless_it_is_old(temporary: Path) -> None:
    new, old = temporary / "aws-run-build-new", temporary / "aws-run-build-old"
    for folder in (new, old):
        folder.mkdir()
    os.utime(old, (0, 0))
    sweep()
    assert builds(temporary) == [new]


def test_a_program_is_noted_by_its_number_and_its_birth(temporary: Path) -> None:
    note_child(temporary, os.getpid())
    assert str(os.getpid()) in (temporary / "child").read_text()
