"""Outputs whose names S3 does not take: they get short ones once the job is over, and a list says which is which."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import List, NamedTuple, Sequence

from .folders import files_below
from .transfer import PathError, check_key, check_relative

# The second of each where the job has put something else under the first name.
_FOLDERS = ("renamed", "renamed.aws-run")
_LISTS = ("renamed.json", "renamed.aws-run.json")
_MOST_TAIL = 60


class Renamed(NamedTuple):
    """Both relative to the folder; `path` is what the job called it, bytes that are no UTF-8 as Python escapes them."""

    name: str
    path: str


def shorten_names(folder: str, prefix: str) -> List[Renamed]:
    """Moves each file below `folder` that can't be saved under `prefix` by its own name to a short one, and lists them
    in renamed.json. What can't be moved stays, and saving it will say so."""
    root = os.path.realpath(folder)
    refused = sorted(full for full, _ in files_below(root) if _is_refused(os.path.relpath(full, root), prefix))
    renamed = [done for full in refused for done in _move(root, os.path.relpath(full, root))]
    if renamed:
        listed = next((name for name in _LISTS if not os.path.lexists(os.path.join(root, name))), _LISTS[-1])
        document = {"version": 1, "files": [item._asdict() for item in renamed]}
        with open(os.path.join(root, listed), "w", encoding="ascii") as file:
            json.dump(document, file, indent=1)
    return renamed


def describe_renamed(renamed: Sequence[Renamed], *, most: int, most_chars: int) -> str:
    named = "; ".join(f"{repr(item.path)[:most_chars]} ({_why(item.path)}) is {item.name!r}" for item in renamed[:most])
    more = f"; and {len(renamed) - most} more" if len(renamed) > most else ""
    return (
        f"{len(renamed)} of the outputs have names that S3 does not take and were saved under short ones, "
        f"which renamed.json lists: {named}{more}"
    )


def _why(path: str) -> str:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "not UTF-8"
    return "too long"


def _is_refused(path: str, prefix: str) -> bool:
    try:
        path.encode("utf-8")
        check_key(prefix + path, path)
    except (PathError, UnicodeEncodeError):
        return True
    return False


def _move(root: str, path: str) -> List[Renamed]:
    sum_ = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    tail = re.sub(r"[^A-Za-z0-9._-]+", "_", os.path.basename(path))[-_MOST_TAIL:]
    there = (folder for folder in _FOLDERS if os.path.isdir(os.path.join(root, folder)))
    free = (folder for folder in _FOLDERS if not os.path.lexists(os.path.join(root, folder)))
    folder = next(there, next(free, _FOLDERS[-1]))
    name = f"{folder}/{sum_}-{tail}"
    try:
        check_relative(name)
        os.makedirs(os.path.join(root, folder), exist_ok=True)
        os.rename(os.path.join(root, path), os.path.join(root, name))
    except (OSError, PathError):
        return []
    parent = os.path.dirname(path)
    while parent:  # folders that held nothing else would be named as lost
        try:
            os.rmdir(os.path.join(root, parent))
        except OSError:
            break
        parent = os.path.dirname(parent)
    return [Renamed(name, path)]
