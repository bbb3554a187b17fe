"""The files of a project folder before any ignore file of ours: what git would commit, or a plain walk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.image.sources.git_view import find_repository, is_ignored, list_committable
from aws_run.image.sources.ignore import never_goes_in

MAX_DEPTH = 128  # of folders; whoever nests deeper wants to see us fail
_MAX_REPOSITORIES = 8  # one inside the other


def list_files(
    root: Path,
    skip_folder: Callable[[str], bool],
    *,
    repositories: int = 0,
    on_listed: Callable[[int], None] = lambda count: None,
) -> list[str]:
    """Paths relative to `root` with forward slashes, unsorted; links are listed, never followed.

    `skip_folder` is asked with the path of each folder that is walked. `repositories`: how many are around this one.
    `on_listed`: called with the number of files so far, where they are walked.
    """
    repository = find_repository(root)
    if repository is not None:
        if repositories > _MAX_REPOSITORIES:
            raise SourceError(
                f"{root}: more than {_MAX_REPOSITORIES} git repositories lie in one another",
                hint="exclude the inner ones in .dockerignore or run from a copy without them",
            )
        listed = list_committable(repository, root)
        # A folder that the repository around it ignores (a scratch folder, say) is a project in its own right.
        if listed or not is_ignored(repository, root):
            return list(_without_nested(root, listed, skip_folder, repositories))
    walked: list[str] = []
    for path in _walk(root, "", skip_folder):
        walked.append(path)
        on_listed(len(walked))
    return walked


def _without_nested(
    root: Path, listed: list[str], skip_folder: Callable[[str], bool], repositories: int
) -> Iterator[str]:
    """Git names a submodule or a repository inside this one as one folder: list that one by its own rules."""
    for path in listed:
        if path.endswith("/") or _is_folder(f"{root}/{path}"):
            yield from _nested(root, path.rstrip("/"), skip_folder, repositories)
        else:
            yield path


def too_deep(path: str) -> SourceError:
    return SourceError(
        f"{path[:60]}… lies more than {MAX_DEPTH} folders deep",
        hint="move it up, or run from a copy of the project without it",
    )


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:  # git knows it, the disk does not
        return False


def _nested(root: Path, folder: str, skip_folder: Callable[[str], bool], repositories: int) -> Iterator[str]:
    if skip_folder(folder) or any(never_goes_in(part) for part in folder.split("/")):
        return
    inside = list_files(root / folder, lambda path: skip_folder(f"{folder}/{path}"), repositories=repositories + 1)
    for inner in inside:
        yield f"{folder}/{inner}"


def _walk(root: Path, prefix: str, skip_folder: Callable[[str], bool]) -> Iterator[str]:
    if prefix.count("/") > MAX_DEPTH:
        raise too_deep(prefix)
    try:
        entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name)
    except PermissionError:
        raise SourceError(
            f"{root / prefix} can't be read: permission denied",
            hint="make it readable or exclude it in .awsrunignore",
        ) from None
    for entry in entries:
        if never_goes_in(entry.name):
            continue
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if not skip_folder(path):
                yield from _walk(root, f"{path}/", skip_folder)
        else:
            yield path
