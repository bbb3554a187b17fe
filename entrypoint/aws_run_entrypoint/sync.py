"""Moving the run's folders: inputs and checkpoint in; outputs and checkpoint out, while the job runs and at its end."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Callable, List, Optional

from .folders import files_below, force_recheck, notices_mapped_writes
from .job import Job
from .short_names import Renamed, shorten_names
from .transfer import (
    EngineError,
    NoManifestError,
    Pulled,
    Pushed,
    ScannedFile,
    Wanted,
    pull_manifest,
    pull_manifests,
    push_folder,
)


def sync_in(job: Job) -> List[Pulled]:
    """Fetches every input, pinned by its snapshot's version, as one plan. A pin that lies beside the run may name
    another bucket, for only the tool can write there."""
    pins = f"{job.prefix}inputs/"
    wanted = [
        Wanted(item.snapshot_key, item.version_id, item.prefix, job.dir_of(index), item.snapshot_key.startswith(pins))
        for index, item in enumerate(job.inputs)
    ]
    done = pull_manifests(job.bucket, wanted) if wanted else []
    os.makedirs(job.input_dir, exist_ok=True)
    check_is_folder(job.output_dir)
    _empty(job.output_dir)
    return done


def check_is_folder(path: str) -> None:
    """EngineError where the job has put something else in the place of its folder: a link could lead to files that are
    none of its results."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise EngineError(f"{path} is a link here, to {os.readlink(path)!r}, and no folder")
    if not stat.S_ISDIR(status.st_mode):
        raise EngineError(f"{path} is not a folder here")


def _empty(folder: str) -> None:
    """Makes an empty folder: a killed attempt may have left half a file, which would be sent as an output."""
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
    check_is_folder(job.checkpoint_path)
    os.makedirs(job.checkpoint_path, exist_ok=True)
    try:
        return pull_manifest(
            job.bucket, f"{job.prefix}checkpoint.json", prefix=f"{job.prefix}checkpoint/", into=job.checkpoint_path
        )
    except NoManifestError:
        return None


def push_outputs(job: Job, stable: Optional[Callable[[ScannedFile], bool]] = None) -> Optional[Pushed]:
    """`stable` set means that the job still runs: then no helper processes compete with it, and a folder that it has
    removed may be about to come back: None."""
    check_is_folder(job.output_dir)
    if stable is None:
        os.makedirs(job.output_dir, exist_ok=True)  # a job that removed it has written nothing
    elif not os.path.isdir(job.output_dir):
        return None
    return _push(job, job.output_dir, "output", stable)


def shorten_outputs(job: Job) -> List[Renamed]:
    """For when the job is over. Not where its folder has been replaced: that is refused later, with the reason."""
    if os.path.islink(job.output_dir) or not os.path.isdir(job.output_dir):
        return []
    return shorten_names(job.output_dir, f"{job.prefix}output/")


def push_checkpoint(job: Job, stable: Optional[Callable[[ScannedFile], bool]] = None) -> Optional[Pushed]:
    if not job.checkpoint_path:
        return None
    check_is_folder(job.checkpoint_path)
    if not os.path.isdir(job.checkpoint_path):
        return None
    return _push(job, job.checkpoint_path, "checkpoint", stable)


def _push(job: Job, folder: str, name: str, stable: Optional[Callable[[ScannedFile], bool]]) -> Pushed:
    if stable is None and not notices_mapped_writes(folder):
        for path, status in files_below(folder):
            force_recheck(path, status)
    return push_folder(
        job.bucket,
        folder,
        prefix=f"{job.prefix}{name}/",
        manifest_key=f"{job.prefix}{name}.json",
        strict=False,
        stable=stable,
        helpers=None if stable is None else 1,
    )
