"""Resolves relative paths. A path in the file is relative to the file, and one on the command line to the current
folder."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from aws_run.config.models import Input
from aws_run.config.sources import Setting
from aws_run.config.value_types import closest
from aws_run.config.where import refusal
from aws_run.s3uri import is_s3

_MOST_SIBLINGS = 2000  # a folder of more is not looked through for a misspelt name


def resolved(given: Setting, project_dir: Path) -> Any:
    field, value = given.option.field, given.value
    if field == "inputs":
        return tuple(Input(name=one.name, place=_input(one.place, given)) for one in value)
    if field == "output" and "://" in value:
        raise refusal(
            given.where,
            "outputs go into a local folder; the bucket keeps them as well",
            hint="give a local folder, like -o out",
        )
    if field == "output":
        # Links are not resolved, so that messages show the path as the user wrote it.
        return Path(os.path.normpath(_absolute(value, given)))
    if field == "build.dockerfile" and value not in {"auto", "none"}:
        return _dockerfile(value, given, project_dir)
    if field == "build.context":
        return _context(value, given, project_dir)
    return value


def similar_sibling(path: Path) -> Path | None:
    """What lies where `path` would, under a name like its own; None where nothing does."""
    try:
        names = [entry.name for entry in itertools.islice(os.scandir(path.parent), _MOST_SIBLINGS)]
    except OSError:
        return None
    name = closest(path.name, sorted(names))
    return None if name is None else path.parent / name


def _input(place: str, given: Setting) -> str:
    return place if is_s3(place) else os.path.normpath(_absolute(place, given))


def _absolute(value: str, given: Setting) -> Path:
    if not value.startswith("~"):
        return given.base / value  # `./~x` is a folder named ~x, which Path would take for a user's home
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # `~nobody/x`
        raise refusal(given.where, f"{error}") from error


def _dockerfile(value: str, given: Setting, project_dir: Path) -> str:
    """Relative to the project, as the build needs it."""
    candidates = [_absolute(value, given), project_dir / value]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        raise refusal(given.where, f"{value}: no such file", hint="auto, none, or a path inside the project")
    try:
        return path.resolve().relative_to(project_dir).as_posix()
    except ValueError:
        raise refusal(given.where, f"{value} lies outside of the project {project_dir}") from None


def _context(value: str, given: Setting, project_dir: Path) -> str:
    """The same for the folder that a Dockerfile sees; "." is the project itself."""
    candidates = [_absolute(value, given), project_dir / value]
    path = next((candidate for candidate in candidates if candidate.is_dir()), None)
    if path is None:
        raise refusal(given.where, f"{value}: no such folder", hint="give a folder inside the project")
    try:
        return path.resolve().relative_to(project_dir).as_posix()
    except ValueError:
        raise refusal(
            given.where,
            f"{value} lies outside of the project {project_dir}",
            hint=f"submit the folder around both: `aws-run submit {value} --dockerfile PATH`",
        ) from None
