"""What a push has to send, keep and delete: the folder compared with the manifest that is in the bucket."""

from __future__ import annotations

import os
import sys
import time
from array import array
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Union

from . import manifest
from .errors import ManifestError, PathError, UnlistedError
from .folder_marks import FolderMarks
from .loop import Loop
from .manifest_store import Scanned, StoredManifest
from .paths import check_key
from .plan import PIECES_FROM, compare, looks_same
from .scan import Exclude, scan_folder
from .values import Entry, OnEvent, ScannedFile, Skipped
from .versions import Current, current_names, current_versions, is_current

# Linux's CLOCK_REALTIME_COARSE, by which its file systems date changes: a few ms behind the precise one.
_COARSE_CLOCK = 5
_TICK_S = 0.001
_MOST_LAG_NS = 1_000_000_000
Stable = Callable[[ScannedFile], bool]
# A manifest line once it is known, what the scan saw before that, None when the file was left out.
Row = Union[bytes, ScannedFile, None]


class PushOptions(NamedTuple):
    """As in `push_folder`."""

    prefix: str
    manifest_key: str
    exclude: Optional[Exclude]
    full: bool
    strict: bool
    stable: Optional[Stable]
    helpers: Optional[int]
    check_pins_after_s: Optional[float]
    follow_links: bool


