"""Whose containers are whose, where several embedded AWSs share one engine and not one set of process ids."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aws_run.local.runtime.docker import remove_orphans
from aws_run.local.runtime.ownership import LABEL, OwnerLock, owner_has_died

_OTHER = """
import sys, pathlib
from aws_run.local.runtime.ownership import OwnerLock
hold = OwnerLock(pathlib.Path(sys.argv[1]))
print(hold.path, flush=True)
sys.stdin.read()
"""


class Container:
    def __init__(self, lock: str) -> None:
        self.labels = {LABEL: lock}
        self.removed = False

    def remove(self, **_: Any) -> None:
        self.removed = True


class Engine:
    """What `remove_orphans` asks of one."""

    def __init__(self, *containers: Container) -> None:
        self.containers = self
        self._all = containers

    def list(self, **_: Any) -> tuple[Container, ...]:
        return self._all


def other(state: Path) -> tuple[subprocess.Popen[str], str]:
    """An embedded AWS's process, and the lock it holds."""
    child = subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


@pytest.fixture
def living(tmp_path: Path) -> Any:
    child, lock = other(tmp_path / "living")
    yield lock
    child.communicate()


def test_containers_of_one_that_was_killed_go_and_all_others_stay(tmp_path: Path, living: str) -> None:
    child, dead = other(tmp_path / "dead")
    child.kill()
    child.communicate()
    mine = OwnerLock(tmp_path)
    unseen = str(tmp_path / "in" / "another" / "filesystem.lock")
    containers = {name: Container(lock) for name, lock in
                  {"dead": dead, "living": living, "mine": mine.path, "unseen": unseen, "dead too": dead}.items()}  # fmt: skip
    remove_orphans(Engine(*containers.values()))
    assert {name for name, container in containers.items() if container.removed} == {"dead", "dead too"}
    assert not Path(dead).exists()
    mine.release()


def test_one_that_ended_well_leaves_no_file(tmp_path: Path) -> None:
    hold = OwnerLock(tmp_path)
    assert not owner_has_died(hold.path)
    hold.release()
    assert not owner_has_died(hold.path)
    assert list((tmp_path / "owners").iterdir()) == []
