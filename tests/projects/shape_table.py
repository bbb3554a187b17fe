"""The project shapes of `shapes/`: what each mirrors, what a run of it uses, and how it ends. docs/projects.md shows the
same table."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aws_run.command_line import has_places
from aws_run.config import load_config
from aws_run.errors import SourceError
from aws_run.image.plan import ImagePlan, plan_image
from aws_run.image.recipe.recipe import StandardRecipe

SHAPES = Path(__file__).parent / "shapes"
_README = re.compile(r"# (?P<title>.+)\n\n(?P<mirrors>.+)\n\nResult: (?P<result>.+)\n")
_RUNS = re.compile(r"runs, and its answer is `(?P<answer>.+)`")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`answer`: what its job writes, where it runs without Docker; `refusal`: a part of the sentence that refuses it;
    neither: it is planned only."""

    folder: Path
    title: str
    mirrors: str
    answer: str | None
    refusal: str | None

    @property
    def name(self) -> str:
        return self.folder.name

    def copy_to(self, place: Path) -> Path:
        """A project of its own, outside of this repository, with two input files; its README is no part of it."""
        root = place / self.name
        shutil.copytree(self.folder, root, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "README.md").unlink()
        return root


def read_shapes() -> Iterator[Shape]:
    for folder in sorted(SHAPES.iterdir()):
        match = _README.fullmatch((folder / "README.md").read_text(encoding="utf-8"))
        if match is None:
            raise ValueError(f"{folder}/README.md is not a title, a sentence and a result")
        runs = _RUNS.fullmatch(match["result"])
        kind, _, refusal = match["result"].partition(": ")
        if runs is None and kind not in ("planned", "refused"):
            raise ValueError(f"{folder}/README.md: the result is none of runs, planned and refused")
        yield Shape(
            folder=folder,
            title=match["title"],
            mirrors=match["mirrors"],
            answer=runs["answer"] if runs is not None else None,
            refusal=refusal if kind == "refused" else None,
        )


def plan_shape(root: Path) -> ImagePlan:
    config = load_config(root, file=None, flags={}, environ={}, cwd=root, for_run=False)
    return plan_image(config, entrypoint_layer=lambda: b"")


def shape_row(shape: Shape, place: Path) -> tuple[str, str, str, str]:
    """(shape, command, what is used, result), as the table in docs/projects.md shows it."""
    heading = f"**{shape.title}**: {shape.mirrors}"
    try:
        plan = plan_shape(shape.copy_to(place))
    except SourceError:
        return heading, "", "", f"refused: {shape.refusal}"
    notes = [note for note in plan.notes if not note.startswith("the folders are given")]
    if isinstance(plan.recipe, StandardRecipe):
        notes.append(f"Python {plan.recipe.python}")
    result = "planned" if shape.answer is None else "runs"
    return heading, f"`{_shown_command(plan)}`", "; ".join(notes), result


def _shown_command(plan: ImagePlan) -> str:
    if plan.command is None:
        return "the Dockerfile's own"
    if has_places(plan.command):
        return " ".join(plan.command)
    first, second = (
        option + place if option.endswith("=") else f"{option} {place}".strip()
        for option, place in zip(plan.arguments, ("IN", "OUT"), strict=True)
    )
    return f"{shlex.join(plan.command)} {first} {second}"
