"""Which commit a project is at, and whether its files differ from it: what a run's record says of its sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.git_version import branch_name, head_of
from aws_run.image.sources.git_view import find_repository, run_git
from aws_run.image.sources.results import MARKER
from aws_run.project.files import UnreadableFileError
from aws_run.report_file import is_report

_STATUS = ("status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=all", "--", ".")


@frozen
class GitState:
    """`commit`: 40 or 64 hex digits. `dirty`: something in the folder is not as it was committed, or was never; None
    where git can't tell."""

    commit: str
    dirty: bool | None


def git_state(folder: Path) -> GitState | None:
    """None where there is no repository, no commit or no git."""
    try:
        repository = find_repository(folder)
        head = head_of(repository) if repository is not None else None
        if repository is None or head is None:
            return None
    except (SourceError, UnreadableFileError, OSError):
        return None
    try:
        status, out, _ = run_git(repository, folder, _STATUS, head=head)
    except (SourceError, OSError):
        return GitState(commit=head, dirty=None)
    return GitState(commit=head, dirty=_is_dirty(repository.top, out) if status == 0 else None)


def _is_dirty(top: Path, status: bytes) -> bool:
    """What an earlier run left is no change of the project: its results' folder, and its report."""
    for entry in filter(None, status.split(b"\0")):
        path = top / os.fsdecode(entry[3:])
        if not (entry.startswith(b"?? ") and (is_report(path) or (path / MARKER).is_file())):
            return True
    return False


def branch_of(folder: Path, environ: Mapping[str, str]) -> str:
    """The branch whose code is in `folder`: on GitHub's runner, where no branch is checked out, what its environment
    says (of a pull request the one that it comes from), else git's. "": there is none, or nobody knows."""
    if environ.get("GITHUB_ACTIONS") == "true":
        named = environ.get("GITHUB_HEAD_REF", "")
        if environ.get("GITHUB_EVENT_NAME") in ("push", "schedule", "workflow_dispatch"):
            named = environ.get("GITHUB_REF_NAME", "") if environ.get("GITHUB_REF_TYPE") == "branch" else ""
        if named:
            return named
    try:
        repository = find_repository(folder)
        return branch_name(repository) if repository is not None else ""
    except (SourceError, UnreadableFileError, OSError):
        return ""
