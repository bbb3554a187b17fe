"""The cascade: flag > environment > file > default, folded into one Config."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_run import naming
from aws_run.config import checks, paths, sources, yamlfile
from aws_run.config.models import SECTIONS, Checkpoint, Config
from aws_run.config.outside import outside_of
from aws_run.config.sources import Environment, Rank, Setting
from aws_run.config.value_types import KEEP_KINDS
from aws_run.errors import ConfigError, UsageError

FILE_NAMES = ("aws-run.yaml", "aws-run.yml")


def load_config(
    project_dir: Path,
    *,
    file: Path | None,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    cwd: Path | None = None,
    for_run: bool = True,
    shown_flags: Mapping[str, str] | None = None,
    left_out: Callable[[str], None] | None = None,
) -> Config:
    """The configuration of one command. Raises only ConfigError and UsageError.

    `file`: another aws-run.yaml than the project's. `flags`: values of the command line by the names in
    `options.FLAGS`; None and () mean not given, other names are ignored. `for_run` False: for commands that start
    nothing (`ps`, `status`, …), for which -i and -o are neither required nor checked. `shown_flags`: what messages call
    the flags where they are inputs of something else. `left_out`: the project's file is a stranger's, so that only
    what describes the job itself is read of it; called with each place that is not.
    """
    around = Environment(cwd=cwd or Path.cwd(), environ=environ, needs_env=for_run, shown_flags=dict(shown_flags or {}))
    if not project_dir.is_dir():
        what = "is a file, not a folder" if project_dir.exists() else "no such folder or script"
        meant = None if project_dir.exists() else paths.similar_sibling(project_dir)
        hint = f"did you mean {meant}?" if meant else "give the folder that holds the project, or a script of it"
        raise UsageError(f"{project_dir}: {what}", hint=hint)
    project_dir = project_dir.resolve()
    yaml_file = _find_file(project_dir, file, around)
    shown = _shown(yaml_file, around.cwd) if yaml_file else ""

    top = yamlfile.read_yaml(yaml_file, shown) if yaml_file else yamlfile.Mapping(items={}, key_lines={}, line=1)
    by_project = yaml_file is not None and (yaml_file.parent == project_dir or _is_in(yaml_file, project_dir))
    base = yaml_file.parent if yaml_file else project_dir
    # A stranger's file takes nothing from this environment, not even to be left out.
    for_file = around if left_out is None else replace(around, needs_env=False, environ={})
    given = list(sources.from_file(top, base, shown, for_file, by_project=by_project))
    if left_out is None:
        given += sources.from_project_env_file(top, base, shown, around, project_dir, by_project=by_project)
    else:
        given = list(_harmless(given, left_out))
    given += sources.from_environment(around)
    env_file = flags.get("env_file") or environ.get("AWS_RUN_ENV_FILE")
    if env_file:
        path = around.cwd / env_file
        inside = _is_in(path, project_dir)
        given.append(sources.from_env_file(path, str(env_file), around, by_project=inside))
    given += sources.from_flags(flags, around)

    winners = _fold(given)
    checks.refuse_contradictions(winners)
    try:
        values = {field: paths.resolved(winner, project_dir) for field, winner in winners.items()}
        if isinstance(top.items.get("checkpoint"), yamlfile.Mapping):
            values = {"checkpoint": Checkpoint(), **values}  # `checkpoint: {}` switches checkpoints on
        config = _build(values, project_dir, yaml_file)
        checks.refuse_too_much_text(config)
        checks.refuse_short_retention(config, winners)
        if for_run:
            checks.refuse_unset_build_secrets(config, winners, environ)
            checks.refuse_folders(config, winners, detached=bool(flags.get("detach")))
        config = replace(config, outside=outside_of(config, given, winners))
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle, a folder without rights
        raise ConfigError(f"a path can't be followed: {getattr(error, 'strerror', None) or error}") from error
    return config


# What a stranger's file may say: how the job is built and called. Nothing about rights, places, hardware, money, or the
# environment of who runs it.
HARMLESS = frozenset(
    {
        "command",
        "outputs",
        "tolerances",
        "exclude",
        "checkpoint.path",
        "checkpoint.every",
        "build.dockerfile",
        "build.target",
        "build.python",
        "build.dependencies",
        "build.extras",
        "build.groups",
        "build.install",
        "build.apt",
        "arguments.input",
        "arguments.output",
    }
)


def _harmless(given: Iterable[Setting], left_out: Callable[[str], None]) -> Iterator[Setting]:
    for one in given:
        if not one.by_project or one.option.key in HARMLESS:
            yield one
        else:
            left_out(one.where)


def read_flags(flags: Mapping[str, Any], *, environ: Mapping[str, str], cwd: Path | None = None) -> dict[str, Any]:
    """The values that flags alone give, by field of Config: for a command that configures nothing from a file or from
    AWS_RUN_*. Raises ConfigError and UsageError."""
    around = Environment(cwd=cwd or Path.cwd(), environ=environ, needs_env=True)
    winners = _fold(list(sources.from_flags(flags, around)))
    return {field: paths.resolved(winner, around.cwd) for field, winner in winners.items()}


def _find_file(project_dir: Path, file: Path | None, around: Environment) -> Path | None:
    named = file or around.environ.get("AWS_RUN_FILE") or None
    if named is not None:
        path = around.cwd / named
        if not path.is_file():
            raise ConfigError(f"{named}: {'is a folder' if path.is_dir() else 'no such file'}")
        return path.resolve()
    present = [project_dir / name for name in FILE_NAMES if (project_dir / name).exists()]
    if len(present) > 1:
        raise ConfigError(f"both {FILE_NAMES[0]} and {FILE_NAMES[1]} are in {project_dir}", hint="remove one of them")
    return present[0] if present else None


def _is_in(path: Path, project_dir: Path) -> bool:
    """Whether a file that the user named lies in the project, and so is the project's own and not the user's."""
    try:
        return path.resolve().is_relative_to(project_dir)
    except (OSError, RuntimeError):
        return False


def _shown(path: Path, cwd: Path) -> str:
    try:
        return str(path.relative_to(cwd.resolve()))
    except ValueError:
        return os.fspath(path)


def _fold(given: Iterable[Setting]) -> dict[str, Setting]:
    """The strongest setting of each field. A field that adds up holds the sum, and points at the strongest source."""
    winners: dict[str, Setting] = {}
    for one in sorted(given, key=lambda each: each.rank):
        before = winners.get(one.option.field)
        value = one.value
        if before is not None and (one.option.merge == "add" or _is_keep_flag(one)):
            value = _sum(before.value, value)
        elif _is_keep_flag(one):
            value = _sum(Config.keep, value)
        winners[one.option.field] = Setting(
            option=one.option,
            value=value,
            where=one.where,
            base=one.base,
            rank=one.rank,
            hidden=before,
            by_project=one.by_project,
        )
    return winners


def _is_keep_flag(one: Setting) -> bool:
    # `--keep cluster` adds one kind; only the file and the environment replace the whole list.
    return one.option.field == "keep" and one.rank >= Rank.FLAG


def _sum(before: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {**before, **value}
    return tuple(dict.fromkeys((*before, *value)))


def _build(values: Mapping[str, Any], project_dir: Path, yaml_file: Path | None) -> Config:
    """`values`: by field of Config, each of the field's type already (value_types)."""
    given: dict[str, Any] = {"project_dir": project_dir, "file": yaml_file}
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        if section:
            sections.setdefault(section, {})[leaf] = value
        else:
            given[name] = value
    for section, leaves in sections.items():
        given[section] = SECTIONS[section](**leaves)
    given.setdefault("name", naming.project_name(project_dir.name))
    if "all" in given.get("keep", ()):
        given["keep"] = KEEP_KINDS
    return Config(**given)
