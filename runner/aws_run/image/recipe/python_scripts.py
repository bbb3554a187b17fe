"""The project's Python scripts, read as syntax trees: which options they declare, what they import, whether they do
something when they are started. Nothing of the project is imported or run."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from aws_run.errors import SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.declared_options import is_declaration, name_of, strings
from aws_run.image.recipe.hydra_config import find_hydra_arguments
from aws_run.image.recipe.script_options import SHORT, Takes, declares, find_takes, has_unnamed_subcommands
from aws_run.image.sources.source import Source

MAX_SCRIPT_BYTES = 1 << 20
# Together; a tree takes a hundred times the memory of its text, but only one is held at a time.
_MAX_SCRIPTS_BYTES = 64 << 20
_MOST_TOKENS_OF_A_LINE = 8_000
_MENTIONS = re.compile(r"""["']-[io]["']|getopt""")
_MENTIONS_LONGER = re.compile(
    r"add_argument|add_option|click|typer|fire|cyclopts|docopt|DEFINE_|ArgumentParser|ArgParser|tyro|argv|hydra"
    r"|\bTap\b|jsonargparse|simple_parsing|pyrallis|draccus|cli_parse_args|CliApp"
)
# `bin/tool` without an ending
_PYTHON_LINE = re.compile(rb"#!\S*(?:/env )?\S*python")
_NOT_SCRIPTS = frozenset({"setup.py", "conftest.py", "noxfile.py", "manage.py"})


@frozen
class Script:
    """`short`: -i and -o are declared, in any of the usual ways; `takes`: the options that take the two folders,
    however they are spelled; `relative`: it imports relatively, so it runs only as a module; `runs`: it does something
    when started, not only when imported; `imports`: module names as written."""

    path: str
    short: bool
    takes: tuple[Takes, ...]
    relative: bool
    runs: bool
    imports: frozenset[str]


@frozen
class Reading:
    """`broken`: files that no Python of ours parses, with the reason."""

    scripts: list[Script]
    broken: dict[str, str]


def python_files(source: Source) -> Iterator[tuple[str, str]]:
    """(path, text), also of executable files that begin with a line for Python; tests and build files are left out.
    SourceError where there is more than anybody could mean."""
    left = _MAX_SCRIPTS_BYTES
    for file in source.files:
        path = PurePosixPath(file.path)
        named = path.suffix == ".py" or (path.suffix == "" and file.mode & 0o100)
        if not named or file.link is not None or file.size > MAX_SCRIPT_BYTES:
            continue
        tested = path.name.startswith("test_") or "tests" in path.parts[:-1]
        if not tested and path.name not in _NOT_SCRIPTS:
            left -= file.size
            if left < 0:
                raise SourceError(
                    f"There are more than {_MAX_SCRIPTS_BYTES >> 20} MiB of Python in {source.root}",
                    hint="name the script with --command, or in aws-run.yaml, for example `command: python main.py`",
                )
            content = source.read(file.path, max_bytes=MAX_SCRIPT_BYTES)
            if not path.suffix and not _PYTHON_LINE.match(content):
                continue
            yield file.path, content.decode("utf-8-sig", errors="replace")


def mentions_short(text: str) -> bool:
    """Parsing is slow and most files mention no such option: a look at the text first."""
    return _MENTIONS.search(text) is not None


def mentions_options(text: str) -> bool:
    return mentions_short(text) or _MENTIONS_LONGER.search(text) is not None


def parse_all(texts: Iterable[tuple[str, str]], source: Source, given: tuple[str, str] = SHORT) -> Reading:
    """`given`: the options that the user has named; -i and -o: none."""
    reading = Reading(scripts=[], broken={})
    for path, text in texts:
        parsed = parse(path, text, source, given)
        if isinstance(parsed, Script):
            reading.scripts.append(parsed)
        elif parsed is not None:
            reading.broken[path] = parsed
    return reading


def parse(path: str, text: str, source: Source, given: tuple[str, str] = SHORT) -> Script | str | None:
    """The reason for a file that is no Python of this version; None for one that is nested deeper than anybody writes:
    it can't be judged."""
    try:
        tree = read_tree(text)
        if tree is None:
            return None
        return Script(
            path=path,
            short=(_declares(tree) and not has_unnamed_subcommands(tree)) or _uses_getopt(tree),
            takes=_takes(path, text, tree, source, given),
            relative=_is_relative(tree),
            runs=path.endswith("__main__.py") or any(_does_something(statement) for statement in tree.body),
            imports=frozenset(_imports(tree)),
        )
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except RecursionError:
        return None


def read_tree(text: str) -> ast.Module | None:
    """What a project has written as Python, whatever it is: the only call of the parser. None for what is nested deeper
    than anybody writes, or holds a NUL. SyntaxError for what is no Python of this version."""
    if sys.version_info < (3, 11) and has_too_many_tokens(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a project's invalid escapes are its own business
            return ast.parse(text)
    # MemoryError is what the parser says when its own stack is full (pegen, MAXSTACK).
    except (ValueError, RecursionError, MemoryError):
        return None


def imports_relatively(text: str) -> bool:
    """False for what is no Python of this version."""
    try:
        tree = read_tree(text)
    except SyntaxError:
        return False
    return tree is not None and _is_relative(tree)


def _is_relative(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in tree.body)


def _takes(path: str, text: str, tree: ast.Module, source: Source, given: tuple[str, str]) -> tuple[Takes, ...]:
    if not mentions_options(text):
        return ()
    if given != SHORT:
        return (Takes(arguments=given),) if declares(tree, given) else ()
    takes = find_takes(tree)
    if not takes and "hydra" in text and (keys := find_hydra_arguments(path, tree, source)) is not None:
        return (Takes(arguments=keys),)
    return tuple(takes)


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
        if isinstance(node, ast.Call) and is_declaration(node):
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


def module_names(path: str) -> Iterator[str]:
    """Every name under which a module of the project may be imported: `src/pkg/cli.py` is pkg.cli, and cli to a
    module beside it."""
    parts = [*PurePosixPath(path).parts[:-1], PurePosixPath(path).stem]
    if parts[-1] == "__init__":
        parts.pop()
    yield from (".".join(parts[start:]) for start in range(len(parts)))
