"""pdm.lock, as pdm 2.11 and later write it and as older ones did, as exactly what it locks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from aws_run.errors import SourceError
from aws_run.project.folder import strings, table
from aws_run.project.lock_graph import Wanted, reached_from
from aws_run.project.locks import Pin, entries_of, file_hashes, reference_of
from aws_run.project.versions import normalized

_REQUIREMENT = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^]]*)\])?(?P<rest>[^;]*);?(?P<marker>.*)$"
)


def pdm_pins(lock: dict[str, Any], groups: frozenset[str], wanted: Iterable[str] = ()) -> list[Pin]:
    """`wanted`: requirements that the manifest asks for, used where the lock does not say for which group a package is
    there: before pdm 2.11, and without its strategy inherit_metadata."""
    packages = [entry for entry in entries_of(lock, "package") if isinstance(entry.get("name"), str)]
    if packages and not any("groups" in entry for entry in packages):
        return _of_no_groups(lock, packages, wanted)
    return [
        _pin(lock, entry, str(entry.get("marker", "")))
        for entry in packages
        if not ("groups" in entry and not groups & set(strings(entry["groups"])))
        and not entry.get("extras")  # `name[extra]` stands beside `name`
    ]


def _of_no_groups(lock: dict[str, Any], packages: list[dict[str, Any]], wanted: Iterable[str]) -> list[Pin]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for entry in packages:
        by_name.setdefault(_key(entry["name"], strings(entry.get("extras"))), []).append(entry)
    several = next((name for name, entries in by_name.items() if len(entries) > 1), None)
    if several is not None:
        raise SourceError(
            f"pdm.lock holds several versions of {several}, and does not say for which machine each is",
            hint="run `pdm lock` of a newer pdm, or `pdm export -o requirements.txt`, and try again",
        )

    def below(key: str) -> Iterator[Wanted]:
        for entry in by_name.get(key, ()):
            yield from _asked_for(strings(entry.get("dependencies")))

    reached = reached_from(_asked_for(wanted), below)
    return [
        _pin(lock, entries[0], marker)
        for key, marker in sorted(reached.items())
        if (entries := by_name.get(key)) and not entries[0].get("extras")
    ]


def _asked_for(requirements: Iterable[str]) -> Iterator[Wanted]:
    """A package with extras is asked for with and without them: the lock has an entry for each."""
    for text in requirements:
        requirement = _REQUIREMENT.match(text)
        marker = requirement["marker"].strip() if requirement is not None else ""
        if requirement is None or "extra" in marker:  # of an extra the lock has an entry of its own
            continue
        yield _key(requirement["name"], ()), marker
        extras = [each.strip() for each in (requirement["extras"] or "").split(",") if each.strip()]
        if extras:
            yield _key(requirement["name"], extras), marker


def _key(name: str, extras: Iterable[str]) -> str:
    named = ",".join(sorted(normalized(each) for each in extras))
    return f"{normalized(name)}[{named}]" if named else normalized(name)


def _pin(lock: dict[str, Any], entry: dict[str, Any], marker: str) -> Pin:
    name, version = str(entry.get("name")), str(entry.get("version"))
    files = entry.get("files")
    if files is None:  # before pdm 2.8 all files stood in one table
        files = table(lock, "metadata", "files").get(f"{name} {version}")
    return Pin(
        name=name,
        version=version,
        marker=marker,
        hashes=file_hashes(files),
        url=reference_of(entry, entry.get("git"), entry.get("revision"), entry.get("path"), entry.get("url")),
    )
