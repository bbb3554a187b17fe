"""What the project needs installed, and the files that alone decide it."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from aws_run.errors import SourceError
from aws_run.image.source import Source
from aws_run.project.files import LOCK_MAX_BYTES
from aws_run.project.private_names import is_private

# lock: pyproject.toml with uv.lock; pyproject: its [project] dependencies, resolved at build time.
DependencyKind = Literal["none", "requirements", "lock", "pyproject"]

_MOST_REQUIREMENTS_FILES = 100
_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)[\s=]*(?P<path>\S+)")
_EDITABLE = re.compile(r"^(?:-e|--editable)[\s=]*(?P<what>.+)$")


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """`files`: paths inside the project. `whole_project`: installing them installs something of the project as well
    (`-e .`, a path dependency), so every file goes into the dependency layer and decides it."""

    kind: DependencyKind
    files: tuple[str, ...] = ()
    whole_project: bool = False


def find_dependencies(source: Source, pyproject: dict[str, Any]) -> Dependencies:
    """requirements.txt, else pyproject.toml with uv.lock, else pyproject.toml, else none."""
    if source.has("requirements.txt"):
        files: list[str] = []
        local = _read_requirements(source, "requirements.txt", files)
        return Dependencies(kind="requirements", files=tuple(files), whole_project=local)
    if not pyproject:
        return Dependencies(kind="none")
    if source.has("uv.lock"):
        return Dependencies(kind="lock", files=("pyproject.toml", "uv.lock"), whole_project=_lock_is_local(source))
    project = pyproject.get("project")
    if not isinstance(project, dict):
        if "build-system" not in pyproject:
            return Dependencies(kind="none")  # only settings of tools
        # Poetry and the like: the build backend knows the dependencies, and wants to see the project.
        return Dependencies(kind="pyproject", files=("pyproject.toml",), whole_project=True)
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        return Dependencies(kind="pyproject", files=("pyproject.toml",), whole_project=True)
    if not project.get("dependencies"):
        return Dependencies(kind="none")
    return Dependencies(kind="pyproject", files=("pyproject.toml",), whole_project=_has_path_sources(pyproject))


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


def _read_requirements(source: Source, path: str, files: list[str]) -> bool:
    """Append `path` and what it includes to `files`; whether any line installs from the project's own folder."""
    if len(files) >= _MOST_REQUIREMENTS_FILES:
        raise SourceError(
            f"requirements.txt includes more than {_MOST_REQUIREMENTS_FILES} files", hint="put them into one"
        )
    files.append(path)
    text = source.read_text(path)
    local = False
    for line in _logical_lines(text):
        include = _INCLUDE.match(line)
        if include is None:
            local = local or _is_local(line)
            continue
        if "://" in include["path"]:
            continue
        included = posixpath.normpath(posixpath.join(posixpath.dirname(path), include["path"].strip("\"'")))
        if any(is_private(part) for part in included.split("/")):
            raise SourceError(
                f"{path} includes {include['path']}, which never goes into an image", hint="correct that line"
            )
        if included.startswith(("../", "/")) or not source.has(included):
            raise SourceError(
                f"{path} includes {include['path']}, which is not in {source.root}", hint="correct that line"
            )
        if included not in files:
            local = _read_requirements(source, included, files) or local
    return local


def _logical_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        # Blanks are made one: the patterns here try each of them.
        bare = re.sub(r"(^| )#.*$", "", " ".join(line.split())).strip()
        if bare:
            yield bare


def _is_local(line: str) -> bool:
    editable = _EDITABLE.match(line)
    what = (editable["what"] if editable else line).strip().strip("\"'")
    if re.match(r"^[A-Za-z0-9._-]+\s*(\[[^]]*\])?\s*@\s*file:", what) or what.startswith("file:"):
        return True
    if what.startswith("-") or "://" in what:
        return False
    return editable is not None or what.startswith((".", "/")) or what.endswith((".whl", ".tar.gz", ".zip"))


def _lock_is_local(source: Source) -> bool:
    """Path, directory or editable packages other than the project itself, which is not installed."""
    text = read_dependency_file(source, "uv.lock").decode(errors="replace")
    return any(
        match[1] != "."
        for match in re.finditer(r'^source = \{ (?:path|directory|editable|virtual) = "([^"]*)"', text, re.M)
    )


def _has_path_sources(pyproject: dict[str, Any]) -> bool:
    tool = pyproject.get("tool")
    uv = tool.get("uv") if isinstance(tool, dict) else None
    sources = uv.get("sources") if isinstance(uv, dict) else None
    if not isinstance(sources, dict):
        return False
    return any(isinstance(entry, dict) and ("path" in entry or "workspace" in entry) for entry in sources.values())
