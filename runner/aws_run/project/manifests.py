"""What poetry's, pipenv's and PEP 723's manifests ask for, as lines of a requirements file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aws_run.errors import SourceError
from aws_run.project.folder import strings, table
from aws_run.project.versions import from_poetry

_NAME = re.compile(r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*\(?(?P<specifier>[^;()@]*)")


def poetry_sections(pyproject: dict[str, Any], groups: Iterable[str]) -> list[dict[str, Any]]:
    """The tables of poetry's own dependencies: the main one, which may also be written as a group of that name, and
    those of `groups`."""
    poetry = table(pyproject, "tool", "poetry")
    main = {**table(poetry, "group", "main", "dependencies"), **table(poetry, "dependencies")}
    return [main, *(table(poetry, "group", group, "dependencies") for group in groups if group != "main")]


def main_group(pyproject: dict[str, Any]) -> tuple[str, ...]:
    """A group of PEP 735 called main, where the project asks for nothing else."""
    project = table(pyproject, "project")
    nothing = not strings(project.get("dependencies")) and "dependencies" not in strings(project.get("dynamic"))
    return ("main",) if nothing and strings(table(pyproject, "dependency-groups").get("main")) else ()


def pdm_requirements(pyproject: dict[str, Any], groups: Iterable[str], extras: Iterable[str]) -> list[str]:
    """What the project, those of its groups and its extras ask for."""
    project = table(pyproject, "project")
    wanted = strings(project.get("dependencies"))
    for extra in extras:
        wanted += strings(table(project, "optional-dependencies").get(extra))
    for group in groups:
        wanted += strings(table(pyproject, "dependency-groups").get(group))
        wanted += strings(table(pyproject, "tool", "pdm", "dev-dependencies").get(group))
    return wanted


def poetry_wanted(pyproject: dict[str, Any], groups: Iterable[str]) -> list[tuple[str, str]]:
    """(name, specifier of PEP 440) of everything that the manifest itself asks for; for a comparison with the lock."""
    wanted = project_wanted(pyproject)
    for section in poetry_sections(pyproject, groups):
        for name, value in section.items():
            entries = value if isinstance(value, list) else [value]
            for entry in entries:
                if name == "python" or (isinstance(entry, dict) and entry.get("optional")):
                    continue
                version = entry.get("version") if isinstance(entry, dict) else entry
                specifier = from_poetry(version) if isinstance(version, str) and len(entries) == 1 else None
                wanted.append((name, specifier or ""))
    return list(dict.fromkeys(wanted))


def poetry_lines(pyproject: dict[str, Any], groups: Iterable[str], extras: Iterable[str] = ()) -> list[str]:
    """What poetry would resolve without a lock. SourceError for a constraint that PEP 440 can't say."""
    lines = strings(table(pyproject, "project").get("dependencies"))
    listed = table(pyproject, "tool", "poetry", "extras")
    wanted = {name for extra in extras for name in strings(listed.get(extra))}
    for section in poetry_sections(pyproject, groups):
        for name, value in section.items():
            if name != "python":
                entries = value if isinstance(value, list) else [value]
                lines += [line for entry in entries if (line := _poetry_line(name, entry, optional=name in wanted))]
    return lines


def poetry_indexes(pyproject: dict[str, Any]) -> list[str]:
    sources = table(pyproject, "tool", "poetry").get("source")
    entries = sources if isinstance(sources, list) else []
    urls = [entry.get("url") for entry in entries if isinstance(entry, dict)]
    return [f"--extra-index-url {url}" for url in urls if isinstance(url, str) and "pypi.org" not in url]


def pipfile_lines(pipfile: dict[str, Any], sections: Iterable[str]) -> list[str]:
    lines = []
    for section in sections:
        for name, entry in table(pipfile, section).items():
            line = _poetry_line(name, entry)
            if line:
                lines.append(line)
    return lines


def pipfile_indexes(sources: object) -> list[str]:
    entries = sources if isinstance(sources, list) else []
    urls = [entry.get("url") for entry in entries if isinstance(entry, dict)]
    return [f"--extra-index-url {url}" for url in urls if isinstance(url, str) and "pypi.org" not in url]


def pipfile_wanted(pipfile: dict[str, Any], sections: Iterable[str]) -> list[tuple[str, str]]:
    wanted = []
    for section in sections:
        for name, entry in table(pipfile, section).items():
            version = entry.get("version") if isinstance(entry, dict) else entry
            wanted.append((name, from_poetry(version) or "" if isinstance(version, str) else ""))
    return wanted


def project_wanted(pyproject: dict[str, Any]) -> list[tuple[str, str]]:
    """The same of `[project] dependencies`; what holds on some machines only is left out."""
    wanted = []
    for line in strings(table(pyproject, "project").get("dependencies")):
        match = _NAME.match(line)
        if match is not None and ";" not in line:
            wanted.append((match["name"], match["specifier"].strip()))
    return wanted


def script_block(text: str) -> str | None:
    """The TOML of a script's inline metadata (PEP 723)."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.rstrip() == "# /// script":
            block: list[str] = []
            for inner in lines:
                bare = inner.rstrip()
                if bare == "# ///":
                    return "".join(f"{each}\n" for each in block)
                if bare != "#" and not bare.startswith("# "):
                    break
                block.append(bare[2:])
    return None


def _poetry_line(name: str, entry: object, *, optional: bool = False) -> str:
    """Empty for what is optional, unless that is wanted."""
    if isinstance(entry, str):
        return name + _specifier(name, entry)
    if not isinstance(entry, dict) or (entry.get("optional") and not optional):
        return ""
    extras = strings(entry.get("extras"))
    text = f"{name}[{','.join(extras)}]" if extras else name
    git, path, url = entry.get("git"), entry.get("path"), entry.get("url", entry.get("file"))
    if isinstance(git, str):
        revision = entry.get("rev") or entry.get("tag") or entry.get("branch") or entry.get("ref")
        text += f" @ git+{git}" + (f"@{revision}" if revision else "")
    elif isinstance(path, str):
        text += f" @ file:./{path.removeprefix('./')}"
    elif isinstance(url, str):
        text += f" @ {url}"
    elif isinstance(entry.get("version"), str):
        text += _specifier(name, entry["version"])
    markers = [str(entry["markers"])] if entry.get("markers") else []
    if isinstance(entry.get("platform"), str):
        markers.append(f"sys_platform == '{entry['platform']}'")
    if isinstance(entry.get("python"), str):
        python = from_poetry(entry["python"]) or ""
        for clause in filter(None, python.split(",")):
            bound = re.match(r"(?P<op>[<>=!~]+)(?P<version>.+)", clause)
            if bound is not None:
                markers.append(f"python_version {bound['op']} '{bound['version']}'")
    return text + (" ; " + " and ".join(f"({each})" for each in markers) if markers else "")


def _specifier(name: str, constraint: str) -> str:
    specifier = from_poetry(constraint)
    if specifier is None:
        raise SourceError(
            f"{name} {constraint!r} can't be installed without a lock file", hint="run `poetry lock` (or `pipenv lock`)"
        )
    return specifier
