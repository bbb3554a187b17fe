"""Folders of hosts: there while somebody uses them, and none is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.waiting import until

from aws_run.local.sim.hosts import Hosts


def use(hosts: Hosts, name: str) -> Path:
    folder = hosts.of(name)
    folder.mkdir(parents=True)
    (folder / "notice").write_text("x")
    return folder


def left(state: Path) -> list[str]:
    return [path.name for kind in ("hosts", "owners") for path in (state / kind).glob("*")]


def test_a_host_that_is_gone_leaves_no_folder_and_the_others_stay(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    gone, there = use(hosts, "i-1"), use(hosts, "i-2")
    hosts.forget("i-1")
    until(lambda: not gone.exists())
    assert there.exists()
    hosts.close()
    assert left(tmp_path) == []


def test_one_that_made_none_leaves_nothing(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    hosts.forget("i-1")
    hosts.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_is_swept_and_what_another_uses_is_not(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time; from aws_run.local.sim.hosts import Hosts\n"
        "folder = Hosts(pathlib.Path(sys.argv[1])).of('i-1'); folder.mkdir(parents=True)\n"
        "print('made', flush=True); time.sleep(600)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "made\n"
    (tmp_path / "hosts" / "i-of-an-older-version").mkdir()
    mine = Hosts(tmp_path)
    used = use(mine, "i-2")
    mine.sweep()
    assert used.exists()
    assert len(list((tmp_path / "hosts").iterdir())) == 2  # the child's and mine
    child.kill()
    child.communicate()
    mine.sweep()
    assert list((tmp_path / "hosts").iterdir()) == [used.parent]
    mine.close()
    assert left(tmp_path) == []
