"""Remembers what this client wrote into `-o`, to tell its own files from those that somebody changed meanwhile."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from pathlib import Path

from aws_run.frozen import frozen
from aws_run_entrypoint.transfer import Entry, PathError, Root, folded

# "git~1" is what Windows may call it as well; others ignore case, trailing dots and blanks.
_GIT_NAMES = (".git", "git~1")
# A run may have a million outputs; so many of them are named one by one.
_MOST_NAMED = 500
# Some file systems keep times in steps of two seconds.
_TIME_STEP_NS = 2_000_000_000


def _is_git(part: str) -> bool:
    visible = "".join(character for character in part if unicodedata.category(character) != "Cf")
    return folded(visible).partition(":")[0].rstrip(". ") in _GIT_NAMES


@frozen
class OutputListing:
    """A run's outputs: how many, how large in all, and the first of them by path, each with its size in bytes."""

    files: int = 0
    bytes: int = 0
    first: tuple[tuple[str, int], ...] = ()


NO_OUTPUTS = OutputListing()


class OutputFolder:
    """One folder that one run's outputs come into, in one or several rounds.

    A local file is somebody else's when it was changed after this client wrote it or, where this client wrote none of
    that name, when it is newer than the run's. It is put aside as `NAME.before-RUN` and never lost; `overwrite` gives
    it up. A file that an earlier run left is older, and is replaced as any tool replaces its outputs.
    """

    def __init__(self, into: Path, run_id: str, *, overwrite: bool = False, remembers: bool = True) -> None:
        """`remembers` False, for a single round: nothing is kept in memory of what was written."""
        self.into = into
        self.run_id = run_id
        self._overwrite = overwrite
        self._remembers = remembers
        self._wrote: dict[str, tuple[int, int, int]] = {}  # path -> size, mtime_ns, the last round that listed it
        self._round = 0
        self._folders: set[str] = set()
        self._aside: dict[str, str] = {}  # path -> where somebody's file of that name is now
        self._first: list[tuple[str, int]] = []
        self._files = self._bytes = 0

    def begin_round(self) -> None:
        self._round += 1
        self._folders.clear()
        self._aside = {}
        self._first = []
        self._files = self._bytes = 0

    @property
    def aside(self) -> list[str]:
        """The names that somebody's files were given in this round."""
        return list(self._aside.values())

    @property
    def listing(self) -> OutputListing:
        """All outputs of this round, whether they were fetched or were here already."""
        return OutputListing(files=self._files, bytes=self._bytes, first=tuple(self._first))

    # Called by the engine

    def keep(self, entry: Entry, status: os.stat_result) -> bool:
        """Always False: a file that is not ours is moved to another name instead."""
        if stat.S_ISDIR(status.st_mode):  # the job has a file now where it had a folder
            for path in [path for path in self._wrote if path.startswith(f"{entry.path}/")]:
                self._remove(path)
        elif not self._overwrite and self._is_theirs(entry, status):
            self._aside[entry.path] = self._put_aside(entry.path)
        return False

    def listed(self, entry: Entry) -> None:
        """PathError for what a run may not put here: programs start by themselves out of a `.git` (hooks, fsmonitor)
        when somebody merely looks at the folder."""
        if any(_is_git(part) for part in entry.path.split("/")):
            raise PathError(entry.path, "is of a .git, whose settings and hooks would run programs here")
        if entry.is_dir:
            self._folders.add(entry.path[:-1])
        else:
            self._count(entry)
        if entry.path in self._wrote:
            size, mtime_ns, _ = self._wrote[entry.path]
            self._wrote[entry.path] = (size, mtime_ns, self._round)
        folder = entry.path.rpartition("/")[0]
        while folder and self._wrote:
            if folder in self._wrote:  # the job has a folder now where it had a file
                self._remove(folder)
            folder = folder.rpartition("/")[0]

    def _count(self, entry: Entry) -> None:
        self._files += 1
        self._bytes += entry.size
        if len(self._first) < _MOST_NAMED:
            self._first.append((entry.path, entry.size))

    def written(self, entry: Entry) -> None:
        if self._remembers:
            self._wrote[entry.path] = (entry.size, entry.mtime_ns, self._round)

    def _is_theirs(self, entry: Entry, status: os.stat_result) -> bool:
        if entry.path in self._wrote:
            return not self._is_as_written(entry.path, status)
        return status.st_mtime_ns > entry.mtime_ns

    def _is_as_written(self, path: str, status: os.stat_result) -> bool:
        size, mtime_ns, _ = self._wrote[path]
        same_time = abs(status.st_mtime_ns - mtime_ns) <= _TIME_STEP_NS
        return stat.S_ISREG(status.st_mode) and status.st_size == size and same_time

    def _put_aside(self, path: str) -> str:
        """The name that it has now. It keeps its old one as well until the run's file takes its place in one step."""
        target, number = self.into / path, 0
        while True:
            number += 1
            name = f"{path}.before-{self.run_id}{'' if number == 1 else f'-{number}'}"
            other = self.into / name
            try:
                if os.path.lexists(other):
                    if os.path.samestat(os.lstat(other), os.lstat(target)):
                        return name  # an earlier try got this far
                    continue
                try:
                    os.link(target, other, follow_symlinks=False)
                except FileExistsError:
                    continue  # made since we looked: a rename would replace it
                except (OSError, NotImplementedError):  # not every file system knows two names
                    target.rename(other)
            except OSError as error:
                raise PathError(
                    path, f"is newer here than the run's, and can't be put aside ({error.strerror})"
                ) from error
            return name

    def put_back(self, path: str) -> None:
        """The run's file could not be written: the user's gets its name back."""
        if path not in self._aside:
            return
        target, other = self.into / path, self.into / self._aside[path]
        with contextlib.suppress(OSError):  # then it stays there, and is told
            if not os.path.lexists(target):
                other.rename(target)
            elif os.path.samestat(os.lstat(other), os.lstat(target)):
                other.unlink()
            else:
                return
            del self._aside[path]

    # What the job deleted

    def remove_gone(self) -> int:
        """Files that this client wrote and the manifest of this round no longer has go here too, with the folders that
        they leave empty; changed ones stay. The number of files removed."""
        gone = [path for path, (_, _, listed) in self._wrote.items() if listed != self._round]
        return sum(self._remove(path) for path in gone)

    def _remove(self, path: str) -> bool:
        removed = False
        try:
            # Resolved again: a parent may have become a link since, and what lies behind it is not ours.
            target = Path(Root(str(self.into), folds=False).target(path))
            if self._is_as_written(path, target.lstat()):
                target.unlink()
                removed = True
        except (PathError, OSError):
            pass  # gone already, or no longer where it was written
        del self._wrote[path]
        self._prune(path)
        return removed

    def _prune(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder and folder not in self._folders:
            try:
                (self.into / folder).rmdir()
            except OSError:
                return  # something is in it
            folder = folder.rpartition("/")[0]
