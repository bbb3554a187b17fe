"""The line of a project's file that a failed build is about."""

from __future__ import annotations

import re

from aws_run.errors import Place
from aws_run.image.plan import ImagePlan
from aws_run.image.recipe.recipe import OwnDockerfile
from aws_run.image.recipe.shell_form import line_of
from aws_run.project.requirements import decode


def place_in_project(plan: ImagePlan, step: str, named: str) -> Place | None:
    """`step`: the instruction that failed, as Docker wrote it. `named`: the package that the cause is about, or ""."""
    if isinstance(plan.recipe, OwnDockerfile):
        path = plan.recipe.path
        word, _, rest = step.partition(" ")
        line = line_of(decode(plan.source.read(path)), word.upper(), rest)
        return Place(path=plan.source.root / path, line=line)
    path = plan.recipe.dependencies.requirements_file or ""
    if not path or not plan.source.has(path):
        return None
    return Place(path=plan.source.root / path, line=_requirement_line(decode(plan.source.read(path)), named))


def _requirement_line(text: str, named: str) -> int | None:
    wanted = _normal(named)
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line)
        if wanted and match is not None and _normal(match[1]) == wanted:
            return number
    return None


def _normal(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
