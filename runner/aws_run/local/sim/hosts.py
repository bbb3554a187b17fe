"""The folders that stand for the disks of hosts: one for each instance or Fargate task, gone when that is."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from aws_run.local.runtime.ownership import OwnerLock, owner_has_died


class Hosts:
    """Those of one embedded AWS, under a folder of its own: several may share a state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._hold: OwnerLock | None = None
        self._lock = threading.Lock()

    def of(self, name: str) -> Path:
        """The root of the host's disk; made by who puts something there."""
        with self._lock:
            if self._hold is None:
                self._hold = OwnerLock(self._state_dir)
            return self._root(self._hold) / name

    def forget(self, name: str) -> None:
        """Beside what goes on: the disk may be full, and its containers are just being killed."""
        with self._lock:
            if self._hold is None:
                return
            folder = self._root(self._hold) / name
        threading.Thread(target=shutil.rmtree, args=(folder, True), daemon=True).start()

    def sweep(self) -> None:
        """Removes what embedded AWSes have left that were killed."""
        for folder in (self._state_dir / "hosts").glob("*"):
            lock = self._state_dir / "owners" / f"{folder.name}.lock"
            if not lock.exists() or owner_has_died(str(lock)):
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            if self._hold is not None:
                shutil.rmtree(self._root(self._hold), ignore_errors=True)
                self._hold.release()
                self._hold = None

    def _root(self, hold: OwnerLock) -> Path:
        return self._state_dir / "hosts" / Path(hold.path).stem
