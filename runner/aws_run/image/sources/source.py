"""The project's files as they go into the image: chosen by git and the ignore files, and one digest over them all."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.sources.ignore import DockerIgnore, GitRules, PatternError, never_goes_in
from aws_run.image.sources.listing import MAX_DEPTH, list_files, too_deep
from aws_run.image.sources.results import MARKER
from aws_run.project.files import (
    TEXT_MAX_BYTES,
    UnreadableFileError,
    is_regular,
    open_listed_file,
    read_file,
    read_text,
)
from aws_run.report_file import is_report

R = TypeVar("R")
# How many files were seen so far, and their bytes (0: not looked at yet).
OnSeen = Callable[[int, int], None]
DOCKERIGNORE = ".dockerignore"
AWSRUNIGNORE = ".awsrunignore"
_READ_SIZE = 1 << 20
_FILE_HINT = "it must be a regular file inside the project, of a usual size"


@frozen
class SourceFile:
    """`path` is relative to the project, with forward slashes. `mode` is 0o755 or 0o644: only the executable bit
    means the same on every machine. `link` is the target of a symbolic link, relative and inside the project."""

    path: str
    size: int
    mode: int = 0o644
    link: str | None = None


@frozen
class Source:
    """`files` sorted by path; `digest` is 64 hex digits over paths, executable bits, link targets and contents.
    `results`: folders of earlier runs' results, which were left out."""

    root: Path
    files: tuple[SourceFile, ...]
    digest: str
    results: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(file.path for file in self.files)

    def has(self, path: str) -> bool:
        """Whether the folder has this file, ignored or not. SourceError for a pipe or a device in its place."""
        full = self.root / path
        if is_regular(full):
            return True
        if full.exists() and not full.is_dir():
            raise SourceError(f"{path} is not a regular file", hint="put a file there, or remove it")
        return False

    def read(self, path: str, *, max_bytes: int = TEXT_MAX_BYTES) -> bytes:
        """A file of the folder, ignored or not. SourceError where it is too large, no file, or a link that leaves."""
        try:
            return read_file(self.root / path, max_bytes=max_bytes, within=self.root)
        except UnreadableFileError as error:
            raise SourceError(f"{path} {error.reason}", hint=_FILE_HINT) from None

    def read_text(self, path: str) -> str:
        """The same as text; SourceError where it is not UTF-8."""
        try:
            return read_text(self.root / path, within=self.root)
        except UnreadableFileError as error:
            raise SourceError(f"{path} {error.reason}", hint=_FILE_HINT) from None


def read_source(
    root: Path,
    *,
    exclude: Iterable[str] = (),
    exclude_paths: Iterable[Path] = (),
    dockerignore: str = DOCKERIGNORE,
    context: str = "",
    on_seen: OnSeen = lambda files, size_bytes: None,
    accept: Callable[[Sequence[SourceFile]], None] = lambda files: None,
) -> Source:
    """Choose and fingerprint the files of `root`, or those of its folder `context`, whose .dockerignore then counts.

    `exclude`: gitignore patterns from the config; `exclude_paths`: the run's own input and output folders and the like,
    left out where they lie inside the project. `on_seen`: called with the counts so far. `accept`: called with the
    files that were chosen, before any of them is read; it may raise. SourceError where the folder can't be sent
    as it is.
    """
    if not root.is_dir():
        raise SourceError(f"{root} is not a folder", hint="give the project's folder: aws-run submit PATH")
    root = root.resolve()
    folders = _inside(root, exclude_paths)
    below = f"{context}/" if context else ""
    rules = (
        _Below(_rules(DockerIgnore, _lines(root, dockerignore), dockerignore), below),
        _rules(GitRules, _lines(root, AWSRUNIGNORE), AWSRUNIGNORE),
        _rules(GitRules, list(exclude), "exclude"),
    )

    results: set[str] = set()

    def skip_folder(path: str) -> bool:
        try:
            if path not in folders and (root / path / MARKER).is_file():
                results.add(path)
            return path in folders or path in results or (root / path / "pyvenv.cfg").is_file()
        except PermissionError:  # closed to us: left out if it is ignored by name, else the walk refuses it
            return any(rule.ignores(f"{path}/x") for rule in rules)

    listed = list_files(root, skip_folder, on_listed=lambda count: on_seen(count, 0))
    venvs = {path.rpartition("/")[0] for path in listed if path.endswith("/pyvenv.cfg")}
    marked = (path for path in listed if path.endswith(f"/{MARKER}") and (root / path).is_file())
    results |= {path.rpartition("/")[0] for path in marked} - folders
    out = folders | venvs | results
    files: list[SourceFile] = []
    chosen_bytes = 0
    plain: set[str] = set()
    for path in sorted(listed):
        if _never(path, out) or not path.startswith(below) or is_report(root / path):
            continue
        if path.count("/") > MAX_DEPTH:
            raise too_deep(path)
        if any(rule.ignores(path) for rule in rules):
            continue
        file = _look(root, path) if _is_below_folders(root, path, plain) else None
        if file is not None:
            files.append(file)
            chosen_bytes += file.size
            on_seen(len(files), chosen_bytes)
    accept(files)
    digest = digest_files(root, files)
    return Source(root=root, files=tuple(files), digest=digest, results=tuple(sorted(results)))


