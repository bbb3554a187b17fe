"""Decides which names may become files, and turns paths of a manifest into files that never leave their root."""

from __future__ import annotations

import os
import stat
import unicodedata
from typing import Dict, Optional, Set

from .errors import KeyTooLongError, PathError

MAX_KEY_BYTES = 1024
PART_PREFIX = ".aws-run-part-"
OUR_OWN = f"holds a name that begins with {PART_PREFIX}, as only aws-run's own unfinished files do"
_WINDOWS = os.name == "nt"
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_RESERVED |= {f"{n}{d}" for n in ("com", "lpt") for d in "123456789\u00b9\u00b2\u00b3"}


def check_relative(path: str, *, windows: bool = _WINDOWS) -> str:
    """`path` as it stands in a manifest, or PathError. A trailing "/" marks an empty folder."""
    bare = path[:-1] if path.endswith("/") else path
    if not bare:
        raise PathError(path, "is not a name")
    if "\0" in bare:
        raise PathError(path, "holds a NUL character")
    try:
        bare.encode("utf-8")
    except UnicodeEncodeError:
        raise PathError(path, "is not valid Unicode, which S3 keys must be") from None
    for part in bare.split("/"):
        if part in ("", ".", ".."):
            raise PathError(path, "is absolute, or holds an empty, '.' or '..' component")
        if part.startswith(PART_PREFIX):
            raise PathError(path, OUR_OWN)
        if windows:
            _check_windows(path, part)
    return path


def check_key(key: str, path: str) -> None:
    """PathError against `path` where S3 takes no key as long."""
    size = len(key) if key.isascii() else len(key.encode("utf-8"))
    if size > MAX_KEY_BYTES:
        raise KeyTooLongError(
            path, f"has a name that is too long: its key would have {size} bytes, S3 allows {MAX_KEY_BYTES}"
        )


def _check_windows(path: str, part: str) -> None:
    if any(c in '\\:*?"<>|' or ord(c) < 32 for c in part):
        raise PathError(path, "holds a character that Windows does not allow in names")
    if part[-1] in ". " or part.split(".")[0].rstrip(" ").lower() in _RESERVED:
        raise PathError(path, "is a name that Windows reserves")


def _folds_case(folder: str) -> bool:
    probe = os.path.join(folder, f"{PART_PREFIX}probe-{os.getpid()}")
    try:
        with open(probe, "wb"):
            folds = os.path.exists(os.path.join(folder, os.path.basename(probe).upper()))
        os.unlink(probe)
    except OSError:
        return False  # nothing can be written here, so nothing can be replaced
    return folds


def folded(path: str) -> str:
    """The same for all names that differ by case or normalisation only (Unicode's canonical caseless match)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


class Root:
    """A folder that files are written into. Folders below it must be real: a link there could lead anywhere.

    `folds`: the file system takes `A` and `a` for the same name (macOS, Windows), so that one would silently replace
    the other; None looks.
    """

    def __init__(self, folder: str, *, folds: Optional[bool] = None) -> None:
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.realpath(folder)
        self._real: Set[str] = {""}
        self._folded: Optional[Dict[str, str]] = {} if (_folds_case(self.path) if folds is None else folds) else None

    def target(self, relative: str) -> str:
        """The full path for a file (or folder) of the manifest, its parent folders made."""
        check_relative(relative)
        bare = relative[:-1] if relative.endswith("/") else relative
        if self._folded is not None:
            self._refuse_twins(bare)
        parent = bare.rpartition("/")[0]
        if parent not in self._real:
            self._make(parent, relative)
        return os.path.join(self.path, *bare.split("/")) if _WINDOWS else f"{self.path}/{bare}"

    def _refuse_twins(self, bare: str) -> None:
        assert self._folded is not None
        path = ""
        for part in bare.split("/"):
            path = f"{path}/{part}" if path else part
            # macOS folds composed and decomposed letters together as well.
            twin = self._folded.setdefault(folded(path), path)
            if twin != path:
                raise PathError(bare, f"and {twin!r} are one name on this file system")

    def make_dir(self, relative: str) -> None:
        self.target(relative)
        self._make(relative.rstrip("/"), relative)

    def _make(self, folder: str, wanted_by: str) -> None:
        done = ""
        for part in folder.split("/"):
            done = f"{done}/{part}" if done else part
            if done in self._real:
                continue
            full = os.path.join(self.path, done)
            try:
                os.mkdir(full)
            except FileExistsError:
                mode = os.lstat(full).st_mode
                if stat.S_ISLNK(mode):
                    raise PathError(wanted_by, f"would be written through the link {done!r}") from None
                if not stat.S_ISDIR(mode):
                    raise PathError(wanted_by, f"needs a folder where the file {done!r} is") from None
            self._real.add(done)
