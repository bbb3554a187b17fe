"""What the project needs installed, and the files that alone decide it."""

from __future__ import annotations

import hashlib
from typing import Literal

from aws_run.frozen import frozen
from aws_run.image.recipe.conda import CondaEnvironment
from aws_run.image.sources.source import Source
from aws_run.project.files import LOCK_MAX_BYTES
from aws_run.project.requirements import variables_of

# lock: pyproject.toml with uv.lock; pyproject: its [project] dependencies, resolved at build time.
# conda: micromamba makes the environment, and pip's own section follows.
DependencyKind = Literal["none", "requirements", "lock", "pyproject", "conda"]

CONDA_GENERATED = "aws-run-environment.yml"


@frozen
class Dependencies:
    """`files`: paths inside the project. `whole_project`: installing them installs something of the project as well
    (`-e .`, a path dependency), so every file goes into the dependency layer and decides it.

    `texts`: (path, content) of requirements files as they are handed to the installer, the first of them is named to
    it. `locked`: nothing but those lines is installed. `requires_python`: what the list says of it, as PEP 440 does."""

    kind: DependencyKind
    files: tuple[str, ...] = ()
    whole_project: bool = False
    title: str = "none"
    texts: tuple[tuple[str, str], ...] = ()
    locked: bool = False
    needs_git: bool = False
    find_links: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    requires_python: str | None = None
    python_of: str | None = None  # the list that says so, where it is another one
    notes: tuple[str, ...] = ()
    conda: CondaEnvironment | None = None  # of the kind conda
    list_options: tuple[str, ...] = ()  # of the list, which uv takes on its command line alone
    any_index: bool = False  # each line has its hashes, so it does not matter which index brings it

    @property
    def requirements_file(self) -> str:
        return self.texts[0][0] if self.texts else "requirements.txt"

    @property
    def variables(self) -> tuple[str, ...]:
        """Of the shell, which the list puts into addresses: `https://${TOKEN}@host/simple`."""
        return variables_of(text for _, text in self.texts)

    @property
    def options(self) -> tuple[str, ...]:
        """What uv is given beside the list."""
        chosen = [f"--extra={name}" for name in self.extras] + [f"--group={name}" for name in self.groups]
        strategy = ["--index-strategy=unsafe-best-match"] if self.any_index else []
        return (
            *(["--no-deps"] if self.locked else []),
            *strategy,
            *self.list_options,
            *(chosen if self.kind in ("lock", "pyproject") else []),
        )


NO_DEPENDENCIES = Dependencies(kind="none")


def dependency_digest(source: Source, dependencies: Dependencies) -> str:
    """64 hex digits over the dependency files as they are on disk, ignored or not."""
    digest = hashlib.sha256(dependencies.kind.encode())
    for path in dependencies.files:
        content = read_dependency_file(source, path)
        digest.update(f"{len(content)}\0{path}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def read_dependency_file(source: Source, path: str) -> bytes:
    """One of `Dependencies.files`; a lock may be large."""
    return source.read(path, max_bytes=LOCK_MAX_BYTES)


def installer_files(source: Source, dependencies: Dependencies) -> dict[str, bytes]:
    """What the installer reads, by path: the files as they are, or as uv takes them."""
    written = {path: text.encode() for path, text in dependencies.texts}
    own = {path: read_dependency_file(source, path) for path in dependencies.files if path not in written}
    return {**own, **written}
