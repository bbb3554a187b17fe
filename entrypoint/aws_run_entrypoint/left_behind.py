"""What the job wrote into its working directory instead of its output folder, before it goes with the container."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

_MOST_NAMED, _MOST_NAME_CHARS = 3, 200
_MOST_ENTRIES = 20_000
_WITHIN_S = 2.0
# A program's own traces, by which nobody would know a result.
_TRACES = ("__pycache__", "node_modules", "lost+found")


@dataclass(frozen=True)
class LeftBehind:
    """Regular files that the job made or changed in `folder`. `named`: the first few, those nearest to the folder
    first, each with its size in bytes. `whole` False: the folder holds more than could be looked at."""

    folder: str
    files: int = 0
    bytes: int = 0
    named: Tuple[Tuple[str, int], ...] = ()
    whole: bool = True

    def document(self) -> Dict[str, Any]:
        return {
            "folder": _as_text(self.folder),
            "files": self.files,
            "bytes": self.bytes,
            "named": [{"name": _as_text(name), "bytes": size} for name, size in self.named],
            "whole": self.whole,
        }


def find_left_behind(folder: str, since: float, saved: Sequence[str]) -> LeftBehind:
    """The files below `folder` that have changed since `since` (epoch seconds), by the inode's own time, which no
    program can set. `saved`: folders that are no part of it, because they are saved or are the job's input. Hidden
    files, links and other file systems are left out. Never raises OSError. It ends after so many entries, or after
    two seconds."""
    until = time.monotonic() + _WITHIN_S
    passed_over = {os.path.realpath(path) for path in saved}
    files: List[Tuple[int, str, int]] = []
    total = entries = 0
    waiting = [""]
    try:
        device = os.stat(folder).st_dev
    except OSError:
        return LeftBehind(folder)
    while waiting:
        relative = waiting.pop()
        try:
            with os.scandir(os.path.join(folder, relative)) as listing:
                for entry in listing:
                    entries += 1
                    if entries > _MOST_ENTRIES or time.monotonic() > until:
                        return _summary(folder, files, total, whole=False)
                    if entry.name.startswith(".") or entry.name in _TRACES or entry.name.endswith(".pyc"):
                        continue
                    path = f"{relative}/{entry.name}" if relative else entry.name
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
                        if os.path.realpath(entry.path) not in passed_over:
                            waiting.append(path)
                    elif stat.S_ISREG(status.st_mode) and status.st_dev == device and status.st_ctime >= since:
                        files.append((path.count("/"), path, status.st_size))
                        total += status.st_size
        except OSError:
            continue  # it went meanwhile, or may not be read
    return _summary(folder, files, total, whole=True)


def _summary(folder: str, files: List[Tuple[int, str, int]], total: int, *, whole: bool) -> LeftBehind:
    named = tuple((path, size) for _, path, size in sorted(files)[:_MOST_NAMED])
    return LeftBehind(folder, len(files), total, named, whole)


def _as_text(path: str) -> str:
    """JSON is UTF-8, and a name on Linux need not be."""
    return os.fsencode(path).decode("utf-8", "replace")[:_MOST_NAME_CHARS]