class PushPlan:
    """`rows`: one per file, in the manifest's order; `todo`: indexes of those that have to be sent; `known`: what the
    manifest says of them; `gone`: paths to be deleted; `files`, `bytes`: of the rows that are manifest lines;
    `changed`: the manifest has to be written anew."""

    def __init__(self, folder: str, options: PushOptions, on_event: OnEvent) -> None:
        self.root = os.path.realpath(folder)
        self.options = options
        self.emit = on_event
        self.rows: List[Row] = []
        self.todo = array("L")
        self.known: Dict[int, Entry] = {}
        self.gone: List[str] = []
        self.skipped: List[Skipped] = []
        self.changed = False
        self.pins_checked = False
        self.scanned = Scanned(0, 0)
        self.since_ns = 0  # what changed later than this is read, whatever size and mtime say
        self.files = self.bytes = 0
        self._unlisted: List[str] = []  # what the paths below folders that can't be listed begin with

    def compare_with(self, stored: StoredManifest, loop: Loop) -> None:
        lines = self._lines(stored)
        self.scanned = Scanned(_begin_ns(), os.stat(self.root).st_ino)
        before = stored.scanned
        marks = FolderMarks(None)
        if before is not None and before.inode == self.scanned.inode:
            self.since_ns = before.began_ns
            marks = FolderMarks(before.marks)
        current = self._list_current(stored, loop)
        on_refused = None if self.options.strict else self._refused
        scanned = scan_folder(
            self.root,
            exclude=self.options.exclude,
            on_refused=on_refused,
            follow_links=self.options.follow_links,
            marks=marks,
        )
        for file, entry in compare(scanned, lines, since_ns=self.since_ns):
            if isinstance(entry, bytes):
                assert file is not None
                if current is None:
                    self.rows.append(entry)
                    if not file.is_dir:
                        self.files += 1
                        self.bytes += file.size
                    continue
                entry = manifest.decode_entry(entry)
            if file is not None:
                self._plan_file(file, entry, current)
            elif entry is not None:
                self._plan_gone(entry)
        self.scanned = self.scanned._replace(marks=marks.text)
        if self.options.full and current is not None:
            self._delete_strays(current)

    def bytes_to_send(self) -> int:
        return sum(self.file_of(index).size for index in self.todo)

    def big_bytes_to_send(self) -> int:
        """Of the files that are moved in pieces."""
        sizes = (self.file_of(index).size for index in self.todo)
        return sum(size for size in sizes if size > PIECES_FROM)

    def file_of(self, index: int) -> ScannedFile:
        """Of a row that has still to be sent."""
        row = self.rows[index]
        assert isinstance(row, ScannedFile)
        return row

    def settle(self, index: int, entry: Entry) -> None:
        """The file's manifest line is known."""
        self.rows[index] = manifest.encode_entry(entry)
        self.known.pop(index, None)
        self.files += 1
        self.bytes += entry.size

    def drop(self, index: int, reason: str, *, keep_saved: bool = False) -> None:
        """The file can't be sent. `keep_saved`: what an earlier push has sent of it stays in the manifest."""
        path = self.file_of(index).path
        self._leave_out(path, reason)
        known = self.known.get(index)
        if known is not None and keep_saved:
            self.settle(index, known)
            return
        self.rows[index] = None
        if known is not None:
            del self.known[index]
            self.changed = True
            self.gone.append(path)

    def take_lines(self) -> List[bytes]:
        """The new manifest's lines; the rows are given up, for both together may be large."""
        lines = [row for row in self.rows if isinstance(row, bytes)]
        self.rows.clear()
        return lines

    def _lines(self, stored: StoredManifest) -> Iterator[bytes]:
        if stored.raw is None:
            return iter(())
        try:
            lines = manifest.entry_lines(stored.raw)
            manifest.header(stored.raw)
        except ManifestError:
            self.changed = True
            return iter(())  # not ours or broken: everything is sent anew, and a good manifest replaces it
        return lines

    def _list_current(self, stored: StoredManifest, loop: Loop) -> Optional[Current]:
        """None where the manifest's pins are taken as they are."""
        options = self.options
        due = options.check_pins_after_s is not None and stored.is_older_than(options.check_pins_after_s)
        if not (options.full or due):
            return None
        current = current_versions(loop, options.prefix, self.emit)
        if current is not None:
            self.pins_checked = True
            self.changed = self.changed or due  # written anew, so that the next client need not look again
            return current
        return current_names(loop, options.prefix) if options.full else None

    def _plan_file(self, file: ScannedFile, entry: Optional[Entry], current: Optional[Current]) -> None:
        options = self.options
        if file.is_dir:
            self.changed = self.changed or entry is None
            self.rows.append(manifest.encode_entry(Entry(file.path, 0, 0, file.mode, 0, None)))
            return
        try:
            check_key(options.prefix + file.path, file.path)
        except PathError as error:
            if options.strict:
                raise
            self._refused(error)  # one name that S3 can't hold must not cost all the other outputs
            return
        if entry is not None and current is not None and not is_current(entry, current):
            entry = None  # sent whatever its sum is: only that makes a version that lasts
            self.changed = True
        if entry is not None and not options.full and looks_same(file, entry) and file.ctime_ns < self.since_ns:
            if entry.mode != file.mode:
                entry = entry._replace(mode=file.mode)
                self.changed = True
            self._keep(entry)
            return
        if options.stable is not None and not options.stable(file):
            if entry is not None:
                self._keep(entry)
            return
        if entry is not None:
            self.known[len(self.rows)] = entry
        self.todo.append(len(self.rows))
        self.rows.append(file)

    def _plan_gone(self, entry: Entry) -> None:
        if any(entry.path.startswith(within) for within in self._unlisted):
            self._keep(entry)  # nobody can tell that it is gone, so what was saved of it stays
            return
        self.changed = True
        if not entry.is_dir:
            self.gone.append(entry.path)

    def _delete_strays(self, current: Current) -> None:
        """What lies below the prefix and belongs to no row."""
        kept = {
            row.path if isinstance(row, ScannedFile) else manifest.decode_entry(row).path for row in self.rows if row
        }
        self.gone.extend(sorted(current.keys() - kept - set(self.gone)))

    def _keep(self, entry: Entry) -> None:
        if not entry.is_dir:
            self.files += 1
            self.bytes += entry.size
        self.rows.append(manifest.encode_entry(entry))

    def _refused(self, error: PathError) -> None:
        if isinstance(error, UnlistedError):
            self._unlisted.append(error.within)
        self._leave_out(error.path, error.why)

    def _leave_out(self, path: str, reason: str) -> None:
        skipped = Skipped(path, reason)
        self.skipped.append(skipped)
        self.emit(skipped)


def _begin_ns() -> int:
    """A time that all earlier changes of files are dated before, and all later ones not. Linux dates some changes by
    the precise clock and others by one that moves every few milliseconds (its Documentation/filesystems/
    multigrain-ts.rst), so it waits until that one has passed the time that it is."""
    now = time.time_ns()
    if not sys.platform.startswith("linux"):
        return now
    try:
        while (coarse := time.clock_gettime_ns(_COARSE_CLOCK)) <= now:
            if now - coarse > _MOST_LAG_NS:
                return now  # somebody has set the clock back, or it does not move
            time.sleep(_TICK_S)
    except OSError:
        return now
    return coarse
