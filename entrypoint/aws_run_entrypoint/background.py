"""Saving outputs and checkpoint while the job runs, and what of them is not saved yet."""

from __future__ import annotations

import os
import stat
import threading
import time
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from .job import Job
from .reserve import Amount, Pace
from .sync import push_checkpoint, push_outputs
from .transfer import EngineError, Pushed
from .transfer.values import Found

Say = Callable[[str], None]
_QUIET_S = 2.0


class StableFiles:
    """A file may go while the job runs when two looks saw the same size and mtime, the latter `quiet_s` ago or more, or
    when the second look found another file under its name that nobody has open: so does a checkpoint that is written
    beside and renamed, again and again.

    Nothing tells for sure that a writer is done; the last sync, when no writer is left, settles it.
    """

    def __init__(self, folder: str, quiet_s: float = _QUIET_S, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._quiet_ns = int(quiet_s * 1e9)
        self._now = now
        self._seen: Dict[str, Tuple[int, int, int]] = {}  # size, mtime_ns, inode

    def __call__(self, found: Found) -> bool:
        inode = self._inode(found.path)
        before = self._seen.get(found.path)
        same = before is not None and before[:2] == (found.size, found.mtime_ns)
        old = int(self._now() * 1e9) - found.mtime_ns >= self._quiet_ns
        replaced = before is not None and 0 not in (inode, before[2]) and before[2] != inode
        replaced = replaced and not is_open(os.path.join(self._folder, found.path))
        if (same and old) or replaced:
            if not replaced:  # of a file that is always replaced the last inode is what tells
                del self._seen[found.path]
            else:
                self._seen[found.path] = (found.size, found.mtime_ns, inode)
            return True
        self._seen[found.path] = (found.size, found.mtime_ns, inode)
        return False

    def _inode(self, path: str) -> int:
        try:
            return os.stat(os.path.join(self._folder, path)).st_ino
        except OSError:
            return 0


def is_open(path: str, proc: str = "/proc") -> bool:
    """Whether a process that may be asked has it open: a file that was removed and is being written anew. Where there
    is no /proc the answer is yes."""
    try:
        wanted = os.stat(path)
        pids = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return True
    return any((wanted.st_dev, wanted.st_ino) in _open_files(f"{proc}/{pid}/fd") for pid in pids)


def _open_files(folder: str) -> Iterator[Tuple[int, int]]:
    try:
        numbers = os.listdir(folder)
    except OSError:
        return  # ended meanwhile, or another user's
    for number in numbers:
        try:
            found = os.stat(f"{folder}/{number}")
        except OSError:
            continue
        yield found.st_dev, found.st_ino


class Saved:
    """What of a folder is in S3: two looks are needed to tell that a file is done, so everything that changed since the
    last but one counts as not saved."""

    def __init__(self) -> None:
        self._began: List[float] = []
        self._bytes = 0

    def note(self, began: float, done: Pushed) -> None:
        """`began`: epoch seconds."""
        self._began = [*self._began[-1:], began]
        self._bytes = done.bytes

    def unsaved(self, folder: str) -> Amount:
        since = self._began[0] - _QUIET_S - 1 if len(self._began) == 2 else 0.0
        files = changed = total = 0
        for found in _files(folder):
            total += found.st_size
            # ctime too: a file that was moved here keeps its mtime.
            if max(found.st_mtime, found.st_ctime) >= since:
                files += 1
                changed += found.st_size
        # A folder that was moved here brings files that have kept both times.
        return Amount(files, max(changed, total - self._bytes))


def _files(folder: str) -> Iterator[os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # gone meanwhile
                if stat.S_ISDIR(found.st_mode):
                    yield from _files(entry.path)
                elif stat.S_ISREG(found.st_mode):
                    yield found
    except OSError:
        return


class BackgroundSync:
    """A thread that sends outputs and checkpoint now and then, and at once when `hurry` is called."""

    def __init__(self, job: Job, say: Say) -> None:
        self._job = job
        self._say = say
        self._wake = threading.Event()
        self._over = False
        self._stable = {"outputs": StableFiles(job.output_dir), "checkpoint": StableFiles(job.checkpoint_path or "")}
        self._saved = {"outputs": Saved(), "checkpoint": Saved()}
        self._thread: Optional[threading.Thread] = None
        self.pace = Pace()
        self.retries = 0

    def start(self) -> None:
        if self._job.sync_every_s > 0 or (self._job.checkpoint_path and self._job.checkpoint_every_s > 0):
            self._thread = threading.Thread(target=self._run, name="aws-run-sync", daemon=True)
            self._thread.start()

    def hurry(self) -> None:
        """A notice came: what is ready goes now, so that little is left when the job has stopped."""
        self._wake.set()

    def stop(self) -> None:
        """Waits for a sync that is under way: what it moves has to be moved anyway."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def unsaved(self) -> Amount:
        """About what a last sync would have to send now; never too little, but for what is being written."""
        amount = self._saved["outputs"].unsaved(self._job.output_dir)
        if not self._job.checkpoint_path:
            return amount
        return amount.plus(self._saved["checkpoint"].unsaved(self._job.checkpoint_path))

    def _run(self) -> None:
        job = self._job
        never = float("inf")
        every = {
            # Of two that are due the checkpoint goes first: it is what another attempt needs.
            "checkpoint": (job.checkpoint_every_s or never) if job.checkpoint_path else never,
            "outputs": job.sync_every_s or never,
        }
        due = {name: time.monotonic() + seconds for name, seconds in every.items()}
        while True:
            wait = max(0.0, min(due.values()) - time.monotonic())
            hurried = self._wake.wait(min(wait, 3600.0))
            self._wake.clear()
            if self._over:
                return
            for name in due:
                if every[name] != never and (hurried or time.monotonic() >= due[name]):
                    self._once(name)
                    due[name] = time.monotonic() + every[name]

    def _once(self, name: str) -> None:
        began, clock = time.time(), time.monotonic()
        try:
            push = push_outputs if name == "outputs" else push_checkpoint
            done = push(self._job, self._stable[name])
        except (EngineError, OSError) as error:
            # The next round, or the last one, tries again; a run is not lost for a sync in between.
            self._say(f"could not sync {name} this time: {error}")
            return
        if done is not None:
            self.retries += done.retries
            self._saved[name].note(began, done)
            self.pace.note(Amount(done.sent_files, done.sent_bytes), time.monotonic() - clock)
