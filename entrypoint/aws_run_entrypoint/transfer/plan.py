"""Compares a folder with a manifest, and cuts files into pieces. Touches neither disk nor network."""

from __future__ import annotations

import sys
from typing import Iterable, Iterator, List, Optional, Tuple, Union

from .manifest import decode_entry, start_of
from .scan import sort_key
from .values import KIB, MIB, Entry, ScannedFile

# Up to here a file is one request and lives in memory; up to PIECES_FROM one request that streams from the file.
IN_MEMORY = 256 * KIB
PIECES_FROM = 16 * MIB
PIECE = 8 * MIB
MAX_PIECES = 9_000  # S3 allows 10,000 parts

Pair = Tuple[Optional[ScannedFile], Union[Entry, bytes, None]]


def compare(files: Iterable[ScannedFile], lines: Iterable[bytes], *, since_ns: int = sys.maxsize) -> Iterator[Pair]:
    """A folder and a manifest's lines, both sorted by `sort_key`, merged: (here, there), either of them None.

    `there` is the line as it stands where it says what `here` says: an unchanged folder of any size is compared without
    reading a single line; a file that changed after `since_ns` is never one. Holds one of each in memory.
    """
    there = iter(lines)
    line = next(there, None)
    entry: Optional[Entry] = None  # the line, once it was read
    for here in files:
        if line is not None and entry is None and here.ctime_ns < since_ns and line.startswith(start_of(here)):
            yield here, line
            line = next(there, None)
            continue
        while True:
            if line is None:
                yield here, None
                break
            if entry is None:
                entry = decode_entry(line)
            if here.path != entry.path and sort_key(here.path) < sort_key(entry.path):
                yield here, None
                break
            gone = here.path != entry.path
            yield None if gone else here, entry
            line, entry = next(there, None), None
            if not gone:
                break
    while line is not None:
        yield None, entry or decode_entry(line)
        line, entry = next(there, None), None


def looks_same(file: ScannedFile, entry: Entry) -> bool:
    """Same size and the same mtime to the nanosecond. That is not yet the same content: archives and build tools set
    times; whether the kernel saw a change since the last push is asked besides (`PushPlan.since_ns`)."""
    return file.size == entry.size and file.mtime_ns == entry.mtime_ns


def pieces(size: int) -> List[Tuple[int, int]]:
    """(offset, length) of each piece: 8 MiB, more for files that would have too many of them."""
    step = PIECE
    while size > step * MAX_PIECES:
        step *= 2
    return [(offset, min(step, size - offset)) for offset in range(0, size, step)]
