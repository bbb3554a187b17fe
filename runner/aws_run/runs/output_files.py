"""A run's saved files, and in which of them two runs differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aws_run.frozen import frozen


@frozen
class OutputFile:
    """`etag`: S3's; of an encrypted object it is no sum of the contents. `crc32`: None where it is not known. `shape`:
    rows and columns of a table; None for anything else. `url`: the page that shows it."""

    bytes: int
    etag: str = ""
    crc32: int | None = None
    shape: tuple[int, int] | None = None
    url: str = ""

    def is_like(self, other: OutputFile) -> bool:
        if self.bytes != other.bytes:
            return False
        if self.crc32 is not None and other.crc32 is not None:
            return self.crc32 == other.crc32
        return self.etag == other.etag


@frozen
class FileChange:
    path: str
    what: Literal["added", "removed", "changed"]
    before: OutputFile | None
    after: OutputFile | None


def file_changes(before: Mapping[str, OutputFile], after: Mapping[str, OutputFile]) -> tuple[FileChange, ...]:
    """By path, in the order of their paths."""
    changes = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            changes.append(FileChange(path=path, what="added" if old is None else "removed", before=old, after=new))
        elif not old.is_like(new):
            changes.append(FileChange(path=path, what="changed", before=old, after=new))
    return tuple(changes)
