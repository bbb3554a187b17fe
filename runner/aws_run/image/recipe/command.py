"""Which command runs the project: the config's, or the one script, command or notebook that takes the two folders."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import PurePosixPath

from aws_run.command_line import has_places
from aws_run.errors import SourceError
from aws_run.image.recipe.notebooks import (
    TOOLS,
    list_notebooks,
    notebook_command,
    notebook_notes,
    read_notebook,
)
from aws_run.image.recipe.program import Program, no_program, several_programs
from aws_run.image.recipe.python_scripts import (
    MAX_SCRIPT_BYTES,
    Reading,
    Script,
    imports_relatively,
    mentions_options,
    mentions_short,
    module_names,
    parse,
    parse_all,
    python_files,
)
from aws_run.image.recipe.script_options import SHORT, Takes
from aws_run.image.recipe.shell_scripts import check_program, check_shell_text, find_shell_scripts, shell_of
from aws_run.image.sources.source import Source
from aws_run.project.console_scripts import console_scripts, module_file

_MOST_NOTEBOOKS = 200  # each may be large, and nobody means one of so many without naming it


def find_program(source: Source, given: tuple[str, str] = SHORT) -> Program:
    """The one script that takes -i and -o, or else two options that mean the same: of Python, a console script of the
    package, a notebook, a shell script. `given`: the options that the user has named. SourceError where there is none,
    or several."""
    texts = list(python_files(source))
    reading = parse_all((pair for pair in texts if given == SHORT and mentions_short(pair[1])), source)
    candidates = _short_scripts(reading, whole=False)
    if not candidates:
        reading = parse_all(texts, source, given)
        candidates = _candidates(reading, source, given)
    broken = [path for path, text in texts if path in reading.broken and mentions_options(text)]
    if not candidates and not broken:
        candidates = _notebooks(source, given) or _shell_programs(source, given)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise several_programs(candidates)
    raise no_program(source, reading)


def program_of(command: tuple[str, ...], source: Source, given: tuple[str, str] = SHORT) -> Program:
    """What the user's own command means: a notebook alone is executed, a script is given the folders as it declares
    them, unless `given` says otherwise. SourceError where it can't be started."""
    if len(command) == 1 and command[0].endswith(".ipynb") and command[0].removeprefix("./") in source.paths:
        return _notebook(command[0].removeprefix("./"), source, given)
    check_command(command, source)
    takes = _takes_of(command, source)
    # Of a positional one nobody can tell whether the command gives it.
    required = tuple(each for each in takes.required if each.startswith("-") and each not in " ".join(command))
    if has_places(command) or given != SHORT:
        return Program(command=command, arguments=SHORT if has_places(command) else given, required=required)
    return Program(command=_with_placed(command, takes.placed), arguments=takes.arguments, required=required)


def _takes_of(command: Sequence[str], source: Source) -> Takes:
    """How the script of a command takes the two folders; by -i and -o where that can't be told."""
    path = _script_of(command, source)
    if path is None:
        return Takes(arguments=SHORT)
    if path.endswith((".sh", ".bash")):
        known = {program[-1]: arguments for program, arguments in find_shell_scripts(source)}
        return Takes(arguments=known.get(path, SHORT))
    content = source.read(path, max_bytes=MAX_SCRIPT_BYTES)
    parsed = parse(path, content.decode("utf-8-sig", errors="replace"), source)
    takes = parsed.takes if isinstance(parsed, Script) else ()
    named = [each for each in takes if not each.subcommand or each.subcommand[0] in command]
    if len(named) > 1:  # options that stand before a subcommand, one of which the command names
        named = [each for each in named if each.placed[-1:] and each.placed[-1] in command]
    return named[0] if len(named) == 1 else Takes(arguments=SHORT)


def _with_placed(command: tuple[str, ...], placed: tuple[str, ...]) -> tuple[str, ...]:
    """Words that belong before the subcommand, which the command may name itself, or else behind the program."""
    if placed and placed[-1] in command:
        place = command.index(placed[-1])
        return (*command[:place], *placed[:-1], *command[place:])
    return (*command, *placed)


def command_for(path: str, text: str) -> tuple[str, ...]:
    """The argv for a script or notebook of the project that was named, with its text."""
    if path.endswith(".ipynb"):
        return (path,)
    if path.endswith((".sh", ".bash")):
        return (shell_of(text), path)
    return command_of(path, relative=imports_relatively(text))


def command_of(path: str, *, relative: bool = False) -> tuple[str, ...]:
    """The argv for a script of the project; a package's `__main__.py`, and a script that imports `relative` to its own
    package, run as a module."""
    script = PurePosixPath(path)
    parts = script.parts[1:] if script.parts[0] == "src" else script.parts
    main = script.name == "__main__.py"
    if len(parts) > 1 and (main or relative) and all(part.isidentifier() for part in parts[:-1]):
        return ("python", "-m", ".".join(parts[:-1] if main else [*parts[:-1], script.stem]))
    return ("python", path)


