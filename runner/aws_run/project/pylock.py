"""pylock.toml (PEP 751), as the lines of a requirements file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any

from aws_run.project.folder import strings, table
from aws_run.project.locks import Pin, entries_of, reference_of

# The two variables that only a lock's markers know. What they say is decided here, so each comparison is replaced by
# one that is always, or never, true.
_MEMBER = re.compile(
    r"""(?P<quote>["'])(?P<name>[^"']{1,200})(?P=quote)\s+(?P<not>not\s+)?in\s+(?P<of>extras|dependency_groups)\b"""
)
_ALWAYS, _NEVER = "python_version >= '0'", "python_version < '0'"


def pylock_pins(lock: dict[str, Any], *, groups: Iterable[str] = (), extras: Iterable[str] = ()) -> list[Pin]:
    """`groups`, `extras`: what is installed beside the lock's default groups."""
    chosen = {
        "dependency_groups": frozenset((*strings(lock.get("default-groups")), *groups)),
        "extras": frozenset(extras),
    }
    pins = []
    for entry in entries_of(lock, "packages"):
        marker = _decided(str(entry.get("marker", "")), chosen)
        sums = [table(archive, "hashes").get("sha256") for archive in _archives(entry)]
        vcs, folder, archive = table(entry, "vcs"), table(entry, "directory"), table(entry, "archive")
        if folder.get("path") in (".", "./") or marker == _NEVER:
            continue  # the project itself, or what nobody asked for
        path = folder.get("path") or archive.get("path")
        pins.append(
            Pin(
                name=str(entry.get("name")),
                version=str(entry.get("version", "")),
                marker="" if marker == _ALWAYS else marker,
                hashes=tuple(f"sha256:{each}" for each in sums if isinstance(each, str)),
                url=reference_of(vcs or folder, vcs.get("url"), vcs.get("commit-id"), path, archive.get("url")),
            )
        )
    return pins


def pylock_folders(lock: dict[str, Any]) -> tuple[str, ...]:
    """Folders of the project in which archives lie that the lock names by path."""
    paths = [
        str(archive["path"])
        for entry in entries_of(lock, "packages")
        for archive in _archives(entry)
        if isinstance(archive.get("path"), str) and "url" not in archive
    ]
    return tuple(dict.fromkeys(posixpath.normpath(posixpath.dirname(path)) for path in paths))


def pylock_indexes(lock: dict[str, Any]) -> list[str]:
    """Options for the indexes that packages come from, the public one left out."""
    urls = [entry.get("index") for entry in entries_of(lock, "packages")]
    named = dict.fromkeys(url for url in urls if isinstance(url, str) and "pypi.org" not in url)
    return [f"--extra-index-url {url}" for url in named]


def _archives(entry: dict[str, Any]) -> list[dict[str, Any]]:
    sdist = entry.get("sdist")
    return [*entries_of(entry, "wheels"), *([sdist] if isinstance(sdist, dict) else [])]


def _decided(marker: str, chosen: dict[str, frozenset[str]]) -> str:
    def decide(match: re.Match[str]) -> str:
        there = match["name"] in chosen[match["of"]]
        return _ALWAYS if there != bool(match["not"]) else _NEVER

    return _MEMBER.sub(decide, marker).strip()
