"""The folder of the embedded AWS, and the file in it that tells other commands where a running one is.

The file holds that one's secrets, so only its user may read file and folder. What it says counts for as long as
somebody holds the lock beside it: the kernel lets go of that when the process ends, however it ends, so that a process
id which has been given to somebody else by then is never taken for ours.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aws_run.errors import AwsRunError, UsageError
from aws_run.frozen import frozen
from aws_run.local.options import LocalAws

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows: there a process id has to do
    fcntl = None

LOG = "local.log"  # in its folder: what its process prints, and its own faults with their tracebacks
_ALREADY = "An embedded AWS is running already."
_LOOKS, _LOOK_S = 40, 0.025  # somebody who looks whether the lock is held holds it for an instant


@frozen
class Running:
    """What the state file says. `pid` as its own process sees it, which may be another machine's or container's."""

    pid: int
    local: LocalAws


def state_dir() -> Path:
    """Where images, environments, the registry and the state file live; kept between commands."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "aws-run"


def made_state_dir() -> Path:
    """There, its user's alone, and shown to take files; UsageError where it is not."""
    folder = state_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _mine(folder.stat()):
            raise UsageError(
                f"The embedded AWS keeps its secrets in {folder}, which belongs to another user",
                hint="set XDG_STATE_HOME to a folder of your own",
            )
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise UsageError(
            f"The embedded AWS can't write to its folder {folder}: {error.strerror or error}",
            hint="set XDG_STATE_HOME to a folder that you may write to",
        ) from None


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """The right to be the one that the state file of `folder` tells of; AwsRunError where somebody has it."""
    descriptor = os.open(_lock(folder), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(_LOOKS):
            if _lock_now(descriptor, shared=False):
                break
            time.sleep(_LOOK_S)
        else:
            raise AwsRunError(_ALREADY, hint="aws-run local stop")
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[None]:
    """The right to start one; who else wants to waits. The operating system gives it back when its process ends."""
    descriptor = os.open(folder / "local.start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def written(folder: Path, local: LocalAws) -> Iterator[None]:
    """The state file, for who holds the lock: it tells other processes of this user about `local`."""
    path = _file(folder)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600, exist_ok=False)
    partial.write_text(json.dumps({"pid": os.getpid(), "local": asdict(local)}), encoding="utf-8")
    partial.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_running(folder: Path) -> Running | None:
    """The embedded AWS that runs, by a state file that nobody but this user can have written or read."""
    try:
        with _file(folder).open(encoding="utf-8") as file:
            if not _mine(status := os.fstat(file.fileno())) or (fcntl is not None and status.st_mode & 0o077):
                return None
            state = json.load(file)
        running = Running(pid=int(state["pid"]), local=LocalAws(**state["local"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return running if is_held(folder, running.pid) else None


def is_held(folder: Path, pid: int) -> bool:
    """Whether the one that wrote the state file lives. `pid` counts only where there are no locks."""
    if fcntl is None:
        return process_lives(pid)
    try:
        descriptor = os.open(_lock(folder), os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock_now(descriptor, shared=True)
    finally:
        os.close(descriptor)


def process_lives(pid: int) -> bool:
    """Whether there is a process of this id that has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A zombie has ended: its parent has just not looked yet.
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True


def _lock_now(descriptor: int, *, shared: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _mine(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _file(folder: Path) -> Path:
    return folder / "local.json"


def _lock(folder: Path) -> Path:
    return folder / "local.lock"
