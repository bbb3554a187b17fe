"""Reads one dependency list, whichever tool wrote it.

Locks of other tools become a requirements file of exactly what they lock.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.conda import CondaEnvironment, read_conda
from aws_run.image.recipe.dependencies import NO_DEPENDENCIES, Dependencies, read_dependency_file
from aws_run.image.sources.source import Source
from aws_run.project import locks, manifests, pylock
from aws_run.project.folder import parse_toml, read_json, read_toml, strings, table
from aws_run.project.package import legacy_python
from aws_run.project.pdm_lock import pdm_pins
from aws_run.project.private_names import is_private
from aws_run.project.requirements import decode, read_requirement_lines, read_requirements
from aws_run.project.setup_cfg import setup_cfg_lines
from aws_run.project.uv_lock import check_uv_lock, count_packages, installs_from_folder
from aws_run.project.versions import alternatives, from_poetry

GENERATED = "aws-run-requirements.txt"


# They describe the project in their own folder; what they name is found from there.
_OF_A_PROJECT = frozenset(
    ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile", "pyproject.toml", "setup.py", "setup.cfg")
)

_UV_PYTHON = re.compile(r'^requires-python = "([^"]{1,100})"', re.MULTILINE)
_VCS_IN_TOML = re.compile(r"git\+|^\s*git\s*=|\bgit\s*=\s*\"", re.MULTILINE)


def _refuse_manifest_elsewhere(path: str) -> None:
    folder, _, name = path.rpartition("/")
    if folder and name in _OF_A_PROJECT:
        raise ConfigError(
            f"build.dependencies names {path}, and a {name} is read at the top of the project only",
            hint=f"submit the folder {folder} itself, or name a requirements.txt or an environment.yml",
        )


@frozen
class ListReader:
    """Reads one list, as its name says."""

    source: Source
    pyproject: dict[str, Any]
    build: Build

    @property
    def _groups(self) -> tuple[str, ...]:
        """Those that are asked for; else a group called main, where the project asks for nothing else."""
        if self.build.groups or self.build.extras:
            return self.build.groups
        return manifests.main_group(self.pyproject)

    def named(self, path: str) -> Dependencies:
        path = path.removeprefix("./")
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or any(is_private(part) for part in parts):
            raise ConfigError(f"build.dependencies is {path!r}, which can't be a list of this project")
        if not self.source.has(path):
            raise ConfigError(
                f"build.dependencies names {path}, which is not in {self.source.root}",
                hint="correct the path, or write `dependencies: auto`",
            )
        _refuse_manifest_elsewhere(path)
        if path.endswith(".py") and path != "setup.py":
            return self.script(path, manifests.script_block(decode(self.source.read(path))) or "")
        return self.read(path)

    def read(self, path: str) -> Dependencies:
        readers: dict[str, Callable[[], Dependencies]] = {
            "uv.lock": self._uv_lock,
            "poetry.lock": self._poetry_lock,
            "pdm.lock": self._pdm_lock,
            "Pipfile.lock": self._pipfile_lock,
            "Pipfile": self._pipfile,
            "pyproject.toml": self._pyproject,
            "setup.py": lambda: self._legacy("setup.py"),
            "setup.cfg": lambda: self._legacy("setup.cfg"),
        }
        if path in readers:
            return readers[path]()
        if path.startswith("pylock."):
            return self._pylock(path)
        if path.endswith((".yml", ".yaml")):
            return self._conda(path)
        return self._requirements(path)

    def python_of(self, path: str) -> str | None:
        """What a Pipfile or a list of conda's says of the Python, as `requires-python` would; None: nothing that can be
        read."""
        try:
            if path == "Pipfile":
                return _series(table(read_toml(self.source, path), "requires"))
            return read_conda(self.source, path).python
        except SourceError:
            return None

    def script(self, path: str, block: str) -> Dependencies:
        parsed = parse_toml(block, path)
        python = parsed.get("requires-python")
        return _generated(
            (path,),
            strings(parsed.get("dependencies")),
            f"{path} (script metadata)",
            requires_python=python if isinstance(python, str) else None,
        )

    def _requirements(self, path: str) -> Dependencies:
        read = read_requirements(self.source, path)
        if read.packages == 0:
            return NO_DEPENDENCIES
        return Dependencies(
            kind="requirements",
            files=tuple(read.texts),
            whole_project=read.local,
            title=f"{path}, {_packages(read.packages)}",
            texts=tuple(read.texts.items()),
            needs_git=read.git,
            find_links=read.find_links,
            list_options=read.options,
        )

    def _uv_lock(self) -> Dependencies:
        _refuse_sources_elsewhere(self.pyproject)
        text = read_dependency_file(self.source, "uv.lock").decode(errors="replace")
        check_uv_lock(text, self.pyproject)
        return Dependencies(
            kind="lock",
            files=("pyproject.toml", "uv.lock"),
            whole_project=installs_from_folder(text),
            title=f"uv.lock, {_packages(count_packages(text))}",
            needs_git="git = " in text,
            extras=self.build.extras,
            groups=self._groups,
            requires_python=match[1] if (match := _UV_PYTHON.search(text[:4096])) is not None else None,
        )

    def _pylock(self, path: str) -> Dependencies:
        lock = read_toml(self.source, path)
        python = lock.get("requires-python")
        pins = pylock.pylock_pins(lock, groups=self.build.groups, extras=self.build.extras)
        indexes = pylock.pylock_indexes(lock)
        made = _locked((path,), pins, path, python if isinstance(python, str) else None, indexes)
        folders = tuple(each for each in pylock.pylock_folders(lock) if not each.startswith(("/", "..")))
        return replace(made, find_links=folders, whole_project=made.whole_project or bool(folders))

    def _poetry_lock(self) -> Dependencies:
        lock = read_toml(self.source, "poetry.lock")
        groups = frozenset(self.build.groups) | {"main"}
        wanted = manifests.poetry_wanted(self.pyproject, sorted(groups))
        pins = locks.poetry_pins(lock, [name for name, _ in wanted], groups, self.build.extras)
        locks.check_fit(pins, wanted, "poetry.lock", "pyproject.toml", "poetry lock")
        return _locked(
            ("pyproject.toml", "poetry.lock"),
            pins,
            "poetry.lock",
            poetry_python(self.pyproject) or _locked_python(lock),
            manifests.poetry_indexes(self.pyproject),
        )

    def _pdm_lock(self) -> Dependencies:
        # pdm locks an extra as a group of its name.
        groups = frozenset({"default", *self._groups, *self.build.extras})
        asked_for = manifests.pdm_requirements(self.pyproject, self._groups, self.build.extras)
        pins = pdm_pins(read_toml(self.source, "pdm.lock"), groups, asked_for)
        wanted = manifests.project_wanted(self.pyproject)
        locks.check_fit(pins, wanted, "pdm.lock", "pyproject.toml", "pdm lock")
        return _locked(("pyproject.toml", "pdm.lock"), pins, "pdm.lock", None)

    def _pipfile_lock(self) -> Dependencies:
        lock = read_json(self.source, "Pipfile.lock")
        pins = locks.pipfile_pins(lock, ["default", *self.build.groups])
        files: tuple[str, ...] = ("Pipfile.lock",)
        if self.source.has("Pipfile"):
            files = ("Pipfile", "Pipfile.lock")
            wanted = manifests.pipfile_wanted(read_toml(self.source, "Pipfile"), ["packages", *self.build.groups])
            locks.check_fit(pins, wanted, "Pipfile.lock", "Pipfile", "pipenv lock")
        python = table(lock, "_meta", "requires")
        indexes = manifests.pipfile_indexes(table(lock, "_meta").get("sources"))
        return _locked(files, pins, "Pipfile.lock", _series(python), indexes)

    def _pipfile(self) -> Dependencies:
        parsed = read_toml(self.source, "Pipfile")
        lines = manifests.pipfile_lines(parsed, ["packages", *self.build.groups])
        python = _series(table(parsed, "requires"))
        indexes = manifests.pipfile_indexes(parsed.get("source"))
        return _generated(("Pipfile",), lines, "Pipfile", requires_python=python, indexes=indexes)

    def _conda(self, path: str) -> Dependencies:
        environment = read_conda(self.source, path)
        if environment.only_conda:
            return self._by_micromamba(path, environment)
        title = f"{path} (conda, installed from the package index)"
        made = self._of_lines(path, environment.lines, title, environment.python)
        return replace(made, notes=_about_variables(path, environment))

    def _by_micromamba(self, path: str, environment: CondaEnvironment) -> Dependencies:
        pip = self._of_lines(path, environment.pip, path, environment.python)
        count = len(environment.specs) + len(environment.pip)
        named = ", ".join(environment.only_conda[:4])
        return replace(
            pip,
            kind="conda",
            files=pip.files or (path,),
            title=f"{path} (conda), {_packages(count)}",
            notes=(
                f"micromamba makes the environment, because only conda has {named}",
                *_about_variables(path, environment),
            ),
            requires_python=environment.python,
            conda=environment,
        )

    def _of_lines(self, path: str, lines: Iterable[str], title: str, python: str | None) -> Dependencies:
        """Lines of a requirements file that stand inside of another one; they may name files of the project."""
        lines = list(lines)
        if not lines:
            return replace(NO_DEPENDENCIES, requires_python=python)
        read = read_requirement_lines(self.source, path, lines, written_to=GENERATED)
        return Dependencies(
            kind="requirements",
            files=(path, *(name for name in read.texts if name != GENERATED)),
            whole_project=read.local,
            title=f"{title}, {_packages(read.packages)}",
            texts=tuple(read.texts.items()),
            needs_git=read.git,
            find_links=read.find_links,
            list_options=read.options,
            requires_python=python,
        )

    def _pyproject(self) -> Dependencies:
        poetry = manifests.poetry_sections(self.pyproject, ())[0]
        project = self.pyproject.get("project")
        if not isinstance(project, dict):
            if poetry:
                return self._poetry_without_lock()
            if "build-system" not in self.pyproject:
                return NO_DEPENDENCIES  # only settings of tools
            # The build backend knows the dependencies, and wants to see the project.
            return self._by_uv(whole=True, count=None)
        dynamic = strings(project.get("dynamic"))
        if "dependencies" in dynamic and poetry.keys() - {"python"}:
            return self._poetry_without_lock()  # its back end builds nothing where package-mode is off
        if {"dependencies", "optional-dependencies"} & set(dynamic):
            return self._by_uv(whole=True, count=None)
        listed = strings(project.get("dependencies"))
        if not listed and not self.build.extras and not self._groups:
            return NO_DEPENDENCIES
        main = strings(table(self.pyproject, "dependency-groups").get("main")) if not self.build.groups else []
        count = len(listed or main)
        return self._by_uv(whole=_has_path_sources(self.pyproject), count=count)

    def _poetry_without_lock(self) -> Dependencies:
        lines = manifests.poetry_lines(self.pyproject, self.build.groups, self.build.extras)
        indexes = manifests.poetry_indexes(self.pyproject)
        python = poetry_python(self.pyproject)
        title = "pyproject.toml (poetry, no lock)"
        return _generated(("pyproject.toml",), lines, title, requires_python=python, indexes=indexes)

    def _by_uv(self, *, whole: bool, count: int | None) -> Dependencies:
        _refuse_sources_elsewhere(self.pyproject)
        text = self.source.read_text("pyproject.toml")
        return Dependencies(
            kind="pyproject",
            files=("pyproject.toml",),
            whole_project=whole,
            title="pyproject.toml" + (f", {_packages(count)}" if count is not None else ", by its build backend"),
            needs_git=_VCS_IN_TOML.search(text) is not None,
            extras=self.build.extras,
            groups=self._groups,
        )

    def _legacy(self, path: str) -> Dependencies:
        """setup.py and setup.cfg: only setuptools knows what they ask for."""
        if path == "setup.cfg" and not re.search(
            r"(?m)^\[(?:metadata|options)\]", decode(self.source.read("setup.cfg"))
        ):
            return NO_DEPENDENCIES  # only settings of tools
        if not self.pyproject and not self.source.has("setup.py"):
            # No tool installs such a folder, and its list can be read.
            lines = setup_cfg_lines(decode(self.source.read(path)), self.build.extras)
            return self._of_lines(path, lines, path, legacy_python(self.source, path))
        extras = f"[{','.join(self.build.extras)}]" if self.build.extras else ""
        made = _generated((path,), [f"-e .{extras}"], path)
        return replace(made, whole_project=True, title=f"{path}, the project itself and what it asks for")


def _locked(
    files: tuple[str, ...],
    pins: list[locks.Pin],
    title: str,
    python: str | None,
    indexes: list[str] | None = None,
) -> Dependencies:
    lines = [pin.line for pin in pins]
    made = _generated(files, lines, title, requires_python=python, indexes=indexes)
    any_index = bool(indexes) and all(pin.hashes or pin.url for pin in pins)
    return made if made.kind == "none" else replace(made, locked=True, any_index=any_index)


def _generated(
    files: tuple[str, ...],
    lines: list[str],
    title: str,
    *,
    requires_python: str | None = None,
    indexes: list[str] | None = None,
) -> Dependencies:
    if not lines:
        return replace(NO_DEPENDENCIES, requires_python=requires_python)
    for line in lines:
        if "\n" in line or "\r" in line:
            raise SourceError(f"{title} holds a line break inside of an entry", hint="correct it")
    text = "".join(f"{line}\n" for line in [*(indexes or []), *lines])
    return Dependencies(
        kind="requirements",
        files=files,
        whole_project=any("file:" in line or line.startswith(("-e ", "./")) for line in lines),
        title=f"{title}, {_packages(len(lines))}",
        texts=((GENERATED, text),),
        needs_git="git+" in text,
        requires_python=requires_python,
    )


def poetry_python(pyproject: dict[str, Any]) -> str | None:
    value = table(pyproject, "tool", "poetry", "dependencies").get("python")
    return alternatives(value, from_poetry) if isinstance(value, str) else None


def _locked_python(lock: dict[str, Any]) -> str | None:
    value = table(lock, "metadata").get("python-versions")
    return alternatives(value, from_poetry) or None if isinstance(value, str) else None


def _about_variables(path: str, environment: CondaEnvironment) -> tuple[str, ...]:
    if not environment.variables:
        return ()
    names = ", ".join(environment.variables[:6])
    return (f"{path} also sets {names}, which the job does not get; `env:` in aws-run.yaml hands them over",)


def _series(requires: dict[str, Any]) -> str | None:
    """pipenv's `python_version = "3.11"`, or its `python_full_version`, which pipenv takes exactly."""
    full, series = requires.get("python_full_version"), requires.get("python_version")
    if isinstance(full, str) and full:
        return f"=={full}"
    return f"=={series}.*" if isinstance(series, str) and series else None


def _packages(count: int) -> str:
    return "1 package" if count == 1 else f"{count} packages"


def _refuse_sources_elsewhere(pyproject: dict[str, Any]) -> None:
    """SourceError for packages that lie beside the project: a member of a workspace alone has not its siblings."""
    uv = table(pyproject, "tool", "uv")
    for name, entry in table(uv, "sources").items():
        if not isinstance(entry, dict):
            continue
        outside = isinstance(entry.get("path"), str) and posixpath.normpath(entry["path"]).startswith(("..", "/"))
        if outside or (entry.get("workspace") is True and "workspace" not in uv):
            where = f"in {entry['path']}" if outside else "a member of the same workspace"
            raise SourceError(
                f"pyproject.toml asks for {name}, {where}, which lies outside of this folder",
                hint="submit the folder that holds both, and name the script there: "
                "`aws-run submit .. --command 'python FOLDER/main.py'`",
            )


def _has_path_sources(pyproject: dict[str, Any]) -> bool:
    sources = table(pyproject, "tool", "uv", "sources")
    return any(isinstance(entry, dict) and ("path" in entry or "workspace" in entry) for entry in sources.values())
