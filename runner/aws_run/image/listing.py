"""The files of a project folder before any ignore file of ours: what git would commit, or a plain walk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.image.ignore import never_goes_in

# GitPython looks for the git program when imported and warns or raises where there is none.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def list_files(root: Path, skip_folder: Callable[[str], bool]) -> list[str]:
    """Paths relative to `root` with forward slashes, unsorted; links are listed, never followed.

    `skip_folder` is asked with the path of each folder that is walked.
    """
    if _inside_repository(root):
        listed = _git_files(root)
        # A folder that the repository around it ignores (a scratch folder, say) is a project in its own right.
        if listed or not _ignored_by_git(root):
            return list(_without_nested(root, listed, skip_folder))
    return list(_walk(root, "", skip_folder))


def _inside_repository(root: Path) -> bool:
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def _git_files(root: Path) -> list[str]:
    """Tracked files and untracked ones that are not ignored, as the work tree has them now."""
    import git

    try:
        text = git.cmd.Git(root).ls_files("-z", "--cached", "--others", "--exclude-standard", "--", ".")
    except git.exc.GitCommandNotFound:
        raise SourceError(
            f"{root} is in a git repository, but there is no git program to say which files belong to it",
            hint="install git; without it files that git ignores would be sent as well",
        ) from None
    except git.exc.GitCommandError as error:
        reason = str(error.stderr).strip().removeprefix("stderr:").strip().strip("'").splitlines()
        raise SourceError(
            f"git can't list the files of {root}: {reason[0] if reason else 'no reason given'}",
            hint="run `git status` there to see what is wrong",
        ) from None
    # The same path twice means an unfinished merge.
    return list(dict.fromkeys(path for path in text.split("\0") if path))


def _ignored_by_git(root: Path) -> bool:
    import git

    try:
        git.cmd.Git(root).check_ignore("-q", ".")
    except git.exc.GitCommandError:
        return False
    return True


def _without_nested(root: Path, listed: list[str], skip_folder: Callable[[str], bool]) -> Iterator[str]:
    """Git names a submodule or a repository inside this one as one folder: list that one by its own rules."""
    for path in listed:
        if path.endswith("/") or _is_folder(f"{root}/{path}"):
            yield from _nested(root, path.rstrip("/"), skip_folder)
        else:
            yield path


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:  # git knows it, the disk does not
        return False


def _nested(root: Path, folder: str, skip_folder: Callable[[str], bool]) -> Iterator[str]:
    if skip_folder(folder) or any(never_goes_in(part) for part in folder.split("/")):
        return
    for inner in list_files(root / folder, lambda path: skip_folder(f"{folder}/{path}")):
        yield f"{folder}/{inner}"


def _walk(root: Path, prefix: str, skip_folder: Callable[[str], bool]) -> Iterator[str]:
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
