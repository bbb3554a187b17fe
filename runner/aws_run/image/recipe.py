"""Which recipe makes the image: the project's own Dockerfile, or ours with the dependencies found in the folder."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from typing import Any

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.image import python_version
from aws_run.image.dependencies import Dependencies, DependencyKind, find_dependencies
from aws_run.image.source import Source
from aws_run.project.private_names import is_private

# tomli is tomllib, for Python 3.10.
tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

DEFAULT_BASE = "public.ecr.aws/docker/library/python:{python}-slim-bookworm"


@dataclass(frozen=True, kw_only=True)
class OwnDockerfile:
    """Built as it is. `base_image`, when set, is passed as the build argument BASE_IMAGE."""

    path: str
    base_image: str | None = None

    @property
    def summary(self) -> str:
        return f"the project's {self.path}"


@dataclass(frozen=True, kw_only=True)
class StandardRecipe:
    """Our Dockerfile. `python_path`: folders of the project that go on PYTHONPATH, as installing it would do."""

    base_image: str
    python: str | None  # None: whatever `base_image` holds
    dependencies: Dependencies
    python_path: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        python = f"Python {self.python}" if self.python else self.base_image
        files = self.dependencies.files
        return f"{python}, {' + '.join(files[:2])}" if files else f"{python}, no dependencies"


Recipe = OwnDockerfile | StandardRecipe


def choose_recipe(build: Build, source: Source) -> Recipe:
    """ConfigError for settings that can't be right, SourceError for files of the project that can't be read."""
    own = _own_dockerfile(build, source)
    if own is not None:
        return OwnDockerfile(path=own, base_image=build.base_image)
    pyproject = read_pyproject(source)
    python = _python(build, source, pyproject)
    base = build.base_image or DEFAULT_BASE.format(python=python)
    return StandardRecipe(
        base_image=base,
        python=None if build.base_image else python,
        dependencies=find_dependencies(source, pyproject),
        python_path=_python_path(source, pyproject),
    )


def read_pyproject(source: Source) -> dict[str, Any]:
    if not source.has("pyproject.toml"):
        return {}
    text = source.read_text("pyproject.toml")
    try:
        parsed: dict[str, Any] = tomllib.loads(text)
    except RecursionError:
        raise SourceError("pyproject.toml can't be read: it is nested too deep", hint="correct it") from None
    except ValueError as error:  # TOMLDecodeError is one; a number of 5,000 digits gives another
        raise SourceError(f"pyproject.toml can't be read: {error}", hint="correct it") from None
    return parsed


def _own_dockerfile(build: Build, source: Source) -> str | None:
    if build.dockerfile == "none":
        return None
    if build.dockerfile == "auto":
        # Docker reads it from the disk whatever the ignore files say, and so do we.
        return "Dockerfile" if source.has("Dockerfile") else None
    path = build.dockerfile.removeprefix("./")
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(
            f"build.dockerfile is {build.dockerfile!r}, outside of the project",
            hint="give a path inside the project, or `auto`, or `none`",
        )
    if any(is_private(part) for part in path.split("/")):
        raise ConfigError(
            f"build.dockerfile names {build.dockerfile}, which never goes into an image",
            hint="give the Dockerfile another name",
        )
    if not source.has(path):
        raise ConfigError(
            f"build.dockerfile names {build.dockerfile}, which is not in {source.root}",
            hint="correct the path, or set `dockerfile: auto` or `none`",
        )
    return path


def _python(build: Build, source: Source, pyproject: dict[str, Any]) -> str:
    if build.python is not None:
        if not re.fullmatch(r"\d+\.\d+(\.\d+)?", build.python):
            raise ConfigError(f"build.python is {build.python!r}, which is no version", hint='write it as "3.12"')
        return build.python
    if source.has(".python-version"):
        pinned = python_version.from_pin(source.read_text(".python-version"))
        if pinned is not None:
            return pinned
    project = pyproject.get("project")
    requires = project.get("requires-python") if isinstance(project, dict) else None
    if isinstance(requires, str):
        return python_version.from_requires(requires) or python_version.DEFAULT
    return python_version.DEFAULT


def _python_path(source: Source, pyproject: dict[str, Any]) -> tuple[str, ...]:
    """The dependencies are installed, the project is not (a code edit would rebuild them), so its package is put
    where Python finds it."""
    if "build-system" not in pyproject:
        return ()
    return ("src",) if any(file.path.startswith("src/") for file in source.files) else ("",)


__all__ = ["Dependencies", "DependencyKind", "OwnDockerfile", "Recipe", "StandardRecipe", "choose_recipe"]
