"""Which recipe makes the image: the project's own Dockerfile, or ours with the dependencies found in the folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.image.recipe import python_version
from aws_run.image.recipe.dependencies import Dependencies, DependencyKind, find_dependencies, poetry_python
from aws_run.image.recipe.git_version import version_from_git
from aws_run.image.recipe.other_builders import apt_list, notes_about, pinned_python
from aws_run.image.recipe.own_dockerfile import find_dockerfile
from aws_run.image.sources.source import Source
from aws_run.project.files import TEXT_MAX_BYTES
from aws_run.project.folder import read_toml, table
from aws_run.project.package import InstallPlan, plan_install, scm_variable

DEFAULT_BASE = "public.ecr.aws/docker/library/python:{python}-slim-bookworm"


@dataclass(frozen=True, kw_only=True)
class OwnDockerfile:
    """Built as it is. `base_image`, when set, is passed as the build argument BASE_IMAGE."""

    path: str
    base_image: str | None = None
    target: str | None = None
    args: tuple[tuple[str, str], ...] = ()

    @property
    def summary(self) -> str:
        return f"the project's {self.path}" + (f", stage {self.target}" if self.target else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, for the plan."""
        return (f"the image is built from {self.summary}",)


@dataclass(frozen=True, kw_only=True)
class StandardRecipe:
    """Our Dockerfile. `python_path`: folders of the project that go on PYTHONPATH, as installing it would do."""

    base_image: str
    python: str | None  # None: whatever `base_image` holds
    dependencies: Dependencies
    python_path: tuple[str, ...] = ()
    install: InstallPlan | None = None  # None: the project itself is not installed
    version: tuple[str, str] | None = None  # a variable and the version from git that it hands to the build back end
    apt: tuple[str, ...] = ()
    apt_file: str | None = None  # the list of another builder that names `apt`
    other_notes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()  # packages that only running the program needs

    @property
    def summary(self) -> str:
        python = f"Python {self.python}" if self.python else self.base_image
        files = self.dependencies.files
        return f"{python}, {' + '.join(files[:2])}" if files else f"{python}, no dependencies"

    @property
    def needs_uv(self) -> bool:
        return self.dependencies.kind != "none" or self.install is not None or bool(self.tools)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, for the plan."""
        told = [f"dependencies: {self.dependencies.title}", *self.dependencies.notes]
        if self.install is not None:
            told.append("the project itself is installed")
        if self.version is not None:
            told.append(f"its version is {self.version[1]}, read from git's tags")
        if self.apt:
            told.append(f"Debian packages: {', '.join(self.apt)}" + (f", of {self.apt_file}" if self.apt_file else ""))
        return (*told, *self.other_notes)


Recipe = OwnDockerfile | StandardRecipe


def choose_recipe(build: Build, source: Source, command: Sequence[str] = (), tools: tuple[str, ...] = ()) -> Recipe:
    """ConfigError for settings that can't be right, SourceError for files of the project that can't be read.

    `command`: what will be run, where that is known; a script may carry its own list of dependencies. `tools`: what
    running it needs beside the project's own list."""
    own = find_dockerfile(build, source)
    if own is not None:
        args = tuple(sorted(build.args.items()))
        return OwnDockerfile(path=own, base_image=build.base_image, target=build.target, args=args)
    if build.target or build.args:
        raise ConfigError(
            "build.target and build.args are for a Dockerfile, and the project has none that is used",
            hint="remove them, or name the Dockerfile: `build: {dockerfile: PATH}`",
        )
    pyproject = read_pyproject(source)
    listed = apt_list(source) if not build.apt else None
    dependencies = find_dependencies(source, pyproject, build, command)
    python = _python(build, source, pyproject, dependencies)
    base = build.base_image or DEFAULT_BASE.format(python=python)
    install = plan_install(source, pyproject, wanted=build.install, command=command)
    return StandardRecipe(
        base_image=base,
        python=None if build.base_image else python,
        dependencies=dependencies,
        python_path=_python_path(source, pyproject),
        install=install,
        version=_version(source, pyproject) if install is not None or dependencies.whole_project else None,
        apt=build.apt or (listed[1] if listed is not None else ()),
        apt_file=listed[0] if listed is not None else None,
        other_notes=tuple(notes_about(source)),
        tools=tools,
    )


def read_pyproject(source: Source) -> dict[str, Any]:
    return read_toml(source, "pyproject.toml", max_bytes=TEXT_MAX_BYTES)


def _python(build: Build, source: Source, pyproject: dict[str, Any], dependencies: Dependencies) -> str:
    if build.python is not None:
        if not re.fullmatch(r"\d+\.\d+(\.\d+)?", build.python):
            raise ConfigError(f"build.python is {build.python!r}, which is no version", hint='write it as "3.12"')
        return build.python
    if source.has(".python-version"):
        pinned = python_version.from_pin(source.read_text(".python-version"))
        if pinned is not None:
            return pinned
    if (pinned := pinned_python(source)) is not None:
        return pinned
    if source.has("runtime.txt"):
        pinned = python_version.from_runtime(source.read_text("runtime.txt"))
        if pinned is not None:
            return pinned
    for place, requires in _requirements_of_python(pyproject, dependencies):
        if not python_version.is_readable(requires):
            continue
        chosen = python_version.from_requires(requires)
        if chosen is None:
            if build.base_image is not None:
                continue
            raise SourceError(
                f"{place} asks for Python {requires}, which no base image here has (3.9 to 3.14)",
                hint="set build.python to a version that works, or build.base_image to an image that has it",
            )
        return chosen
    return python_version.DEFAULT


def _version(source: Source, pyproject: dict[str, Any]) -> tuple[str, str] | None:
    """Where the build back end would ask git, which it can't: .git never goes into a build."""
    variable = scm_variable(source, pyproject)
    return (variable, version_from_git(source.root)) if variable is not None else None


def _requirements_of_python(pyproject: dict[str, Any], dependencies: Dependencies) -> list[tuple[str, str]]:
    """(who says it, in the words of `requires-python`), the strongest first."""
    requires = table(pyproject, "project").get("requires-python")
    places = [
        ("pyproject.toml", requires if isinstance(requires, str) else None),
        ("pyproject.toml", poetry_python(pyproject)),
        (" + ".join(dependencies.files) or "the project", dependencies.requires_python),
    ]
    return [(place, text) for place, text in places if text]


def _python_path(source: Source, pyproject: dict[str, Any]) -> tuple[str, ...]:
    """Where the project's own package is imported from: from its files, whether it is installed or not."""
    if "build-system" not in pyproject:
        return ()
    return ("src",) if any(file.path.startswith("src/") for file in source.files) else ("",)


__all__ = ["Dependencies", "DependencyKind", "OwnDockerfile", "Recipe", "StandardRecipe", "choose_recipe"]