def check_command(command: tuple[str, ...], source: Source) -> None:
    """SourceError when the command names a script or notebook that is not among the project's files, or one that can't
    be started."""
    paths = source.paths
    if command:
        check_program(command[0], source)
    for word in command:
        if not word.endswith((".py", ".ipynb", ".sh")) or word.startswith(("/", "{")) or "=" in word:
            continue
        path = PurePosixPath(word).as_posix()
        if path.endswith(".sh"):
            if path in paths:
                check_shell_text(path, source)
            continue
        if path in paths or ".." in PurePosixPath(word).parts:
            return
        if (source.root / path).exists():
            raise SourceError(
                f"The command runs {word}, but git or an ignore file leaves it out of the image",
                hint="check .gitignore, .dockerignore, .awsrunignore and `exclude` in aws-run.yaml",
            )
        near = difflib.get_close_matches(path, paths, n=1)
        raise SourceError(
            f"The command runs {word}, which is not in {source.root}",
            hint=f"did you mean {near[0]}?"
            if near
            else "correct the command (--command, or `command:` in aws-run.yaml)",
        )


def _short_scripts(reading: Reading, *, whole: bool) -> list[Program]:
    """Those that declare -i and -o themselves, or (`whole`: every file was read) import the module that does."""
    programs = [
        program for script in reading.scripts if script.runs and script.short for program in _programs(script, None)
    ]
    if programs or not whole:
        return programs
    # Options are often declared in a module of their own, and the script imports it.
    declaring = {name for script in reading.scripts if script.short for name in module_names(script.path)}
    return [Program(command=_start(script)) for script in reading.scripts if script.runs and script.imports & declaring]


def _candidates(reading: Reading, source: Source, given: tuple[str, str]) -> list[Program]:
    """Of the surest kind of which there is one: scripts and console scripts that take -i and -o, then those that take
    other options, then those that import the module which declares them."""
    by_path = {script.path: script for script in reading.scripts}
    runs = [script for script in reading.scripts if script.runs]
    console = [
        (name, by_path[path])
        for name, module in console_scripts(source).items()
        if (path := module_file(module, source)) in by_path and not by_path[path].runs
    ]
    if given == SHORT:
        declaring = {name for script in reading.scripts if script.short for name in module_names(script.path)}
        short = [each for each in console if each[1].short or each[1].imports & declaring]
        programs = _short_scripts(reading, whole=True) or [
            program for name, script in short for program in _programs(script, name)
        ]
        if programs:
            return programs
    return (
        [program for script in runs for program in _programs(script, None, longer=True)]
        or [program for name, script in console for program in _programs(script, name, longer=True)]
        or [program for script in reading.scripts for program in _importing(script, runs)]
    )


def _importing(declaring: Script, runs: list[Script]) -> list[Program]:
    """Scripts that leave the declaration of their options to a module of the project."""
    names = set(module_names(declaring.path))
    takes = [each for each in declaring.takes if not each.subcommand]
    importing = [script for script in runs if script.imports & names]
    return [_program(_start(script), each) for each in takes for script in importing]


def _programs(script: Script, console: str | None, *, longer: bool = False) -> list[Program]:
    """How it is started, once for each subcommand that takes the folders. `console`: by the name that its installation
    gives it."""
    start = (console,) if console is not None else _start(script)
    takes = [each for each in script.takes if longer or each.arguments == SHORT]
    if not takes and not longer:
        takes = [Takes(arguments=SHORT)]
    return [_program(start, each) for each in takes]


def _program(start: tuple[str, ...], takes: Takes) -> Program:
    return Program(command=(*start, *takes.words), arguments=takes.arguments, required=takes.required)


def _start(script: Script) -> tuple[str, ...]:
    return command_of(script.path, relative=script.relative)


def _notebooks(source: Source, given: tuple[str, str]) -> list[Program]:
    """Those whose parameters cell takes the folders; the only one whatever is wrong with it."""
    paths = list_notebooks(source)
    if len(paths) == 1:
        return [_notebook(paths[0], source, given)]
    programs = []
    for path in paths[:_MOST_NOTEBOOKS]:
        try:
            programs.append(_notebook(path, source, given))
        except SourceError:
            continue  # one of many, and not meant to be run alone
    return programs


def _notebook(path: str, source: Source, given: tuple[str, str]) -> Program:
    command = notebook_command(read_notebook(path, source), given)
    return Program(command=command, tools=TOOLS, notes=tuple(notebook_notes(command)))


def _shell_programs(source: Source, given: tuple[str, str]) -> list[Program]:
    programs = []
    for command, arguments in find_shell_scripts(source):
        if given in (SHORT, arguments):
            check_shell_text(command[-1], source)
            programs.append(Program(command=command, arguments=arguments))
    return programs


def _script_of(command: Sequence[str], source: Source) -> str | None:
    """The file of the project that a command starts: by its path, as a module, or as a console script."""
    paths = source.paths
    for place, word in enumerate(command):
        path = word.removeprefix("./")
        if path.endswith((".py", ".sh", ".bash")) and path in paths:
            return path
        if word == "-m" and place + 1 < len(command):
            return module_file(command[place + 1], source)
    module = console_scripts(source).get(command[0]) if command else None
    return module_file(module, source) if module is not None else None
