"""What git would commit from a folder, asked without any configuration of that folder.

A repository's `.git/config` may name programs (`core.fsmonitor`, hooks, filters, a pager, aliases, `include.path`) and
another work tree, and git obeys. So git is never shown it: a repository of our own, empty and with a configuration of
our own, is put around the folder's index, its objects and its ignore files. The user's own configuration
(`core.excludesFile`) holds as everywhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.project.files import MIB, UnreadableFileError, is_regular, read_file, read_text

_POINTER_MAX_BYTES = 4096
_INDEX_MAX_BYTES = 1024 * MIB
_HEAD = re.compile(r"ref: refs/\S+|[0-9a-f]{40}|[0-9a-f]{64}")
# Facts about the folder's disk, never a name of anything; `git init` sets them on macOS and Windows.
_TAKEN_OVER = ("ignorecase", "precomposeunicode")
_PATIENCE_S = 2.0  # then the ignore files are looked at: a pipe among them would hold git for ever
_GIVE_UP_S = 600.0
_MOST_STARS = 32  # git's matcher tries each way to match several of them


@frozen
class Repository:
    """`top`: where the work tree begins. `own`: the folder with the index; `common`: with the objects. They differ in
    a second work tree."""

    top: Path
    own: Path
    common: Path


def find_repository(folder: Path) -> Repository | None:
    """The repository that `folder` is in. SourceError where there is none that can be read, but something like one."""
    broken: Path | None = None
    for top in (folder, *folder.parents):
        marker = top / ".git"
        if not os.path.lexists(marker):
            continue
        repository = _opened(top, marker)
        if repository is not None:
            return repository
        broken = broken or marker
    if broken is not None:
        raise SourceError(
            f"git can't list the files of {folder}: {broken} is not a repository",
            hint="run `git status` there to see what is wrong",
        )
    return None


def list_committable(repository: Repository, folder: Path) -> list[str]:
    """Tracked files and untracked ones that are not ignored, as the work tree has them now; relative to `folder`."""
    arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    status, out, error = run_git(repository, folder, arguments)
    if status != 0:
        raise SourceError(
            f"git can't list the files of {folder}: {_first_line(error)}",
            hint="run `git status` there to see what is wrong",
        )
    # The same path twice means an unfinished merge.
    return list(dict.fromkeys(path for path in os.fsdecode(out).split("\0") if path))


def is_ignored(repository: Repository, folder: Path) -> bool:
    status, _, _ = run_git(repository, folder, ["check-ignore", "-q", "."])
    return status == 0


def _opened(top: Path, marker: Path) -> Repository | None:
    try:
        own = marker
        if not marker.is_dir():
            word, _, target = read_text(marker, max_bytes=_POINTER_MAX_BYTES).strip().partition(": ")
            if word != "gitdir":
                return None
            own = top / target
        common = own
        if os.path.lexists(own / "commondir"):
            common = own / read_text(own / "commondir", max_bytes=_POINTER_MAX_BYTES).strip()
        head = read_text(own / "HEAD", max_bytes=_POINTER_MAX_BYTES).strip()
    except (UnreadableFileError, OSError, ValueError):
        return None
    if _HEAD.fullmatch(head) is None or not (common / "objects").is_dir() or not (common / "refs").is_dir():
        return None
    return Repository(top=top, own=own, common=common)


@contextmanager
def _stand_in(repository: Repository, head: str, tags: str) -> Iterator[dict[str, str]]:
    """An empty repository around the folder's files; yields the environment that makes git use it. `head` and `tags`:
    the content of HEAD and packed-refs, where git is to know the history."""
    with tempfile.TemporaryDirectory(prefix="aws-run-git-") as name:
        made = Path(name)
        for folder in ("objects", "refs", "info"):
            (made / folder).mkdir()
        (made / "HEAD").write_text(f"{head or 'ref: refs/heads/main'}\n", encoding="utf-8")
        (made / "packed-refs").write_text(tags, encoding="utf-8")
        (made / "config").write_text(_config(repository), encoding="utf-8")
        (made / "info" / "exclude").write_bytes(_own_file(repository.common / "info" / "exclude"))
        for shared in repository.own.glob("sharedindex.*"):
            _refuse_other_than_a_file(shared)
            (made / shared.name).symlink_to(shared.resolve())
        index = repository.own / "index"
        _refuse_other_than_a_file(index)
        yield {
            "GIT_DIR": str(made),
            "GIT_COMMON_DIR": str(made),
            "GIT_WORK_TREE": str(repository.top),
            "GIT_INDEX_FILE": str(index.absolute()),
            # A sparse index names folders, and only their objects say what is in them.
            "GIT_OBJECT_DIRECTORY": str((repository.common / "objects").absolute()),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
        }


def _config(repository: Repository) -> str:
    text = _own_file(repository.common / "config").decode(errors="replace").lower()
    sha256 = re.search(r"^\s*objectformat\s*=\s*sha256\s*$", text, re.MULTILINE) is not None
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false"]
    for key in _TAKEN_OVER:
        if re.search(rf"^\s*{key}\s*=\s*true\s*$", text, re.MULTILINE):
            lines.append(f"\t{key} = true")
    if sha256:
        lines += ["[extensions]", "\tobjectformat = sha256"]
    return "\n".join([*lines, ""])


def _own_file(path: Path) -> bytes:
    try:
        return read_file(path)
    except UnreadableFileError as error:
        if error.absent:
            return b""
        raise SourceError(f"{path} {error.reason}", hint="run `git status` there to see what is wrong") from None


def _refuse_other_than_a_file(path: Path) -> None:
    if os.path.lexists(path) and not (is_regular(path) and path.stat().st_size <= _INDEX_MAX_BYTES):
        raise SourceError(
            f"{path} is not a regular file of a usual size", hint="run `git status` there to see what is wrong"
        )


def run_git(
    repository: Repository, folder: Path, arguments: Sequence[str], *, head: str = "", tags: str = ""
) -> tuple[int, bytes, bytes]:
    """Exit status, stdout and stderr of a git command that only reads. SourceError where there is no git."""
    # Stronger than the user's own configuration, too, where it would start a program beside us.
    settings = ["-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.untrackedCache=false"]
    with _stand_in(repository, head, tags) as stand_in:
        environment = {**os.environ, "LANGUAGE": "C", "LC_ALL": "C", **stand_in}
        try:
            process = subprocess.Popen(
                ["git", "--no-pager", *settings, *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise SourceError(
                f"{folder} is in a git repository, but there is no git program to say which files belong to it",
                hint="install git; without it files that git ignores would be sent as well",
            ) from None
        try:
            out, error = _finished(process, repository, folder)
        except BaseException:  # an interrupt: git would go on in a repository that is no longer there
            process.kill()
            process.communicate()
            raise
        return process.returncode, out, error


def _finished(process: subprocess.Popen[bytes], repository: Repository, folder: Path) -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        problem = _problem_with_ignore_files(repository, folder)
    if problem is None:
        try:
            return process.communicate(timeout=_GIVE_UP_S)
        except subprocess.TimeoutExpired:
            problem = f"git has not listed the files of {folder} within {_GIVE_UP_S / 60:.0f} minutes"
    raise SourceError(problem, hint="run `git status` there to see what is wrong")


def _problem_with_ignore_files(repository: Repository, folder: Path) -> str | None:
    """A sentence about the first `.gitignore` that git can't get through; None where all are as they should be."""
    above = [parent / ".gitignore" for parent in folder.parents if parent.is_relative_to(repository.top)]
    below = (Path(parent) / ".gitignore" for parent, _, names in os.walk(folder) if ".gitignore" in names)
    for path in (*above, *below):
        if not os.path.lexists(path):
            continue
        try:
            lines = read_text(path).splitlines()
        except UnreadableFileError as error:
            if not error.absent:
                return f"{path} {error.reason}"
            continue
        for number, line in enumerate(lines, start=1):
            if line.count("*") > _MOST_STARS:
                return f"{path}:{number}: more than {_MOST_STARS} stars in one pattern"
    return None


def _first_line(error: bytes) -> str:
    lines = error.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "no reason given"
