"""What a project's own files use outside of the project's folder.

A clone may be anybody's, and its aws-run.yaml is read before the user has seen it. What the user names by flag or by an
AWS_RUN_* variable is the user's own decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from aws_run.config.models import Config, Outside
from aws_run.config.sources import Setting
from aws_run.project.private_names import is_private


def outside_of(config: Config, given: Iterable[Setting], winners: Mapping[str, Setting]) -> tuple[Outside, ...]:
    """All of them, in the order in which a plan shows them."""
    return (
        *_inputs(config, winners.get("inputs")),
        *_output(config, winners.get("output")),
        *_variables(given),
        *_secrets(winners.get("secrets"), given),
        *_build_secrets(given),
        *_role(config, winners.get("iam.task_role")),
        *_key(config, winners.get("kms_key")),
    )


def is_inside(path: Path, project_dir: Path) -> bool:
    """Whether the path, with all links resolved, is an ordinary place in the project's folder.

    `.git`, `.venv` and their like are not: what a job writes there runs on this machine the next time they are used.
    """
    real = path.resolve()
    if not real.is_relative_to(project_dir):
        return False
    parts = real.relative_to(project_dir).parts
    above = [project_dir.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    return not any(is_private(part) for part in parts) and not any((each / "pyvenv.cfg").exists() for each in above)


def _inputs(config: Config, winner: Setting | None) -> Iterator[Outside]:
    if winner is None:
        return
    for one in config.inputs:
        where = winner.where if len(config.inputs) == 1 else f"{winner.where} {one.name}"
        if one.folder is None:
            if winner.by_project:  # the user's rights read it, and the job gets what is there
                yield Outside(kind="input", what=one.place, where=where)
        elif not is_inside(one.folder, config.project_dir) and (
            winner.by_project or one.folder.is_relative_to(config.project_dir)
        ):
            yield Outside(kind="input", what=str(one.folder.resolve()), where=where, by_project=winner.by_project)


def _output(config: Config, winner: Setting | None) -> Iterator[Outside]:
    if winner is None or config.output is None or is_inside(config.output, config.project_dir):
        return
    if winner.by_project or config.output.is_relative_to(config.project_dir):
        what = str(config.output.resolve())
        yield Outside(kind="output", what=what, where=winner.where, by_project=winner.by_project)


def _variables(given: Iterable[Setting]) -> Iterator[Outside]:
    """The variables whose strongest source is the project's file: `--env TOKEN=x` overrides `env: {TOKEN: null}`."""
    last: dict[str, str | None] = {}
    for one in _weakest_first("env", given):
        for name in one.value:
            last[name] = one.from_shell.get(name) if one.by_project else None
    for name, where in last.items():
        if where is not None:
            yield Outside(kind="variable", what=name, where=where)


def _secrets(winner: Setting | None, given: Iterable[Setting]) -> Iterator[Outside]:
    if winner is None:
        return
    last: dict[str, str | None] = {}
    for one in _weakest_first("secrets", given):
        for name in one.value:
            last[name] = one.where if one.by_project else None
    for name, where in last.items():
        if where is not None:
            yield Outside(kind="secret", what=str(winner.value[name]), where=f"{where}.{name}")


def _build_secrets(given: Iterable[Setting]) -> Iterator[Outside]:
    """What the project alone names; what the user names too is the user's."""
    last: dict[str, str | None] = {}
    for one in _weakest_first("build.secrets", given):
        for name in one.value:
            last[name] = one.where if one.by_project else None
    for name, where in last.items():
        if where is not None:
            yield Outside(kind="build-secret", what=name, where=where)


def _role(config: Config, winner: Setting | None) -> Iterator[Outside]:
    if winner is not None and winner.by_project and config.iam.task_role != "auto":
        yield Outside(kind="role", what=config.iam.task_role, where=winner.where)


def _key(config: Config, winner: Setting | None) -> Iterator[Outside]:
    """Whoever owns the key decides who can read what it encrypts, and a clone's file may name anybody's."""
    if winner is not None and winner.by_project and config.kms_key is not None:
        yield Outside(kind="key", what=config.kms_key, where=winner.where)


def _weakest_first(field: str, given: Iterable[Setting]) -> list[Setting]:
    return sorted((one for one in given if one.option.field == field), key=lambda one: one.rank)
