"""What the embedded AWS keeps on this machine between its starts, so that the next run of a project is quick."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from aws_run.errors import AwsRunError
from aws_run.local import state
from aws_run.local.runtime.ownership import owner_has_died

# What is in each folder of the state directory, as it is told.
KEPT = {"images": "images of processes", "venvs": "Python environments", "oci": "the registry", "tasks": "tasks"}


def disk_use(folder: Path) -> dict[str, int]:
    """Bytes on the disk, by folder; files that two environments share are counted once."""
    seen: set[tuple[int, int]] = set()
    return {name: _bytes_below(folder / name, seen) for name in KEPT}


def prune() -> int:
    """Removes all of it; how many bytes that were. AwsRunError while any embedded AWS of this user works with it."""
    folder = state.state_dir()
    if not folder.is_dir():
        return 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(state.held(folder))  # none starts meanwhile
        if not all(owner_has_died(str(lock)) for lock in (folder / "owners").glob("*.lock")):
            raise AwsRunError(
                "A command with --local is running, and works with what would be removed",
                hint="the same command again, once it has ended",
            )
        before = sum(disk_use(folder).values())
        for name in KEPT:
            shutil.rmtree(folder / name, ignore_errors=True)
        return before - sum(disk_use(folder).values())


def _bytes_below(folder: Path, seen: set[tuple[int, int]]) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                file = os.lstat(f"{place}/{name}")
                if not stat.S_ISREG(file.st_mode) or (file.st_dev, file.st_ino) in seen:
                    continue
                if file.st_nlink > 1:
                    seen.add((file.st_dev, file.st_ino))
                total += file.st_blocks * 512 if hasattr(file, "st_blocks") else file.st_size
    return total
