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

# lock: pyproject.toml with uv.lock; pyproject: its [project] dependencies, resolved at build time.
DependencyKind = Literal["none", "requirements", "lock", "pyproject"]

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
    root = source.root
    if (root / "requirements.txt").is_file():
        files: list[str] = []
        local = _read_requirements(source, "requirements.txt", files)
        return Dependencies(kind="requirements", files=tuple(files), whole_project=local)
    if not pyproject:
        return Dependencies(kind="none")
    if (root / "uv.lock").is_file():
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
        content = (source.root / path).read_bytes()
        digest.update(f"{len(content)}\0{path}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _read_requirements(source: Source, path: str, files: list[str]) -> bool:
    """Append `path` and what it includes to `files`; whether any line installs from the project's own folder."""
    files.append(path)
    try:
        text = (source.root / path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} can't be read: {error}", hint="it must be a UTF-8 text file") from None
    local = False
    for line in _logical_lines(text):
        include = _INCLUDE.match(line)
        if include is None:
            local = local or _is_local(line)
            continue
        if "://" in include["path"]:
            continue
        included = posixpath.normpath(posixpath.join(posixpath.dirname(path), include["path"].strip("\"'")))
        if included.startswith(("../", "/")) or not (source.root / included).is_file():
            raise SourceError(
                f"{path} includes {include['path']}, which is not in {source.root}", hint="correct that line"
            )
        if included not in files:
            local = _read_requirements(source, included, files) or local
    return local


def _logical_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
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
    text = (source.root / "uv.lock").read_text(encoding="utf-8", errors="replace")
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
