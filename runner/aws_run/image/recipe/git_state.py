"""Which commit a project is at, and whether its files differ from it: what a run's record says of its sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.image.recipe.git_version import branch_name, head_of
from aws_run.image.sources.git_view import find_repository, run_git
from aws_run.project.files import UnreadableFileError

_STATUS = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all", "--", ".")


@dataclass(frozen=True, kw_only=True)
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
    return GitState(commit=head, dirty=bool(out.strip()) if status == 0 else None)


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
