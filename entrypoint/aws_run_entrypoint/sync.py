"""Moving the run's folders: inputs and checkpoint in; outputs and checkpoint out, while the job runs and at its end."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import Callable, Dict, List, Optional, Tuple

from .job import Job
from .transfer import EngineError, NoManifestError, Pulled, Pushed, Wanted, pull_manifest, pull_manifests, push_folder
from .transfer.values import Found

Say = Callable[[str], None]


def sync_in(job: Job) -> List[Pulled]:
    """Every input, pinned by its snapshot's version, as one plan."""
    wanted = [
        Wanted(item.snapshot_key, item.version_id, item.prefix, job.dir_of(index))
        for index, item in enumerate(job.inputs)
    ]
    done = pull_manifests(job.bucket, wanted) if wanted else []
    os.makedirs(job.input_dir, exist_ok=True)
    _empty(job.output_dir)
    return done


def _empty(folder: str) -> None:
    """A folder with nothing in it: what a killed attempt left may be half a file, and would be sent as an output."""
    os.makedirs(folder, exist_ok=True)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def restore_checkpoint(job: Job) -> Optional[Pulled]:
    """What an earlier attempt saved; None where there is nothing, as on a first attempt."""
    if not job.checkpoint_path:
        return None
    os.makedirs(job.checkpoint_path, exist_ok=True)
    try:
        return pull_manifest(
            job.bucket, f"{job.prefix}checkpoint.json", prefix=f"{job.prefix}checkpoint/", into=job.checkpoint_path
        )
    except NoManifestError:
        return None


def push_outputs(job: Job, stable: Optional[Callable[[Found], bool]] = None) -> Pushed:
    """`stable` set means that the job still runs: then no helper processes compete with it."""
    return push_folder(
        job.bucket,
        job.output_dir,
        prefix=f"{job.prefix}output/",
        manifest_key=f"{job.prefix}output.json",
        strict=False,
        stable=stable,
        helpers=None if stable is None else 1,
    )


def push_checkpoint(job: Job, stable: Optional[Callable[[Found], bool]] = None) -> Optional[Pushed]:
    if not job.checkpoint_path or not os.path.isdir(job.checkpoint_path):
        return None
    return push_folder(
        job.bucket,
        job.checkpoint_path,
        prefix=f"{job.prefix}checkpoint/",
        manifest_key=f"{job.prefix}checkpoint.json",
        strict=False,
        stable=stable,
        helpers=None if stable is None else 1,
    )


class StableFiles:
    """A file may go while the job runs when two looks at least `quiet_s` apart saw the same size and mtime.

    Nothing tells for sure that a writer is done; the last sync, when no writer is left, settles it.
    """

    def __init__(self, quiet_s: float = 2.0, now: Callable[[], float] = time.time) -> None:
        self._quiet_ns = int(quiet_s * 1e9)
        self._now = now
        self._seen: Dict[str, Tuple[int, int]] = {}

    def __call__(self, found: Found) -> bool:
        shape = (found.size, found.mtime_ns)
        same = self._seen.get(found.path) == shape
        old = int(self._now() * 1e9) - found.mtime_ns >= self._quiet_ns
        if same and old:
            self._seen.pop(found.path, None)
            return True
        self._seen[found.path] = shape
        return False


class BackgroundSync:
    """A thread that sends outputs and checkpoint now and then, and at once when `hurry` is called."""

    def __init__(self, job: Job, say: Say) -> None:
        self._job = job
        self._say = say
        self._wake = threading.Event()
        self._over = False
        self._outputs = StableFiles()
        self._checkpoint = StableFiles()
        self._thread: Optional[threading.Thread] = None
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

    def _run(self) -> None:
        job = self._job
        never = float("inf")
        every = {
            "outputs": job.sync_every_s or never,
            "checkpoint": (job.checkpoint_every_s or never) if job.checkpoint_path else never,
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
        try:
            if name == "outputs":
                done: Optional[Pushed] = push_outputs(self._job, self._outputs)
            else:
                done = push_checkpoint(self._job, self._checkpoint)
            self.retries += done.retries if done else 0
        except (EngineError, OSError) as error:
            # The next round, or the last one, tries again; a run is not lost for a sync in between.
            self._say(f"could not sync {name} this time: {error}")
