"""Which of the project's dependency lists is installed.

The lists are looked for in one order (`_candidates`); the first that names anything is installed, and the plan tells
which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError
from aws_run.image.recipe.conda import NAMES as CONDA_NAMES
from aws_run.image.recipe.dependencies import NO_DEPENDENCIES, Dependencies
from aws_run.image.recipe.dependency_lists import ListReader
from aws_run.image.sources.source import Source
from aws_run.project import manifests
from aws_run.project.folder import read_json, read_toml, strings, table
from aws_run.project.requirements import decode
from aws_run.project.versions import normalized

_NOT_FOR_RUNS = re.compile(r"(?:^|[-_./])(?:dev|tests?|testing|docs?|lint|ci|build|typing|constraints?)(?:[-_.]|$)")


_REQUIREMENT_NAMES = ("requirements.txt", "requirements.in")


_PREFERRED = ("main", "base", "prod", "production", "default", "requirements", "run", "runtime")


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
    candidates = list(_candidates(source, pyproject))
    passed: list[str] = []
    for place, path in enumerate(candidates):
        chosen = reader.read(path)
        if chosen.kind == "none":
            passed.append(path)
            continue
        _with_choices(chosen, source, pyproject, build)
        # Beside a list of its own a script may carry metadata for others who run it alone.
        return replace(chosen, notes=(*chosen.notes, *_others(path, candidates[place + 1 :])))
    for path in _scripts(source, command):
        block = manifests.script_block(decode(source.read(path)))
        if block is not None:
            return _with_choices(reader.script(path, block), source, pyproject, build)
    return _with_choices(NO_DEPENDENCIES, source, pyproject, build)


def _with_choices(chosen: Dependencies, source: Source, pyproject: dict[str, Any], build: Build) -> Dependencies:
    """`chosen`, unless extras or groups are asked for that its list does not have: ConfigError."""
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
    return chosen


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
    if "pyproject.toml" not in files:
        return (None, None) if any(path.startswith("pylock.") for path in files) else (set(), set())
    optional = table(pyproject, "project", "optional-dependencies")
    extras: set[str] | None = {*optional, *table(pyproject, "tool", "poetry", "extras")}
    project = pyproject.get("project")
    if not isinstance(project, dict) or "optional-dependencies" in strings(project.get("dynamic")):
        extras = extras or None
    tool = table(pyproject, "tool")
    groups = {*table(pyproject, "dependency-groups"), *table(tool, "poetry", "group")}
    return extras, {*groups, *table(tool, "pdm", "dev-dependencies")}


def _candidates(source: Source, pyproject: dict[str, Any]) -> Iterator[str]:
    """Paths of lists that are there, best first."""
    top = {path for path in source.paths if "/" not in path}
    manifest = bool(pyproject)
    names = ["uv.lock"] if manifest else []
    names += ["pylock.toml", *sorted(path for path in top if re.fullmatch(r"pylock\.[^./]+\.toml", path))]
    names += ["poetry.lock", "pdm.lock"] if manifest else []
    names += ["Pipfile.lock", "Pipfile", *_REQUIREMENT_NAMES]
    yield from (name for name in names if source.has(name))
    yield from _requirement_files(source)
    yield from (name for name in CONDA_NAMES if source.has(name))
    if manifest:
        yield "pyproject.toml"
    yield from (name for name in ("setup.py", "setup.cfg") if source.has(name))
    # repo2docker's own folder: what its notebook server needs besides.
    below = [f"{folder}{name}" for folder in ("binder/", ".binder/") for name in (*CONDA_NAMES, "requirements.txt")]
    yield from (path for path in below if source.has(path))


def _requirement_files(source: Source) -> list[str]:
    """`requirements-gpu.txt`, `requirements/base.txt`: the likeliest first."""
    if any(source.has(name) for name in _REQUIREMENT_NAMES):
        return []
    pattern = re.compile(r"(?:requirements[^/]*|requirements/[^/]+|reqs?)\.(?:txt|in)")
    paths = [path for path in source.paths if pattern.fullmatch(path) and not _NOT_FOR_RUNS.search(path)]

    def rank(path: str) -> tuple[int, int, str]:
        stem = path.rpartition("/")[2].rpartition(".")[0]
        return (_PREFERRED.index(stem) if stem in _PREFERRED else len(_PREFERRED), path.endswith(".in"), path)

    return sorted(paths, key=rank)


_SAME = (
    frozenset({"uv.lock", "pyproject.toml", "setup.py", "setup.cfg"}),
    frozenset({"poetry.lock", "pyproject.toml"}),
    frozenset({"pdm.lock", "pyproject.toml"}),
    frozenset({"Pipfile.lock", "Pipfile"}),
    frozenset({"requirements.txt", "requirements.in"}),
    frozenset({"pyproject.toml", "setup.py", "setup.cfg"}),
)


def _others(chosen: str, rest: list[str]) -> list[str]:
    others = [path for path in rest if not any({chosen, path} <= pair for pair in _SAME)]
    others = [path for path in others if path not in ("setup.py", "setup.cfg", "pyproject.toml")] or others
    if not others:
        return []
    named = ", ".join(others[:4])
    return [f"{chosen} is installed and {named} is not; `build: {{dependencies: {others[0]}}}` chooses that one"]


def _scripts(source: Source, command: Sequence[str]) -> list[str]:
    """Those of the command; without one, the scripts that lie in the project's own folder."""
    paths = source.paths
    named = [word.removeprefix("./") for word in command if word.endswith(".py")]
    if named:
        return [path for path in named if path in paths]
    return sorted(path for path in paths if path.endswith(".py") and "/" not in path)[:_MOST_SCRIPTS]
