"""What a shell completes behind an option, from what this machine knows: nothing here asks AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from aws_run.config.option import Option

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completer(option: Option) -> Completer | None:
    """None: the shell has nothing to offer for it, or knows better itself (folders)."""
    schema = option.kind.schema or {}
    if "enum" in schema:
        values = [str(value) for value in schema["enum"]]
        return _among(lambda: values)
    names = {
        "name": projects,
        "region": _regions,
        "profile": _profiles,
        "resources.gpu": gpus,
        "resources.instance_types": _instance_types,
    }.get(option.field)
    return _among(names) if names is not None else None


def complete_projects(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _among(projects)(context, parameter, incomplete)


def projects() -> list[str]:
    """Those whose runs this machine has started, the last one first, then what this folder's would be called."""
    from aws_run.cli.output_memory import remembered_runs
    from aws_run.naming import project_name, project_of_run

    named = [project_of_run(run_id) for run_id in remembered_runs()]
    return list(dict.fromkeys([*named, project_name(Path.cwd().name)]))


def gpus() -> list[str]:
    """Models; a number goes behind one as `:4`, which bash would take for a new word."""
    from aws_run.pricing.gpus import models
    from aws_run.pricing.packaged import load

    return list(models(load().types))


def _instance_types() -> list[str]:
    from aws_run.pricing.packaged import load

    return sorted(kind.name for kind in load().types)


def _regions() -> list[str]:
    from aws_run.aws.regions import all_regions

    return sorted(all_regions())


def _profiles() -> list[str]:
    from aws_run.aws.regions import all_profiles

    return all_profiles()


def _among(values: Callable[[], Iterable[str]]) -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        start = incomplete.lower()
        try:
            return [CompletionItem(value) for value in values() if value.lower().startswith(start)]
        except (OSError, RuntimeError, ValueError):  # a shell shows whatever is raised here in the middle of a line
            return []

    return complete
