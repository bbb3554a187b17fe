"""Which command runs the project: the config's, or the one script that takes -i and -o.

Scripts are read as syntax trees; nothing of the project is imported or run.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from aws_run.errors import AmbiguousScriptError, SourceError
from aws_run.image.recipe.script_options import DECLARING, SHORT, find_arguments, name_of, strings
from aws_run.image.sources.source import Source

_MAX_SCRIPT_BYTES = 1 << 20
# Together; a tree takes a hundred times the memory of its text, but only one is held at a time.
_MAX_SCRIPTS_BYTES = 64 << 20
_MOST_TOKENS_OF_A_LINE = 8_000
_MENTIONS = re.compile(r"""["']-[io]["']|getopt""")
_MENTIONS_LONGER = re.compile(r"add_argument|add_option|click|typer|fire|cyclopts")
_NOT_SCRIPTS = frozenset({"setup.py", "conftest.py", "noxfile.py"})
_HINT = "name it in aws-run.yaml, for example `command: python {path}` (-i and -o are appended)"


@dataclass(frozen=True, kw_only=True)
class _Script:
    path: str
    declares: bool  # options -i and -o, in any of the usual ways
    arguments: tuple[str, str] | None  # the options that take the two folders, however they are spelled
    relative: bool  # imports relatively, so it runs only as a module
    runs: bool  # does something when started, not only when imported
    imports: frozenset[str]  # module names as written


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """`broken`: files that no Python of ours parses, with the reason."""

    scripts: list[_Script]
    broken: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Program:
    """`arguments`: the options that the two folders are given by."""

    command: tuple[str, ...]
    arguments: tuple[str, str] = SHORT


def find_command(source: Source) -> tuple[str, ...]:
    """The argv that starts the one script that takes the two folders."""
    return find_program(source).command


def find_program(source: Source) -> Program:
    """The one script that takes -i and -o, or else two options that mean the same. SourceError where there is none,
    or several."""
    texts = list(_python_files(source))
    # Parsing is slow and most files mention no such option: look at the text first.
    reading = _parse_all(pair for pair in texts if _MENTIONS.search(pair[1]))
    chosen = [script for script in reading.scripts if script.runs and script.declares]
    if not chosen:
        reading = _parse_all(texts)
        # Options are often declared in a module of their own, and the script imports it.
        declaring = {name for script in reading.scripts if script.declares for name in _module_names(script.path)}
        chosen = [script for script in reading.scripts if script.runs and script.imports & declaring]
    if not chosen:
        chosen = [script for script in reading.scripts if script.runs and script.arguments is not None]
        if len(chosen) == 1:
            script = chosen[0]
            return Program(
                command=command_of(script.path, relative=script.relative), arguments=script.arguments or SHORT
            )
    if len(chosen) == 1:
        return Program(command=command_of(chosen[0].path, relative=chosen[0].relative))
    if chosen:
        chosen = sorted(chosen, key=lambda script: script.path)
        raise AmbiguousScriptError(
            f"Several scripts take -i and -o: {', '.join(script.path for script in chosen[:8])}",
            candidates=tuple((script.path, command_of(script.path, relative=script.relative)) for script in chosen),
            hint=f"choose one: `aws-run submit {chosen[0].path} …`, or {_HINT.format(path=chosen[0].path)}",
        )
    raise _no_script(source, reading)


def find_arguments_of(command: Sequence[str], source: Source) -> tuple[str, str]:
    """The options that the script of a command takes the two folders by; -i and -o where that can't be told."""
    paths = source.paths
    for word in command:
        path = word.removeprefix("./")
        if path.endswith(".py") and path in paths:
            content = source.read(path, max_bytes=_MAX_SCRIPT_BYTES)
            parsed = _parse(path, content.decode("utf-8-sig", errors="replace"))
            if isinstance(parsed, _Script) and not parsed.declares and parsed.arguments is not None:
                return parsed.arguments
            break
    return SHORT


def _no_script(source: Source, reading: _Reading) -> SourceError:
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
            hint=_HINT.format(path=min(candidates, key=_depth))
            + "; other options are named by `arguments: {input: --in-dir, output: --out-dir}`",
        )
    notebooks = sorted((path for path in source.paths if path.endswith(".ipynb")), key=_depth)
    if notebooks:
        return SourceError(
            f"There is no Python script in {source.root}, only notebooks: {', '.join(notebooks[:4])}",
            hint=f"make a script of it (`jupyter nbconvert --to script {notebooks[0]}`) that takes -i and -o",
        )
    return SourceError(
        f"There is no Python script in {source.root}",
        hint="give the project's folder, or name what to run in aws-run.yaml: `command: python main.py`",
    )


def command_for(path: str, text: str) -> tuple[str, ...]:
    """The argv for a script of the project that was named, with its text."""
    parsed = _parse(path, text)
    return command_of(path, relative=isinstance(parsed, _Script) and parsed.relative)


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
    """SourceError when the command names a Python file that is not among the project's files."""
    paths = source.paths
    for word in command:
        if not word.endswith(".py") or word.startswith("/") or "=" in word:
            continue
        path = PurePosixPath(word).as_posix()
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
            hint=f"did you mean {near[0]}?" if near else "correct `command:` in aws-run.yaml",
        )