class _Rules(Protocol):
    def ignores(self, path: str) -> bool: ...


@dataclass(frozen=True)
class _Below:
    """Rules whose paths are relative to the folder `prefix` of the project."""

    rules: _Rules
    prefix: str

    def ignores(self, path: str) -> bool:
        return path.startswith(self.prefix) and self.rules.ignores(path[len(self.prefix) :])


def digest_files(root: Path, files: Iterable[SourceFile]) -> str:
    """SHA-256 over framed (path, kind, length, content) records, so that no two sets of files look alike."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(frame(file))
        for chunk in read_chunks(root, file):
            digest.update(chunk)
    return digest.hexdigest()


def frame(file: SourceFile) -> bytes:
    kind = "l" if file.link is not None else "x" if file.mode & 0o100 else "f"
    return f"{kind}{file.size}\0{file.path}\0".encode(errors="surrogateescape")


def read_chunks(root: Path, file: SourceFile) -> Iterator[bytes]:
    """The file's content, exactly `file.size` bytes; a link's content is its target. SourceError if it changed."""
    if file.link is not None:
        yield file.link.encode(errors="surrogateescape")
        return
    try:
        descriptor = open_listed_file(f"{root}/{file.path}")
    except UnreadableFileError as error:
        if not error.denied:
            raise _changed(file) from None
        raise SourceError(
            f"{file.path} {error.reason}", hint="make it readable or exclude it in .awsrunignore"
        ) from None
    try:
        left = file.size
        while left:
            chunk = os.read(descriptor, min(left, _READ_SIZE))
            if not chunk:
                raise _changed(file)
            left -= len(chunk)
            yield chunk
        if os.fstat(descriptor).st_size != file.size:
            raise _changed(file)
    finally:
        os.close(descriptor)


def _changed(file: SourceFile) -> SourceError:
    return SourceError(
        f"{file.path} changed while it was read",
        hint="run the command again; exclude files that something keeps writing to in .awsrunignore",
    )


def _is_below_folders(root: Path, path: str, plain: set[str]) -> bool:
    """False where a folder above the path is a link: git's index may name files behind it, anywhere on the machine.
    `plain`: the folders that are known to be none."""
    parts = path.split("/")
    for folder in ("/".join(parts[:count]) for count in range(1, len(parts))):
        if folder in plain:
            continue
        if (root / folder).is_symlink():
            return False
        plain.add(folder)
    return True


def _look(root: Path, path: str) -> SourceFile | None:
    """The file as it is on disk; None where git knows it and the disk does not, or it is no file at all."""
    full = f"{root}/{path}"
    try:
        status = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return _link(root, path, full)
    if not stat.S_ISREG(status.st_mode):
        return None
    return SourceFile(path=path, size=status.st_size, mode=0o755 if status.st_mode & 0o100 else 0o644)


def _link(root: Path, path: str, full: str) -> SourceFile:
    target = Path(full).readlink().as_posix()
    # The text must stay inside as well as what it resolves to: `../project/x` would dangle in the container.
    written = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    leaves = target.startswith("/") or Path(target).is_absolute() or written == ".." or written.startswith("../")
    real = os.path.realpath(full)
    if leaves or not (real == str(root) or real.startswith(f"{root}{os.sep}")):
        raise SourceError(
            f"{path} is a symbolic link to {target}, outside of the project",
            hint="copy the file into the project, or list the link in .awsrunignore",
        )
    return SourceFile(path=path, size=len(target.encode(errors="surrogateescape")), link=target)


def _never(path: str, folders: set[str]) -> bool:
    parts = path.split("/")
    if any(never_goes_in(part) for part in parts):
        return True
    return bool(folders) and any("/".join(parts[:count]) in folders for count in range(1, len(parts) + 1))


def _inside(root: Path, folders: Iterable[Path]) -> set[str]:
    """Those of `folders` that lie inside `root`, relative to it. The root itself or a folder around it is not one."""
    inside = set()
    for folder in folders:
        # A link inside the project that leads elsewhere is the folder, too: `data` on the big disk.
        for place in (folder.resolve(), folder.parent.resolve() / folder.name):
            if place != root and place.is_relative_to(root):
                inside.add(place.relative_to(root).as_posix())
    return inside


def _rules(kind: Callable[[list[str]], R], lines: list[str], shown: str) -> R:
    try:
        return kind(lines)
    except PatternError as error:
        raise SourceError(f"{shown}:{error.line}: {error}", hint="correct or remove that line") from None


def _lines(root: Path, name: str) -> list[str]:
    try:
        return read_text(root / name, within=root).splitlines()
    except UnreadableFileError as error:
        if error.absent:
            return []
        raise SourceError(f"{name} {error.reason}", hint="it must be a UTF-8 text file") from None
