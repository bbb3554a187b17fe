"""The program of a project as a value, and why there is none, or more than one."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

from aws_run.errors import AmbiguousScriptError, SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.notebooks import list_notebooks
from aws_run.image.recipe.python_scripts import Reading
from aws_run.image.recipe.script_options import SHORT
from aws_run.image.sources.source import Source

_HINT = "name it with --command, or in aws-run.yaml, for example `command: {command}` ({options} are appended)"
_OTHER_LANGUAGES = {
    ".r": "R",
    ".jl": "Julia",
    ".m": "MATLAB or Octave",
    ".js": "JavaScript",
    ".go": "Go",
    ".rs": "Rust",
}


@frozen
class Program:
    """`arguments`: the options that the two folders are given by, where the command does not place them itself;
    `tools`: packages that running it needs beside the project's own; `notes`: what was chosen, for the plan;
    `required`: options that it can't be started without, and that nobody has given."""

    command: tuple[str, ...]
    arguments: tuple[str, str] = SHORT
    tools: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


def several_programs(candidates: list[Program]) -> AmbiguousScriptError:
    """Names them, and how one is chosen."""
    candidates = sorted(candidates, key=lambda program: (_name(program), program.command))
    kinds = {program.arguments for program in candidates}
    options = " and ".join(filter(None, candidates[0].arguments)) if len(kinds) == 1 else ""
    what = "Several scripts take -i and -o" if kinds == {SHORT} else "Several scripts take the two folders"
    names = [_name(program) for program in candidates]
    commands = [program.command for program in candidates]
    if candidates[0].tools:
        what, options, commands = "Several notebooks take the two folders", "", [(name,) for name in names]
    elif len({program.command[:2] for program in candidates}) == 1:
        what = f"{names[0]} has several commands that take the two folders"
        names = [program.command[-1] for program in candidates]
    first = min(commands, key=lambda command: (shlex.join(command).count("/"), command))
    name = names[commands.index(first)]
    choose = f"choose one: `aws-run submit {name} …`, or " if name.endswith((".py", ".ipynb", ".sh")) else ""
    return AmbiguousScriptError(
        f"{what}: {', '.join(names[:8])}",
        candidates=tuple(zip(names, commands, strict=True)),
        hint=choose + _HINT.format(command=shlex.join(first), options=options or "the folders"),
    )


def _name(program: Program) -> str:
    """The file of it, or its name where it has none."""
    command = program.command
    if len(command) == 1:
        return command[0]
    return command[2] if command[1] == "-m" else command[1]


def no_program(source: Source, reading: Reading) -> SourceError:
    scripts = reading.scripts
    if reading.broken:
        path = min(reading.broken, key=_depth)
        return SourceError(
            f"{path} does not parse: {reading.broken[path]}",
            hint="correct it; if it is written for a newer Python than aws-run itself runs on, name what to run in "
            f"aws-run.yaml: `command: python {path}`",
        )
    candidates = [script.path for script in scripts if script.runs] or [script.path for script in scripts]
    if candidates:
        listed = ", ".join(sorted(candidates, key=_depth)[:8])
        return SourceError(
            f"No script takes both -i and -o (looked at {listed})",
            hint=_HINT.format(command=f"python {min(candidates, key=_depth)}", options="-i and -o")
            + "; other options are named by `arguments: {input: --in-dir, output: --out-dir}`",
        )
    notebooks = list_notebooks(source)
    if notebooks:
        return SourceError(
            f"None of the notebooks has a parameters cell that sets the two folders: {', '.join(notebooks[:4])}",
            hint="set input_dir and output_dir in one cell of the one that is meant and give it the tag `parameters`; "
            f"or `command: {notebooks[0]}`",
        )
    return _no_python(source)


def _no_python(source: Source) -> SourceError:
    suffixes = {PurePosixPath(path).suffix.lower(): path for path in sorted(source.paths, key=_depth, reverse=True)}
    other = next((suffix for suffix in _OTHER_LANGUAGES if suffix in suffixes), None)
    if other is not None:
        return SourceError(
            f"There is no Python script in {source.root}, only {_OTHER_LANGUAGES[other]}: {suffixes[other]}",
            hint="add a Dockerfile that brings what it needs and a python3 for aws-run's own part; its CMD starts "
            f"{suffixes[other]}",
        )
    if ".sh" in suffixes:
        return SourceError(
            f"There is no Python script in {source.root}, and how {suffixes['.sh']} takes the two folders is not clear",
            hint="name it with --command, or in aws-run.yaml: "
            f"`command: bash {suffixes['.sh']}` (-i and -o are appended), or place them: "
            f"`command: bash {suffixes['.sh']} {{input}} {{output}}`",
        )
    return SourceError(
        f"There is no Python script in {source.root}",
        hint="give the project's folder, or name what to run with --command, or in aws-run.yaml: "
        "`command: python main.py`",
    )


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
