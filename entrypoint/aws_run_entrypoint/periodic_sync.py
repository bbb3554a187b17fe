"""Saving outputs and checkpoint while the job runs, and what of them is not saved yet."""

from __future__ import annotations

import threading
import time
from typing import Callable, List, Optional

from .errors import describe
from .folders import files_below
from .job import Job
from .quiescence import QUIET_S, StableFiles
from .stop_budget import Amount, Pace
from .sync import push_checkpoint, push_outputs
from .transfer import Pushed, ScannedFile

Say = Callable[[str], None]
Push = Callable[[Callable[[ScannedFile], bool]], Optional[Pushed]]


class Saved:
    """How much of a folder is in S3. A file is known to be complete only when two syncs have seen it unchanged, so
    every file that changed after the last but one began counts as not saved."""

    def __init__(self) -> None:
        self._began: List[float] = []
        self._bytes = 0

    def note(self, began: float, done: Pushed) -> None:
        """`began`: epoch seconds."""
        self._began = [*self._began[-1:], began]
        self._bytes = done.bytes

    def unsaved(self, folder: str) -> Amount:
        since = self._began[0] - QUIET_S - 1 if len(self._began) == 2 else 0.0
        files = changed = total = 0
        for _, status in files_below(folder):
            total += status.st_size
            # ctime too: a file that was moved here keeps its mtime.
            if max(status.st_mtime, status.st_ctime) >= since:
                files += 1
                changed += status.st_size
        # A folder that was moved here brings files that have kept both times.
        return Amount(files, max(changed, total - self._bytes))


class FolderSync:
    """A thread that sends one folder now and then, and at once when `hurry` is called. `every_s` 0: never."""

    def __init__(self, name: str, folder: str, *, every_s: float, push: Push, pace: Pace, say: Say) -> None:
        self.retries = 0
        self._name = name
        self._folder = folder
        self._every_s = every_s
        self._push = push
        self._pace = pace
        self._say = say
        self._stable = StableFiles(folder)
        self._saved = Saved()
        self._wake = threading.Event()
        self._over = False
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        if self._every_s > 0:
            self._thread = threading.Thread(target=self._run, name=f"aws-run-{self._name}", daemon=True)
            self._thread.start()

    def hurry(self) -> None:
        self._wake.set()

    def wind_down(self) -> None:
        """No further sync is begun."""
        self._over = True
        self._wake.set()

    def stop(self) -> None:
        """Waits for a sync that is under way: what it moves has to be moved anyway."""
        self.wind_down()
        if self._thread is not None:
            self._thread.join()

    def unsaved(self) -> Amount:
        return self._saved.unsaved(self._folder)

    def _run(self) -> None:
        while True:
            self._wake.wait(min(self._every_s, threading.TIMEOUT_MAX))
            self._wake.clear()
            if self._over:
                return
            self._once()

    def _once(self) -> None:
        began, clock = time.time(), time.monotonic()
        try:
            done = self._push(self._may_go)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next sync, or the last one, tries again
            self._say(f"could not sync {self._name} this time: {describe(error)}")
            return
        finally:
            self._stable.sync_is_over()
        if done is not None:
            self.retries += done.retries
            self._saved.note(began, done)
            self._pace.note(Amount(done.sent_files, done.sent_bytes), time.monotonic() - clock)

    def _may_go(self, file: ScannedFile) -> bool:
        return not self._over and self._stable(file)


class BackgroundSync:
    """Outputs and checkpoint, each in a thread of its own: hours of outputs must not hold up a checkpoint."""

    def __init__(self, job: Job, say: Say) -> None:
        self.pace = Pace()
        self.outputs = FolderSync(
            "outputs",
            job.output_dir,
            every_s=job.sync_every_s,
            push=lambda may_go: push_outputs(job, may_go),
            pace=self.pace,
            say=say,
        )
        self.checkpoint = FolderSync(
            "checkpoint",
            job.checkpoint_path or "",
            every_s=job.checkpoint_every_s if job.checkpoint_path else 0,
            push=lambda may_go: push_checkpoint(job, may_go),
            pace=self.pace,
            say=say,
        )
        self._both = (self.checkpoint, self.outputs)

    @property
    def retries(self) -> int:
        return sum(folder.retries for folder in self._both)

    def start(self) -> None:
        for folder in self._both:
            folder.start()

    def hurry(self) -> None:
        """A stop was announced: what is complete is sent now, so that little is left to send when the job has ended."""
        for folder in self._both:
            folder.hurry()

    def wind_down(self) -> None:
        """The job has ended. A running sync of a folder is waited for before that folder's last save, not before the
        other's."""
        for folder in self._both:
            folder.wind_down()

    def stop(self) -> None:
        for folder in self._both:
            folder.stop()

    def unsaved(self) -> Amount:
        """About what a last sync would have to send now. Never too little, except for files that are being written."""
        checkpoint, outputs = (folder.unsaved() for folder in self._both)
        return checkpoint.plus(outputs)
