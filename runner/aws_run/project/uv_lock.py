"""What uv.lock says, read as text: parsing megabytes of TOML would cost seconds of every plan."""

from __future__ import annotations

import re
from typing import Any

from aws_run.errors import SourceError
from aws_run.project.folder import parse_toml, table
from aws_run.project.manifests import project_wanted
from aws_run.project.versions import normalized

_LOCAL = re.compile(r'^source = \{ (?:path|directory|editable|virtual) = "([^"]*)"', re.MULTILINE)
_ROOT = re.compile(r'^source = \{ (?:editable|virtual) = "\." \}', re.MULTILINE)

_PLAIN = re.compile(r"(?:~=|==|!=|<=|>=|<|>)\d+(?:\.\d+)*(?:\.\*)?")


def installs_from_folder(text: str) -> bool:
    """Whether path, directory or editable packages other than the project itself are locked."""
    return any(match[1] != "." for match in _LOCAL.finditer(text))


def count_packages(text: str) -> int:
    local = len(_LOCAL.findall(text))
    return max(0, text.count("[[package]]") - local)


def check_uv_lock(text: str, pyproject: dict[str, Any]) -> None:
    """SourceError where the lock was made for other dependencies than pyproject.toml lists now."""
    requires = _locked_requirements(text)
    if requires is None:
        return
    problem = None
    for name, specifier in project_wanted(pyproject):
        locked = [entry for entry in requires if normalized(str(entry.get("name"))) == normalized(name)]
        if not locked:
            problem = f"it lacks {name}"
        elif all(_differs(entry, specifier) for entry in locked):
            problem = f"it was made for {name}{locked[0].get('specifier', '')}, not {name}{specifier}"
    if problem is not None:
        raise SourceError(f"uv.lock does not fit pyproject.toml: {problem}", hint="run `uv lock` and try again")


def _locked_requirements(text: str) -> list[dict[str, Any]] | None:
    """None where the lock does not tell."""
    root = _ROOT.search(text)
    if root is None:
        return None
    begin = text.rfind("[[package]]", 0, root.start())
    end = text.find("[[package]]", root.end())
    if begin < 0:
        return None
    packages = parse_toml(text[begin : end if end >= 0 else len(text)], "uv.lock").get("package")
    metadata = table(packages[0], "metadata") if isinstance(packages, list) and packages else {}
    requires = metadata.get("requires-dist")
    return [entry for entry in requires if isinstance(entry, dict)] if isinstance(requires, list) else None


def _differs(entry: dict[str, Any], specifier: str) -> bool:
    """Only versions as uv writes them too are compared; one from a folder or a repository has no specifier."""
    locked = entry.get("specifier")
    if not isinstance(locked, str):
        return bool(specifier) and entry.keys() <= {"name", "extras"}
    clauses = _clauses(locked) | _clauses(specifier)
    return _clauses(locked) != _clauses(specifier) and all(_PLAIN.fullmatch(clause) for clause in clauses)


def _clauses(specifier: str) -> frozenset[str]:
    return frozenset(part.replace(" ", "") for part in specifier.split(",") if part.strip())
