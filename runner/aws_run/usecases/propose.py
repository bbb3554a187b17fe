"""`aws-run init`: what a run of a folder would use, as the settings that say so. Reads only."""

from __future__ import annotations

from pathlib import Path

from aws_run import naming
from aws_run.config import Build
from aws_run.config.envfile import parse_env
from aws_run.config.init_template import INPUT_NAMES, ProjectSurvey
from aws_run.errors import ConfigError, SourceError
from aws_run.image.recipe.command import find_program
from aws_run.image.recipe.dependencies import Dependencies, installer_files
from aws_run.image.recipe.own_dockerfile import find_dockerfile
from aws_run.image.recipe.program import Program
from aws_run.image.recipe.recipe import StandardRecipe, choose_recipe, read_pyproject
from aws_run.image.sources.source import Source, read_source
from aws_run.project.folder import table
from aws_run.project.system_packages import needed_packages


def survey_project(project_dir: Path) -> ProjectSurvey:
    """SourceError where the folder can't be read at all; what only its program or its lists have wrong is told in
    `problems`."""
    folder = project_dir.resolve()
    data = [name for name in INPUT_NAMES if (folder / name).is_dir() and not any((folder / name).rglob("*.py"))]
    source = read_source(folder, exclude_paths=[folder / name for name in (*data, "out")])
    input_name = next(iter(data), None)
    dockerfile = find_dockerfile(Build(), source)
    survey = ProjectSurvey(
        name=naming.project_name(folder.name),
        dockerfile=dockerfile,
        input=input_name,
        env_names=_env_names(source),
    )
    if dockerfile is not None:
        return survey
    problems: list[str] = []
    list_problem: str | None = None
    program: Program | None = None
    try:
        program = find_program(source)
    except SourceError as error:
        problems.append(f"{error.message}: {error.hint}" if error.hint else error.message)
    try:
        recipe = choose_recipe(Build(), source, program.command if program else ())
    except (SourceError, ConfigError) as error:
        list_problem = f"{error.message}: {error.hint}" if error.hint else error.message
        problems.append(list_problem)
        recipe = None
    return survey.with_program(
        command=_shown_command(program),
        arguments=program.arguments if program else None,
        why=program.notes[0] if program and program.notes else None,
        problems=tuple(problems),
        list_problem=list_problem,
        **_build_settings(source, recipe if isinstance(recipe, StandardRecipe) else None),
    )


def _shown_command(program: Program | None) -> tuple[str, ...] | None:
    """A notebook stands for what executes it."""
    if program is None:
        return None
    return (program.command[1],) if program.tools else program.command


def _build_settings(source: Source, recipe: StandardRecipe | None) -> dict[str, object]:
    if recipe is None:
        return {}
    dependencies = recipe.dependencies
    pyproject = read_pyproject(source)
    extras = [*table(pyproject, "project", "optional-dependencies"), *table(pyproject, "tool", "poetry", "extras")]
    groups = [*table(pyproject, "dependency-groups"), *table(pyproject, "tool", "poetry", "group")]
    needed = needed_packages(content.decode(errors="replace") for content in _texts(source, dependencies))
    path = dependencies.title.split()[0].rstrip(",")
    return {
        "python": None if recipe.managed_python else recipe.python,
        "dependencies": path if source.has(path) else None,
        "dependencies_title": dependencies.title,
        "notes": dependencies.notes,
        "not_followed": (*(dependencies.notes if dependencies.kind == "none" else ()), *recipe.other_notes),
        "extras": tuple(dict.fromkeys(extras)),
        "groups": tuple(dict.fromkeys(groups)),
        "apt": tuple(dict.fromkeys(name for names in needed.values() for name in names)),
        "apt_for": tuple(needed),
        "installs_itself": recipe.install is not None,
    }


def _texts(source: Source, dependencies: Dependencies) -> list[bytes]:
    try:
        return list(installer_files(source, dependencies).values())
    except SourceError:
        return []


def _env_names(source: Source) -> tuple[str, ...]:
    try:
        text = source.read(".env").decode("utf-8-sig") if source.has(".env") else ""
        return tuple(dict.fromkeys(name for _, name, _ in parse_env(text, ".env")))
    except (SourceError, ConfigError, UnicodeDecodeError):
        return ()
