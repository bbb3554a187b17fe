"""Whether the project itself is a package that is installed, and what its installation needs to know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aws_run.frozen import frozen
from aws_run.project.console_scripts import console_scripts
from aws_run.project.folder import Folder, strings, table

# Who reads a version from git, and the variable that hands it over instead.
_SCM = (
    (
        re.compile(r"setuptools[-_]scm|hatch-vcs|vcs-versioning|setuptools-git-versioning"),
        "SETUPTOOLS_SCM_PRETEND_VERSION",
    ),
    (re.compile(r"pdm[-.]backend|pdm-pep517"), "PDM_BUILD_SCM_VERSION"),
    (re.compile(r"\bpbr\b"), "PBR_VERSION"),
    (re.compile(r"poetry-dynamic-versioning"), "POETRY_DYNAMIC_VERSIONING_BYPASS"),
    (re.compile(r"uv-dynamic-versioning"), "UV_DYNAMIC_VERSIONING_BYPASS"),
)
_PYTHONS = re.compile(r"python[\d.]*|(?:ba|da|z)?sh|.*\.(?:py|sh)|.*/.*")


@frozen
class InstallPlan:
    """`required`: a failure ends the build. Otherwise the run does with the folder on PYTHONPATH."""

    required: bool


def plan_install(
    folder: Folder, pyproject: dict[str, Any], *, wanted: bool | None, command: Sequence[str]
) -> InstallPlan | None:
    """None: it is not installed. `wanted` None: decided by what the project says of itself."""
    if wanted is False or (wanted is None and not is_package(folder, pyproject)):
        return None
    program = command[0] if command else ""
    own_program = bool(program) and _PYTHONS.fullmatch(program) is None and program in console_scripts(folder)
    return InstallPlan(required=bool(wanted) or own_program)


def is_package(folder: Folder, pyproject: dict[str, Any]) -> bool:
    tool = table(pyproject, "tool")
    if table(tool, "poetry").get("package-mode") is False or table(tool, "pdm").get("distribution") is False:
        return False
    package = table(tool, "uv").get("package")
    if isinstance(package, bool):
        return package
    if "build-system" in pyproject:
        own = isinstance(pyproject.get("project"), dict) or bool(table(tool, "poetry").get("name"))
        return own or folder.has("setup.cfg") or folder.has("setup.py")
    return folder.has("setup.py")


def legacy_python(folder: Folder, path: str) -> str | None:
    """The `python_requires` of a setup.cfg or setup.py, where it stands there as a text."""
    if not folder.has(path):
        return None
    text = folder.read(path).decode(errors="replace")
    match = re.search(r"""^[ \t]*python_requires[ \t]*=[ \t]*["']?(?P<requires>[^"'\n#]{1,100})""", text, re.MULTILINE)
    match = match or re.search(r"""python_requires[ ]?=[ ]?["'](?P<requires>[^"'\n]{1,100})["']""", text)
    return match["requires"].strip() if match is not None else None


def sets_python(folder: Folder, path: str) -> bool:
    """Whether there is a `python_requires`, read by `legacy_python` or not."""
    return folder.has(path) and b"python_requires" in folder.read(path)


def scm_variable(folder: Folder, pyproject: dict[str, Any]) -> str | None:
    requires = " ".join(strings(table(pyproject, "build-system").get("requires")))
    dynamic = "version" in strings(table(pyproject, "project").get("dynamic"))
    tool = table(pyproject, "tool")
    for pattern, variable in _SCM:
        if pattern.search(requires) is None:
            continue
        if variable == "PDM_BUILD_SCM_VERSION" and table(tool, "pdm", "version").get("source") != "scm":
            continue
        if dynamic or "poetry" in variable.lower() or "setuptools_scm" in tool:
            return variable
    text = folder.read("setup.py").decode(errors="replace") if folder.has("setup.py") else ""
    if re.search(r"use_scm_version|setuptools_scm", text):
        return "SETUPTOOLS_SCM_PRETEND_VERSION"
    return "PBR_VERSION" if re.search(r"\bpbr\s*=\s*True", text) else None
