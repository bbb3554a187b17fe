"""What has to move: pure comparison of a folder with a manifest, and how a file is cut into pieces."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Optional, Tuple

from .scan import sort_key
from .values import KIB, MIB, Entry, Found

# Up to here a file is one request and lives in memory; up to PIECES_FROM one request that streams from the file.
IN_MEMORY = 256 * KIB
PIECES_FROM = 16 * MIB
PIECE = 8 * MIB
MAX_PIECES = 9_000  # S3 allows 10,000 parts

Pair = Tuple[Optional[Found], Optional[Entry]]


def compare(found: Iterable[Found], entries: Iterable[Entry]) -> Iterator[Pair]:
    """Both sides sorted by `sort_key`, merged: (here, there), either of them None. Holds one of each in memory."""
    here, there = iter(found), iter(entries)
    left, right = next(here, None), next(there, None)
    while left is not None or right is not None:
        if left is None:
            yield None, right
            right = next(there, None)
        elif right is None:
            yield left, None
            left = next(here, None)
        elif left.path == right.path:
            yield left, right
            left, right = next(here, None), next(there, None)
        elif sort_key(left.path) < sort_key(right.path):
            yield left, None
            left = next(here, None)
        else:
            yield None, right
            right = next(there, None)


def looks_same(found: Found, entry: Entry) -> bool:
    """Same size and the same mtime to the nanosecond: what rsync and git trust as well."""
    return found.size == entry.size and found.mtime_ns == entry.mtime_ns


def pieces(size: int) -> List[Tuple[int, int]]:
    """(offset, length) of each piece: 8 MiB, more for files that would have too many of them."""
    step = PIECE
    while size > step * MAX_PIECES:
        step *= 2
    return [(offset, min(step, size - offset)) for offset in range(0, size, step)]
