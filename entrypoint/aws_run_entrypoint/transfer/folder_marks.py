"""Tells a folder that was put in the place of another from one that only got or lost a file.

Both move the folder's times, and neither those of the files in it. So the scan behind a manifest leaves a short mark of
each folder that it met, of as many as there is room for beside the manifest.
"""

from __future__ import annotations

import zlib
from typing import List, Optional, Set

_DIGITS = 6
_MOST = 150  # S3 keeps 2 KB of metadata


class FolderMarks:
    """`before`: the marks of the scan before; None: there was none that left any."""

    def __init__(self, before: Optional[str]) -> None:
        self._before: Optional[Set[str]] = None
        if before is not None and len(before) < _MOST * _DIGITS:
            self._before = {before[at : at + _DIGITS] for at in range(0, len(before), _DIGITS)}
        self._now: List[str] = []

    def is_other(self, path: str, inode: int) -> bool:
        """Whether the folder at `path` is another one than at the scan before, or a new one. False where nobody can
        tell."""
        mark = _mark(path, inode)
        if len(self._now) < _MOST:
            self._now.append(mark)
        return self._before is not None and bool(inode) and mark not in self._before

    @property
    def text(self) -> str:
        return "".join(self._now)


def _mark(path: str, inode: int) -> str:
    seen = zlib.crc32(path.encode("utf-8", "surrogatepass"), inode & 0xFFFFFFFF)
    return f"{seen & 0xFFFFFF:0{_DIGITS}x}"
