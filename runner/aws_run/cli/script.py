"""What to run, as it is typed: PATH is a folder or a script, what follows `--` is the script's, and of several scripts
that would do one is chosen."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aws_run.cli.say import say
from aws_run.cli.terminals import on_a_terminal
from aws_run.errors import AmbiguousScriptError, UsageError

if TYPE_CHECKING:
    from aws_run.config import Config

T = TypeVar("T")
_MOST_SCRIPT_BYTES = 1 << 20
_SCRIPTS = (".py", ".ipynb", ".sh", ".bash")


class ScriptCommand(click.Command):
    """A command with the script's own arguments after `--`, as `args`. None of them is ever one of the command's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        own, after = args[:end], args[end + 1 :]
        rest = super().parse_args(ctx, own)
        _refuse_more_words(ctx.params["args"])
        ctx.params["args"] = tuple(after)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*filter(None, super().collect_usage_pieces(ctx)), "[-- ARGS...]"]


class StoredArgsCommand(ScriptCommand):
    """A command whose script has arguments already: `args` is None without `--`, and empty after `--` alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if "--" not in args:
            ctx.params["args"] = None
        return rest


def _refuse_more_words(more: tuple[str, ...]) -> None:
    """UsageError for words after PATH: nobody can tell what they were meant to be."""
    if more:
        hint = f"arguments for the script come after --: -- {' '.join(more)}"
        raise UsageError(f"{more[0]!r} is one word too many", hint=hint)


def project_and_script(path: Path) -> tuple[Path, str | None]:
    """The project's folder, and the script or notebook in it (with /) where `path` is one. UsageError for other
    files."""
    if not path.is_file():
        return path, None  # a folder, or nothing: the loader of the configuration tells
    if path.suffix in (".yaml", ".yml"):
        raise UsageError(
            f"{path} is neither a folder nor a script", hint=f"a configuration file is given with -f {path}"
        )
    if path.suffix not in _SCRIPTS:
        raise UsageError(
            f"{path} is not a folder, script or notebook",
            hint="give the project's folder, and what to run in it with --command",
        )
    script = path.resolve()
    folder = _project_of(script)
    return folder, script.relative_to(folder).as_posix()


def _project_of(script: Path) -> Path:
    """The nearest folder around it that looks like a project; else the current folder where the script lies below it,
    or the script's own."""
    from aws_run.image.sources.results import looks_like_a_project

    here = Path.cwd().resolve()
    around = [folder for folder in script.parents if folder.is_relative_to(here)]
    if not around:
        return script.parent
    # A script's own folder holds main.py and is none for that.
    return next((folder for folder in around if folder == here or looks_like_a_project(folder, script=script)), here)


def command_flag(path: Path, script: str) -> str:
    """What --command would say for a script that was named: a module, where it imports from its own package."""
    from aws_run.image.recipe.command import command_for

    with (path / script).open("rb") as file:
        text = file.read(_MOST_SCRIPT_BYTES).decode("utf-8-sig", errors="replace")
    return shlex.join(command_for(script, text))


def with_chosen_script(config: Config, run: Callable[[Config], T], *, terminal: bool | None = None) -> T:
    """`run(config)`; where several scripts would do, again with the one that the user chooses. `terminal`: whether
    there is one to ask on; None: found out here."""
    try:
        return run(config)
    except AmbiguousScriptError as error:
        if terminal is None:
            terminal = on_a_terminal()
        if not terminal:
            raise
        command = _choose(error.candidates)
    return run(replace(config, command=command))


def _choose(candidates: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    say("Several scripts take -i and -o:")
    for number, (path, _) in enumerate(candidates, 1):
        say(f"  {number}  {path}")
    number = click.prompt("Which one?", type=click.IntRange(1, len(candidates)), err=True)
    path, command = candidates[number - 1]
    say(f"next time: aws-run submit {path} …, or `command: {' '.join(command)}` in aws-run.yaml")
    return command


def flags_with_script(path: Path, flags: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The project's folder, and the flags with what PATH says of the script. UsageError where --command says other."""
    folder, script = project_and_script(path)
    if script is None:
        return folder, flags
    if flags.get("command") is not None:
        raise UsageError(f"{path} and --command both say what to run", hint="give the folder, or leave out --command")
    return folder, {**flags, "command": command_flag(folder, script)}
