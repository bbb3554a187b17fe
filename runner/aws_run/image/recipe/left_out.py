"""A word on the extras and groups of a list that are not installed, because nobody asked for them."""

from __future__ import annotations

from typing import Any

from aws_run.config import Build
from aws_run.image.recipe.list_files import NOT_FOR_RUNS
from aws_run.project.folder import strings, table
from aws_run.project.manifests import main_group

# What installing takes for itself: pipenv's sections and poetry's own group.
_NO_GROUPS = frozenset({"packages", "default", "dev-packages", "develop", "scripts", "pipenv", "pipfile", "main"})
_MOST_SHOWN = 6


def about_choices(
    extras: set[str], groups: set[str], build: Build, pyproject: dict[str, Any], *, by_uv: bool
) -> list[str]:
    """`extras`, `groups`: all that the list has. `by_uv`: its lock is installed by uv, which takes its own default
    groups. Groups for tests, docs and the like are no news: a job runs without them."""
    notes = []
    if extras and not build.extras:
        notes.append(_sentence("extras", sorted(extras)))
    defaults = table(pyproject, "tool", "uv").get("default-groups") if by_uv else None
    taken = (_NO_GROUPS - set(table(pyproject, "dependency-groups"))) | set(main_group(pyproject))
    left = [] if defaults == "all" else sorted(groups - taken - set(strings(defaults)))
    left = [name for name in left if NOT_FOR_RUNS.search(name) is None]
    if left and not build.groups:
        notes.append(_sentence("groups", left))
    return notes


def _sentence(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_SHOWN])
    if len(names) == 1:
        return f"the {what.removesuffix('s')} {shown} is not installed; `build: {{{what}: [{names[0]}]}}` installs it"
    return f"the {what} {shown} are not installed; `build: {{{what}: [{names[0]}]}}` installs that one"
