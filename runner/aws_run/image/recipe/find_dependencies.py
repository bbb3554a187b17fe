"""Which of the project's dependency lists is installed.

The lists are looked for in one order (`list_files.candidates`); the first that names anything is installed, and the
plan tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError
from aws_run.image.recipe.conda import pip_section_reads
from aws_run.image.recipe.dependencies import NO_DEPENDENCIES, Dependencies
from aws_run.image.recipe.dependency_lists import ListReader
from aws_run.image.recipe.left_out import about_choices
from aws_run.image.recipe.list_files import candidates, others, unused_lists
from aws_run.image.sources.source import Source
from aws_run.project import manifests
from aws_run.project.folder import read_json, read_toml, strings, table
from aws_run.project.requirements import decode
from aws_run.project.versions import normalized

_MOST_SCRIPTS = 2_000


def find_dependencies(
    source: Source, pyproject: dict[str, Any], build: Build | None = None, command: Sequence[str] = ()
) -> Dependencies:
    """The first list that names anything, or the one that `build.dependencies` names."""
    build = build or Build()
    if build.dependencies == "none":
        return NO_DEPENDENCIES
    reader = ListReader(source=source, pyproject=pyproject, build=build)
    if build.dependencies != "auto":
        return _with_choices(reader.named(build.dependencies), source, pyproject, build)
    paths = candidates(source, command, with_manifest=bool(pyproject))
    paths = _includers_first(paths, source)
    for place, path in enumerate(paths):
        chosen = reader.read(path)
        if chosen.kind != "none":
            # Beside a list of its own a script may carry metadata for others who run it alone.
            own = [each for each in _scripts(source, command) if each in command and _script_block(source, each)]
            chosen = _with_python(_with_choices(chosen, source, pyproject, build), reader, paths)
            left = [other for other in paths[place + 1 :] if other not in chosen.files]
            return replace(chosen, notes=(*chosen.notes, *others(path, [*left, *own])))
    for path in _scripts(source, command):
        block = _script_block(source, path)
        if block is not None:
            return _with_choices(reader.script(path, block), source, pyproject, build)
    nothing = replace(NO_DEPENDENCIES, notes=tuple(unused_lists(source, paths)))
    return _with_python(_with_choices(nothing, source, pyproject, build), reader, paths)


def _includers_first(paths: list[str], source: Source) -> list[str]:
    """An environment.yml whose pip section reads the requirements.txt before it holds all of that, and more."""
    for place, path in enumerate(paths):
        if path.endswith((".yml", ".yaml")):
            earlier = [other for other in paths[:place] if pip_section_reads(source, path, other)]
            if earlier and earlier == [other for other in paths[:place] if other.endswith((".txt", ".in"))]:
                first = paths.index(earlier[0])
                return [*paths[:first], path, *paths[first:place], *paths[place + 1 :]]
    return paths


def _with_python(chosen: Dependencies, reader: ListReader, paths: Sequence[str]) -> Dependencies:
    """With the Python that another list asks for, where the chosen one asks for none: an environment.yml often says
    that alone, beside a requirements.txt."""
    if chosen.requires_python is not None:
        return chosen
    for path in paths:
        if path not in chosen.files and (path == "Pipfile" or path.endswith((".yml", ".yaml"))):
            python = reader.python_of(path)
            if python is not None:
                return replace(chosen, requires_python=python, python_of=path)
    return chosen


def _script_block(source: Source, path: str) -> str | None:
    return manifests.script_block(decode(source.read(path)))


def _with_choices(chosen: Dependencies, source: Source, pyproject: dict[str, Any], build: Build) -> Dependencies:
    """`chosen` with a word on the extras and groups that are left out. ConfigError where some are asked for that its
    list does not have."""
    extras, groups = _choices(chosen, source, pyproject)
    for setting, wanted, known in (("extras", build.extras, extras), ("groups", build.groups, groups)):
        for name in wanted:
            if known is not None and normalized(name) not in {normalized(each) for each in known}:
                have = f"it has {', '.join(sorted(known)[:8])}" if known else "it has none"
                raise ConfigError(
                    f"build.{setting} names {name}, which {chosen.files[0] if chosen.files else 'the project'} "
                    f"does not have: {have}",
                    hint="correct the name, or choose the list that has it with `build: {dependencies: PATH}`",
                )
    told = about_choices(extras or set(), groups or set(), build, pyproject, by_uv=chosen.kind == "lock")
    return replace(chosen, notes=(*chosen.notes, *told))


def _choices(
    chosen: Dependencies, source: Source, pyproject: dict[str, Any]
) -> tuple[set[str] | None, set[str] | None]:
    """(extras, groups) that can be had with the list; None: only its own tool knows."""
    files = set(chosen.files) or ({"pyproject.toml"} if pyproject else set())
    if files & {"setup.py", "setup.cfg"}:
        return None, set()
    if files & {"Pipfile", "Pipfile.lock"}:
        pipfile = read_toml(source, "Pipfile") or read_json(source, "Pipfile.lock")
        return set(), {name for name, value in pipfile.items() if isinstance(value, dict)} - {"requires", "_meta"}
    lock = next((path for path in files if path.startswith("pylock.")), None)
    if lock is not None:
        named = read_toml(source, lock)
        return set(strings(named.get("extras"))), set(strings(named.get("dependency-groups")))
    if "pyproject.toml" not in files:
        return set(), set()
    optional = table(pyproject, "project", "optional-dependencies")
    extras: set[str] | None = {*optional, *table(pyproject, "tool", "poetry", "extras")}
    project = pyproject.get("project")
    if not isinstance(project, dict) or "optional-dependencies" in strings(project.get("dynamic")):
        extras = extras or None
    tool = table(pyproject, "tool")
    groups = {*table(pyproject, "dependency-groups"), *table(tool, "poetry", "group")}
    return extras, {*groups, *table(tool, "pdm", "dev-dependencies")}


def _scripts(source: Source, command: Sequence[str]) -> list[str]:
    """Those of the command; without one, the scripts that lie in the project's own folder."""
    paths = source.paths
    named = [word.removeprefix("./") for word in command if word.endswith(".py")]
    if named:
        return [path for path in named if path in paths]
    return sorted(path for path in paths if path.endswith(".py") and "/" not in path)[:_MOST_SCRIPTS]