def _python_files(source: Source) -> Iterator[tuple[str, str]]:
    left = _MAX_SCRIPTS_BYTES
    for file in source.files:
        path = PurePosixPath(file.path)
        if path.suffix != ".py" or file.link is not None or file.size > _MAX_SCRIPT_BYTES:
            continue
        tested = path.name.startswith("test_") or "tests" in path.parts[:-1]
        if not tested and path.name not in _NOT_SCRIPTS:
            left -= file.size
            if left < 0:
                raise SourceError(
                    f"There are more than {_MAX_SCRIPTS_BYTES >> 20} MiB of Python in {source.root}",
                    hint=_HINT.format(path="main.py"),
                )
            content = source.read(file.path, max_bytes=_MAX_SCRIPT_BYTES)
            yield file.path, content.decode("utf-8-sig", errors="replace")


def _parse_all(texts: Iterable[tuple[str, str]]) -> _Reading:
    reading = _Reading(scripts=[], broken={})
    for path, text in texts:
        parsed = _parse(path, text)
        if isinstance(parsed, _Script):
            reading.scripts.append(parsed)
        elif parsed is not None:
            reading.broken[path] = parsed
    return reading


def _parse(path: str, text: str) -> _Script | str | None:
    """The reason for a file that is no Python of this version; None for one that is nested deeper than anybody writes:
    it can't be judged."""
    if sys.version_info < (3, 11) and has_too_many_tokens(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a project's invalid escapes are its own business
            tree = ast.parse(text)
        declares = _declares(tree) or _uses_getopt(tree)
        return _Script(
            path=path,
            declares=declares,
            arguments=find_arguments(tree) if _MENTIONS_LONGER.search(text) else None,
            relative=any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in tree.body),
            runs=path.endswith("__main__.py") or any(_does_something(statement) for statement in tree.body),
            imports=frozenset(_imports(tree)),
        )
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    # MemoryError is what the parser says when its own stack is full (pegen, MAXSTACK).
    except (ValueError, RecursionError, MemoryError):
        return None


def has_too_many_tokens(text: str) -> bool:
    """Whether one logical line is so long that a chain in it (`1+1+…`, `a.b.…`) could overflow the C stack of Python
    3.10, whose parser does not count how deep the tree is that it makes of one."""
    if len(text) < 2 * _MOST_TOKENS_OF_A_LINE:
        return False
    count = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            count = 0 if token.type == tokenize.NEWLINE else count + 1
            if count > _MOST_TOKENS_OF_A_LINE:
                return True
    except (SyntaxError, tokenize.TokenError, RecursionError):
        return True  # the parser would not take it either
    return False


def _declares(tree: ast.Module) -> bool:
    """-i and -o as options of a parser, or compared with what is in sys.argv."""
    declared: set[str] = set()
    compared: set[str] = set()
    reads_argv = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in DECLARING:
            declared.update(strings([*node.args, *(keyword.value for keyword in node.keywords)]))
        elif isinstance(node, ast.Call) and name_of(node.func) == "index":
            compared.update(strings(node.args))
        elif isinstance(node, ast.Compare):
            compared.update(strings([node.left, *node.comparators]))
        elif isinstance(node, ast.MatchValue):
            compared.update(strings([node.value]))
        elif isinstance(node, ast.Attribute) and node.attr == "argv":
            reads_argv = True
    wanted = {"-i", "-o"}
    return wanted <= declared or (reads_argv and wanted <= compared)


def _uses_getopt(tree: ast.Module) -> bool:
    """`getopt.getopt(sys.argv[1:], "i:o:")`."""
    return any(
        isinstance(node, ast.Call)
        and name_of(node.func) in ("getopt", "gnu_getopt")
        and any("i:" in text and "o:" in text for text in strings(node.args))
        for node in ast.walk(tree)
    )


def _does_something(statement: ast.stmt) -> bool:
    """A call, or an `if`, loop, `with`, `try` or assignment that holds one: more than definitions and imports."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return False
    if isinstance(statement, ast.If):
        return any(_does_something(inner) for inner in [*statement.body, *statement.orelse])
    if isinstance(statement, (ast.For, ast.While, ast.With, ast.Try, ast.Match)):
        return True
    if isinstance(statement, ast.Assign):
        # `args = parser.parse_args()` is a script; `app = typer.Typer()` in a library is not.
        return any(
            isinstance(node, ast.Call) and name_of(node.func) in ("parse_args", "parse_known_args", "getopt")
            for node in ast.walk(statement)
        )
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and not _sets_up(statement.value)


def _sets_up(call: ast.Call) -> bool:
    """Calls that a library makes when it is imported."""
    return name_of(call.func) in (
        "add_argument",
        "basicConfig",
        "filterwarnings",
        "simplefilter",
        "use",
        "insert",
        "append",
    )


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}".strip(".") for alias in node.names)


def _module_names(path: str) -> Iterator[str]:
    """Every name under which a module of the project may be imported: `src/pkg/cli.py` is pkg.cli, and cli to a
    module beside it."""
    parts = [*PurePosixPath(path).parts[:-1], PurePosixPath(path).stem]
    if parts[-1] == "__init__":
        parts.pop()
    yield from (".".join(parts[start:]) for start in range(len(parts)))


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
