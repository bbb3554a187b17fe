"""Lock files of other tools, as the lines of a requirements file: exactly what they lock, installed without resolving.

Each reader takes the parsed file and gives lines `name==version ; marker --hash=…`. Nothing of the tools is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.project.folder import strings, table
from aws_run.project.lock_graph import Wanted, reached_from, without_extra
from aws_run.project.versions import normalized, satisfies


@frozen
class Pin:
    """`url`: a direct reference instead of a version. `marker` empty: always."""

    name: str
    version: str
    marker: str = ""
    hashes: tuple[str, ...] = ()
    url: str = ""

    @property
    def line(self) -> str:
        text = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        if self.marker:
            text += f" ; {self.marker}"
        return text + "".join(f" --hash={each}" for each in self.hashes)


def check_fit(pins: Iterable[Pin], wanted: Iterable[tuple[str, str]], lock: str, manifest: str, remedy: str) -> None:
    """SourceError where the lock lacks a package of the manifest, or holds a version that it excludes."""
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(normalized(pin.name), []).append(pin)
    for name, specifier in wanted:
        locked = by_name.get(normalized(name))
        if locked is None:
            problem = f"it lacks {name}"
        elif not any(pin.url or satisfies(pin.version, specifier) for pin in locked):
            problem = f"it holds {name} {locked[0].version}, and {manifest} asks for {specifier}"
        else:
            continue
        raise SourceError(f"{lock} does not fit {manifest}: {problem}", hint=f"run `{remedy}` and try again")


def poetry_pins(
    lock: dict[str, Any], roots: Iterable[str], groups: frozenset[str], extras: Iterable[str] = ()
) -> list[Pin]:
    """`roots`: the names that the manifest asks for, used where the lock is of poetry 1, which names no groups.
    `extras`: names of the lock's table of extras, whose packages are installed too."""
    packages = [entry for entry in entries_of(lock, "package") if isinstance(entry.get("name"), str)]
    wanted = [normalized(name) for extra in extras for name in _extra_names(lock, extra)]
    if not any("groups" in entry for entry in packages):
        return _poetry_one_pins(packages, [*roots, *wanted])
    optional = _reached(packages, wanted)
    return [
        _poetry_pin(entry, without_extra(_poetry_marker(entry.get("markers"), groups)))
        for entry in packages
        if groups & set(strings(entry.get("groups")))
        and (not entry.get("optional") or normalized(entry["name"]) in optional)
    ]


def _extra_names(lock: dict[str, Any], extra: str) -> list[str]:
    for name, listed in table(lock, "extras").items():
        if normalized(name) == normalized(extra):  # `six (>=1.15)`: the name ends at what no name holds
            return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in strings(listed)]
    return []


def _reached(packages: list[dict[str, Any]], names: Iterable[str]) -> set[str]:
    """`names` and all that they ask for."""
    below = {
        normalized(entry["name"]): [normalized(name) for name in table(entry, "dependencies")] for entry in packages
    }
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += below.get(name, [])
    return reached


def pipfile_pins(lock: dict[str, Any], sections: Iterable[str]) -> list[Pin]:
    pins = []
    for section in sections:
        for name, entry in table(lock, section).items():
            entry = entry if isinstance(entry, dict) else {"version": entry}
            pins.append(
                Pin(
                    name=name,
                    version=str(entry.get("version", "")).removeprefix("=="),
                    marker=str(entry.get("markers", "")),
                    hashes=tuple(strings(entry.get("hashes"))),
                    url=reference_of(entry, entry.get("git"), entry.get("ref"), entry.get("path"), entry.get("file")),
                )
            )
    return pins


def _poetry_one_pins(packages: list[dict[str, Any]], roots: Iterable[str]) -> list[Pin]:
    by_name: dict[str, dict[str, Any]] = {}
    for entry in packages:
        name = normalized(entry["name"])
        if name in by_name:
            raise SourceError(
                f"poetry.lock holds several versions of {entry['name']}, and poetry 1 does not write down for which",
                hint="run `poetry lock` of poetry 2, or `poetry export -o requirements.txt`, and try again",
            )
        by_name[name] = entry

    def below(name: str) -> Iterator[Wanted]:
        for other, wanted in table(by_name.get(name, {}), "dependencies").items():
            yield from ((normalized(other), marker) for marker in _edge_markers(wanted))

    reached = reached_from([(normalized(name), "") for name in roots], below)
    return [_poetry_pin(by_name[name], marker) for name, marker in sorted(reached.items()) if name in by_name]


def _edge_markers(wanted: object) -> list[str]:
    """One for each way in which a package asks for another."""
    entries = wanted if isinstance(wanted, list) else [wanted]
    markers = [str(entry.get("markers", "")) if isinstance(entry, dict) else "" for entry in entries]
    return [without_extra(marker) for marker in markers]


def _poetry_marker(markers: object, groups: frozenset[str]) -> str:
    if isinstance(markers, dict):
        chosen = [str(markers[group]) for group in sorted(groups) if group in markers]
        return " or ".join(f"({each})" for each in chosen)
    return markers if isinstance(markers, str) else ""


def _poetry_pin(entry: dict[str, Any], marker: str) -> Pin:
    source = table(entry, "source")
    kind, url = source.get("type"), str(source.get("url", ""))
    reference = ""
    if kind == "git":
        reference = f"git+{url}@{source.get('resolved_reference', '')}"
    elif kind == "url":
        reference = url
    elif kind in ("directory", "file"):
        reference = f"./{url.removeprefix('./')}"
    hashes = () if kind in ("git", "directory", "file") else file_hashes(entry.get("files"))
    return Pin(
        name=entry["name"], version=str(entry.get("version")), marker=marker, hashes=hashes, url=_as_file(reference)
    )


def reference_of(entry: dict[str, Any], git: object, revision: object, path: object, url: object) -> str:
    """The direct reference behind a name: to a git repository, a path of the project or an address; empty: none."""
    if isinstance(git, str):
        where = str(entry.get("subdirectory", ""))
        return f"git+{git}@{revision}" + (f"#subdirectory={where}" if where else "")
    if isinstance(path, str):
        return _as_file(f"./{path.removeprefix('./')}")
    return url if isinstance(url, str) else ""


def _as_file(reference: str) -> str:
    """A path in a direct reference stands behind `file:`; uv takes it relative to the requirements file."""
    return f"file:{reference}" if reference.startswith("./") else reference


def file_hashes(files: object) -> tuple[str, ...]:
    entries = files if isinstance(files, list) else []
    sums = [entry.get("hash") for entry in entries if isinstance(entry, dict)]
    return tuple(each for each in sums if isinstance(each, str))


def entries_of(parsed: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables of an array; none where it is something else."""
    value = parsed.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
