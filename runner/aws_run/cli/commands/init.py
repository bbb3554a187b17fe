"""`aws-run init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from aws_run.cli.say import say
from aws_run.cli.types import PATH
from aws_run.errors import SourceError, UsageError


@click.command()
@click.argument("path", type=PATH, default=".")
@click.option("--force", is_flag=True, help="Replace an existing aws-run.yaml.")
def init(path: Path, force: bool) -> None:
    """Write an aws-run.yaml into PATH, made from the script, Dockerfile and Python version that are there."""
    from aws_run.config.init_template import render_yaml, survey_project
    from aws_run.config.models import Build
    from aws_run.image.recipe.command import find_command
    from aws_run.image.recipe.recipe import StandardRecipe, choose_recipe
    from aws_run.image.sources.source import read_source

    if not path.is_dir():
        raise UsageError(f"{path}: no such folder", hint="give the folder that holds the project")
    target = path / "aws-run.yaml"
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} exists already", hint="--force replaces it")
    source = read_source(path.resolve())
    command: tuple[str, ...] | None = None
    recipe = choose_recipe(Build(), source)
    if isinstance(recipe, StandardRecipe):
        try:
            command = find_command(source)
        except SourceError as error:
            say(f"note: {error.message}; write the command into {target.name}")
    python = recipe.python if isinstance(recipe, StandardRecipe) else None
    if target.is_symlink():
        target.unlink()  # never write through a link
    target.write_text(render_yaml(survey_project(path, command=command, python=python)), encoding="utf-8")
    say(f"wrote {target}")
    say("next: aws-run check, then aws-run submit . -i data -o out")
