"""What a folder holds, in the order of a manifest."""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

from .errors import LinkError, PathError, UnlistedError
from .folder_marks import FolderMarks
from .paths import OUR_OWN, PART_PREFIX, check_relative
from .values import ScannedFile

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


def scan_folder(
    folder: str,
    *,
    exclude: Optional[Exclude] = None,
    on_refused: Optional[OnRefused] = None,
    follow_links: bool = False,
    marks: Optional[FolderMarks] = None,
) -> Iterator[ScannedFile]:
    """Files and empty folders below `folder`, sorted by `sort_key`.

    A link to something inside the folder counts as what it points to; one that leaves the folder (unless
    `follow_links`), dangles or goes in a circle, and everything that is neither file nor folder, is a PathError, raised
    or handed to `on_refused`.
    `exclude` gets the relative path; a folder's ends with "/" and nothing below it is read. `marks` knows the folders
    of the scan before.
    """
    root = os.path.realpath(folder)
    return _Scan(root, exclude, on_refused, follow_links, marks or FolderMarks(None)).walk()


class _Folder:
    """A folder that is being read. `inode` None: it is not needed to notice a circle of links. `moved_ns`: when it, a
    folder above it or a link on the way to it was last put in its place, as far as can be seen."""

    __slots__ = ("before", "empty", "inode", "moved_ns", "names", "within")

    def __init__(self, full: str, relative: str, names: List[str], inode: Optional[_Inode], moved_ns: int) -> None:
        self.before = full.rstrip(os.sep) + os.sep
        self.within = f"{relative}/" if relative else ""
        self.names = iter(names)
        self.inode = inode
        self.moved_ns = moved_ns
        self.empty = True


class _Scan:
    def __init__(
        self,
        root: str,
        exclude: Optional[Exclude],
        on_refused: Optional[OnRefused],
        follow_links: bool,
        marks: FolderMarks,
    ) -> None:
        self.root = root
        self.marks = marks
        self.follow_links = follow_links
        self.link_ns = 0  # when the link that was looked at last was made; 0: it was none
        self.inside = root.rstrip(os.sep) + os.sep
        self.exclude = exclude
        self.on_refused = on_refused
        self.modes: Dict[int, int] = {}  # one number object for all files that share it
        self.above: Set[_Inode] = set()  # the folders that lead to where we are, to notice a circle

    def refuse(self, path: str, why: str) -> None:
        self.report(PathError(path, why))

    def report(self, error: PathError) -> None:
        if self.on_refused is None:
            raise error
        self.on_refused(error)

    def walk(self) -> Iterator[ScannedFile]:
        """With a stack of its own: folders may be nested deeper than Python's calls may be."""
        modes, exclude = self.modes, self.exclude
        first = self.enter(self.root, "", 0)
        under_way = [first] if first else []
        while under_way:
            folder = under_way[-1]
            before, within, moved_ns = folder.before, folder.within, folder.moved_ns
            for name in folder.names:
                path = within + name
                if name.startswith(PART_PREFIX):
                    # A part file that a killed download left is no loss, but where every loss is reported it is named.
                    if self.on_refused is not None:
                        self.refuse(path, OUR_OWN)
                        folder.empty = False
                    continue
                try:
                    # Listed names hold neither "/" nor NUL, so that only odd letters and Windows have to be looked at.
                    if _WINDOWS or not name.isascii():
                        check_relative(path)
                    status = self.status_of(before + name, path)
                except PathError as error:
                    if exclude is not None and exclude(path):
                        continue
                    self.report(error)
                    folder.empty = False
                    continue
                if status is None:
                    continue
                kind = status.st_mode
                if kind & _FORMAT == stat.S_IFREG:
                    if exclude is None or not exclude(path):
                        folder.empty = False
                        mode = kind & 0o777
                        shared = modes.setdefault(mode, mode)
                        ctime_ns = max(status.st_ctime_ns, self.link_ns, moved_ns)
                        yield ScannedFile(path, status.st_size, status.st_mtime_ns, shared, ctime_ns)
                    continue
                if stat.S_ISDIR(kind):
                    folder.empty = False
                    inner = self.inner(before + name, path, status, max(moved_ns, self.link_ns))
                    if inner is not None:
                        under_way.append(inner)
                        break  # the rest of these names when that one is done
                    continue
                if exclude is not None and exclude(path):
                    continue
                folder.empty = False
                self.refuse(path, _unsendable(kind))
            else:
                under_way.pop()
                if folder.inode is not None:
                    self.above.discard(folder.inode)
                if folder.empty and within:
                    yield ScannedFile(within, 0, 0, 0o755)

    def inner(self, full: str, path: str, status: os.stat_result, moved_ns: int) -> Optional[_Folder]:
        if self.exclude is not None and self.exclude(path + "/"):
            return None
        if status.st_ino and (status.st_dev, status.st_ino) in self.above:
            self.report(LinkError(path, "is a link that goes round in a circle"))
            return None
        return self.enter(full, path, moved_ns)

    def enter(self, full: str, relative: str, moved_ns: int) -> Optional[_Folder]:
        try:
            # Names alone: 100,000 directory entries with their states would be 60 MB.
            names = sorted(os.listdir(full))
            here = os.stat(full)
        except OSError as error:
            self.report(UnlistedError(relative, f"can't be listed ({error.strerror})"))
            return None
        # What is added or removed in a folder moves both of its times; a rename of the folder itself its ctime alone,
        # and the ctimes of what is in it not at all. Where it was renamed and then added to, only its mark tells.
        other = bool(relative) and self.marks.is_other(relative, here.st_ino)
        if other or here.st_ctime_ns != here.st_mtime_ns:
            moved_ns = max(moved_ns, here.st_ctime_ns)
        inode = (here.st_dev, here.st_ino)
        if not here.st_ino or inode in self.above:
            return _Folder(full, relative, names, None, moved_ns)
        self.above.add(inode)
        return _Folder(full, relative, names, inode, moved_ns)

    def status_of(self, full: str, path: str) -> Optional[os.stat_result]:
        """None when it vanished meanwhile."""
        is_link = False
        self.link_ns = 0
        try:
            status = os.lstat(full)
            is_link = stat.S_ISLNK(status.st_mode)
            if not is_link:
                return status
            self.link_ns = status.st_ctime_ns
            target = os.path.realpath(full)
            leaves = target != self.root and not target.startswith(self.inside)
            if leaves and not self.follow_links:
                raise LinkError(path, f"is a link that leaves the folder, to {target!r}", leaves=True)
            return os.stat(target)
        except FileNotFoundError:
            if is_link:
                raise LinkError(path, "is a link to nothing", dangling=True) from None
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise LinkError(path, "is a link that goes round in a circle") from None
            raise PathError(path, f"can't be read ({error.strerror})") from None


def _unsendable(mode: int) -> str:
    for test, why in _KINDS:
        if test(mode):
            return why
    return "is neither a file nor a folder"
