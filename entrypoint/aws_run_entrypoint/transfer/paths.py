"""Which names may become files, and how a path in a manifest becomes one without ever leaving its root."""

from __future__ import annotations

import os
import stat
from typing import Set

from .errors import PathError

MAX_KEY_BYTES = 1024
PART_PREFIX = ".aws-run-part-"
_WINDOWS = os.name == "nt"
_RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{d}" for n in ("com", "lpt") for d in "123456789")}


def check_relative(path: str, *, windows: bool = _WINDOWS) -> str:
    """`path` as it stands in a manifest, or PathError. A trailing "/" marks an empty folder."""
    bare = path[:-1] if path.endswith("/") else path
    if not bare:
        raise PathError(path, "is no name")
    if "\0" in bare:
        raise PathError(path, "holds a NUL character")
    try:
        bare.encode("utf-8")
    except UnicodeEncodeError:
        raise PathError(path, "is not valid Unicode, which S3 keys must be") from None
    for part in bare.split("/"):
        if part in ("", ".", ".."):
            raise PathError(path, "is absolute, or holds an empty, '.' or '..' component")
        if windows:
            _check_windows(path, part)
    return path


def check_key(key: str) -> str:
    if len(key.encode("utf-8")) > MAX_KEY_BYTES:
        raise PathError(key, f"is longer than the {MAX_KEY_BYTES} bytes that S3 allows a key")
    return key


def _check_windows(path: str, part: str) -> None:
    if any(c in '\\:*?"<>|' or ord(c) < 32 for c in part):
        raise PathError(path, "holds a character that Windows does not allow in names")
    if part[-1] in ". " or part.split(".")[0].lower() in _RESERVED:
        raise PathError(path, "is a name that Windows reserves")


class Root:
    """A folder that files are written into. Folders below it must be real: a link there could lead anywhere."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.realpath(folder)
        self._real: Set[str] = {""}

    def target(self, relative: str) -> str:
        """The full path for a file (or folder) of the manifest, its parent folders made."""
        check_relative(relative)
        bare = relative[:-1] if relative.endswith("/") else relative
        parent = bare.rpartition("/")[0]
        if parent not in self._real:
            self._make(parent, relative)
        return os.path.join(self.path, *bare.split("/")) if _WINDOWS else f"{self.path}/{bare}"

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
                found = os.lstat(full).st_mode
                if stat.S_ISLNK(found):
                    raise PathError(wanted_by, f"would be written through the link {done!r}") from None
                if not stat.S_ISDIR(found):
                    raise PathError(wanted_by, f"needs a folder where the file {done!r} is") from None
            self._real.add(done)
