"""Which recipe makes the image: the project's own Dockerfile, or ours with the dependencies found in the folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DependencyKind = Literal["none", "requirements", "lock", "pyproject"]


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
    """Our Dockerfile. `dependency_files` are project paths that alone decide the dependency layer;
    `whole_project`: the dependencies install the project itself (`-e .`), so every file decides it."""

    base_image: str
    python: str | None  # None: whatever base_image holds
    dependencies: DependencyKind
    dependency_files: tuple[str, ...] = ()
    whole_project: bool = False
    python_path: tuple[str, ...] = field(default=())  # project folders to put on PYTHONPATH

    @property
    def summary(self) -> str:
        python = f"Python {self.python}" if self.python else self.base_image
        if self.dependencies == "none":
            return f"{python}, no dependencies"
        return f"{python}, {' + '.join(self.dependency_files[:2])}"


Recipe = OwnDockerfile | StandardRecipe
