"""What AWS was asked once and says for hours: the catalogue and the price list, kept on this machine with its age.

A cache is never needed: what can't be read or written counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from aws_run.clock import Clock, iso, parse_iso
from aws_run.frozen import frozen

_MOST_BYTES = 4 * 1024 * 1024
_KEPT_FOR = timedelta(days=30)  # files that nobody has written for so long are removed
_VERSION = 1


@frozen
class Cached:
    """`document`: JSON values. `written_at`: when it was read from AWS."""

    document: Any
    written_at: datetime


class Cache(Protocol):
    def read(self, key: str, *, most_age_s: float) -> Cached | None:
        """None where there is nothing, or only what is older."""
        ...

    def write(self, key: str, document: Any) -> None: ...


class NoCache:
    """Keeps nothing."""

    def read(self, key: str, *, most_age_s: float) -> Cached | None:
        return None

    def write(self, key: str, document: Any) -> None: ...


@dataclass(kw_only=True)
class MemoryCache:
    """For one process: an embedded AWS that ends with the command, and tests."""

    clock: Clock
    entries: dict[str, Cached] = field(default_factory=dict)

    def read(self, key: str, *, most_age_s: float) -> Cached | None:
        entry = self.entries.get(key)
        return entry if entry is not None and _young(entry.written_at, self.clock, most_age_s) else None

    def write(self, key: str, document: Any) -> None:
        self.entries[key] = Cached(document=document, written_at=self.clock.now())


class DiskCache:
    """One JSON file an entry, below a folder that only this user reads. Two commands may write one file at once: each
    writes a file of its own and renames it. `folder` is called when it is needed: it may depend on the AWS. It is not
    kept in a cached property, whose lock all caches of a process share up to Python 3.11."""

    def __init__(self, folder: Callable[[], Path], clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def read(self, key: str, *, most_age_s: float) -> Cached | None:
        try:
            with self._path(key).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
            if len(text) > _MOST_BYTES:
                return None
            entry = json.loads(text)
            if entry["version"] != _VERSION or entry["key"] != key:
                return None
            written_at = parse_iso(entry["written_at"])
            document = entry["document"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return Cached(document=document, written_at=written_at) if _young(written_at, self._clock, most_age_s) else None

    def write(self, key: str, document: Any) -> None:
        entry = {"version": _VERSION, "key": key, "written_at": iso(self._clock.now()), "document": document}
        folder = self._folder()
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(entry, file, separators=(",", ":"))
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._remove_old()

    def _path(self, key: str) -> Path:
        return self._folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _remove_old(self) -> None:
        oldest = self._clock.now() - _KEPT_FOR
        for path in self._folder().iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest.timestamp():
                    path.unlink()


def _young(written_at: datetime, clock: Clock, most_age_s: float) -> bool:
    """An entry from the future was written by a clock that was wrong."""
    age_s = (clock.now() - written_at).total_seconds()
    return -60 <= age_s <= most_age_s
