"""What a folder holds, in the order of a manifest."""

from __future__ import annotations

import os
import stat
from typing import Callable, Dict, Iterator, Optional, Set, Tuple

from .errors import PathError
from .paths import PART_PREFIX, check_relative
from .values import Found

Exclude = Callable[[str], bool]
OnRefused = Callable[[PathError], None]
_Inode = Tuple[int, int]
_WINDOWS = os.name == "nt"
_FORMAT = 0o170000
_KINDS = (
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


def sort_key(path: str) -> str:
    """Orders paths component by component: NUL, which no name holds, sorts before everything."""
    return path.replace("/", "\0")


def scan(folder: str, *, exclude: Optional[Exclude] = None, on_refused: Optional[OnRefused] = None) -> Iterator[Found]:
    """Files and empty folders below `folder`, sorted by `sort_key`.

    A link to something inside the folder counts as what it points to; one that leaves the folder, dangles or goes in a
    circle, and everything that is neither file nor folder, is refused by name: raised, or told to `on_refused`.
    `exclude` gets the relative path; a folder's ends with "/" and nothing below it is looked at.
    """
    root = os.path.realpath(folder)
    return _Scan(root, exclude, on_refused).walk(root, "", set())


class _Scan:
    def __init__(self, root: str, exclude: Optional[Exclude], on_refused: Optional[OnRefused]) -> None:
        self.root = root
        self.inside = root.rstrip(os.sep) + os.sep
        self.exclude = exclude
        self.on_refused = on_refused
        self.modes: Dict[int, int] = {}  # one number object for all files that share it

    def refuse(self, path: str, why: str) -> None:
        error = PathError(path, why)
        if self.on_refused is None:
            raise error
        self.on_refused(error)

    def walk(self, full: str, relative: str, above: Set[_Inode]) -> Iterator[Found]:
        """`above`: the folders that lead here, to notice a circle."""
        try:
            # Names alone: 100,000 directory entries with their states would be 60 MB.
            names = sorted(os.listdir(full))
            here = os.stat(full)
        except OSError as error:
            self.refuse(relative or ".", f"can't be listed ({error.strerror})")
            return
        inode = (here.st_dev, here.st_ino)
        inner = above | {inode} if here.st_ino else above
        empty = True
        before = full.rstrip(os.sep) + os.sep
        within = f"{relative}/" if relative else ""
        modes, exclude = self.modes, self.exclude
        for name in names:
            if name.startswith(PART_PREFIX):
                continue
            path = within + name
            try:
                # Listed names hold neither "/" nor NUL, so that only odd letters and Windows have to be looked at.
                if _WINDOWS or not name.isascii():
                    check_relative(path)
                found = self.look(before + name, path)
            except PathError as error:
                if exclude is not None and exclude(path):
                    continue
                self.refuse(path, error.why)
                empty = False
                continue
            if found is None:
                continue
            kind = found.st_mode
            if kind & _FORMAT == stat.S_IFREG:
                if exclude is None or not exclude(path):
                    empty = False
                    mode = kind & 0o777
                    yield Found(path, found.st_size, found.st_mtime_ns, modes.setdefault(mode, mode))
                continue
            if stat.S_ISDIR(kind):
                empty = False
                if self.exclude is not None and self.exclude(path + "/"):
                    continue
                if (found.st_dev, found.st_ino) in inner and found.st_ino:
                    self.refuse(path, "is a link that goes round in a circle")
                    continue
                yield from self.walk(before + name, path, inner)
                continue
            if exclude is not None and exclude(path):
                continue
            empty = False
            self.refuse(path, _unsendable(kind))
        if empty and relative:
            yield Found(relative + "/", 0, 0, 0o755)

    def look(self, full: str, path: str) -> Optional[os.stat_result]:
        """None when it vanished meanwhile."""
        is_link = False
        try:
            found = os.lstat(full)
            is_link = stat.S_ISLNK(found.st_mode)
            if not is_link:
                return found
            target = os.path.realpath(full)
            if target != self.root and not target.startswith(self.inside):
                raise PathError(path, "is a link that leaves the folder")
            return os.stat(target)
        except FileNotFoundError:
            if is_link:
                raise PathError(path, "is a link to nothing") from None
            return None
        except OSError as error:
            raise PathError(path, f"can't be read ({error.strerror})") from None


def _unsendable(mode: int) -> str:
    for test, why in _KINDS:
        if test(mode):
            return why
    return "is neither a file nor a folder"
