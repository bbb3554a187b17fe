"""The project's files as they go into the image: chosen by git and the ignore files, and one digest over them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    """`files` sorted by path; `digest` is 64 hex digits over paths, executable bits, link targets and contents."""

    root: Path
    files: tuple[SourceFile, ...]
    digest: str

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def __contains__(self, path: object) -> bool:
        return any(file.path == path for file in self.files)
