"""The project's files as they go into the image: chosen by git and the ignore files, and one digest over them all."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aws_run.errors import SourceError
from aws_run.image.ignore import DockerIgnore, GitRules, never_goes_in
from aws_run.image.listing import list_files
from aws_run.image.results import MARKER

DOCKERIGNORE = ".dockerignore"
AWSRUNIGNORE = ".awsrunignore"
_READ_SIZE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """`path` is relative to the project, with forward slashes. `mode` is 0o755 or 0o644: only the executable bit
    means the same on every machine. `link` is the target of a symbolic link, relative and inside the project."""

    path: str
    size: int
    mode: int = 0o644
    link: str | None = None


@dataclass(frozen=True, kw_only=True)
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


def read_source(
    root: Path,
    *,
    exclude: Iterable[str] = (),
    exclude_paths: Iterable[Path] = (),
    dockerignore: str = DOCKERIGNORE,
) -> Source:
    """Choose and fingerprint the files of `root`.

    `exclude`: gitignore patterns from the config; `exclude_paths`: the run's own input and output folders and the like,
    left out where they lie inside the project. SourceError where the folder can't be sent as it is.
    """
    if not root.is_dir():
        raise SourceError(f"{root} is not a folder", hint="give the project's folder: aws-run submit PATH")
    root = root.resolve()
    folders = _inside(root, exclude_paths)
    rules = (
        DockerIgnore(_lines(root / dockerignore)),
        GitRules(_lines(root / AWSRUNIGNORE)),
        GitRules(list(exclude)),
    )

    results: set[str] = set()

    def skip_folder(path: str) -> bool:
        try:
            if path not in folders and (root / path / MARKER).is_file():
                results.add(path)
            return path in folders or path in results or (root / path / "pyvenv.cfg").is_file()
        except PermissionError:  # closed to us: left out if it is ignored by name, else the walk refuses it
            return any(rule.ignores(f"{path}/x") for rule in rules)

    listed = list_files(root, skip_folder)
    venvs = {path.rpartition("/")[0] for path in listed if path.endswith("/pyvenv.cfg")}
    marked = (path for path in listed if path.endswith(f"/{MARKER}") and (root / path).is_file())
    results |= {path.rpartition("/")[0] for path in marked} - folders
    out = folders | venvs | results
    files = []
    for path in sorted(listed):
        if _never(path, out) or any(rule.ignores(path) for rule in rules):
            continue
        file = _look(root, path)
        if file is not None:
            files.append(file)
    digest = digest_files(root, files)
    return Source(root=root, files=tuple(files), digest=digest, results=tuple(sorted(results)))


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
    # os.open instead of Path.open: 5,000 files in 80 ms instead of 130.
    try:
        descriptor = os.open(f"{root}/{file.path}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except PermissionError:
        raise SourceError(
            f"{file.path} can't be read: permission denied", hint="make it readable or exclude it in .awsrunignore"
        ) from None
    except FileNotFoundError:
        raise _changed(file) from None
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


def _look(root: Path, path: str) -> SourceFile | None:
    """The file as it is on disk; None where git knows it and the disk does not, or it is no file at all."""
    full = f"{root}/{path}"
    try:
        found = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(found.st_mode):
        return _link(root, path, full)
    if not stat.S_ISREG(found.st_mode):
        return None
    return SourceFile(path=path, size=found.st_size, mode=0o755 if found.st_mode & 0o100 else 0o644)


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
    found = set()
    for folder in folders:
        resolved = folder.resolve()
        if resolved != root and resolved.is_relative_to(root):
            found.add(resolved.relative_to(root).as_posix())
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path.name} can't be read: {error}", hint="it must be a UTF-8 text file") from None
