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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from aws_run.errors import SourceError
from aws_run.image.source import Source

# Who declares an option: argparse, optparse, click, typer, cyclopts.
_DECLARING = frozenset({"add_argument", "add_option", "option", "Option", "Parameter"})
_MAX_SCRIPT_BYTES = 1 << 20
# Together; a tree takes a hundred times the memory of its text, but only one is held at a time.
_MAX_SCRIPTS_BYTES = 64 << 20
_MOST_TOKENS_OF_A_LINE = 8_000
_MENTIONS = re.compile(r"""["']-[io]["']|getopt""")
_NOT_SCRIPTS = frozenset({"setup.py", "conftest.py", "noxfile.py"})
_HINT = "name it in aws-run.yaml, for example `command: python {path}` (-i and -o are appended)"


@dataclass(frozen=True, kw_only=True)
class _Script:
    path: str
    declares: bool  # options -i and -o, in any of the usual ways
    runs: bool  # does something when started, not only when imported
    imports: frozenset[str]  # module names as written


def find_command(source: Source) -> tuple[str, ...]:
    """The argv that starts the one script that takes -i and -o. SourceError where there is none, or several."""
    texts = list(_python_files(source))
    # Parsing is slow and most files mention no such option: look at the text first.
    scripts = _parse_all(pair for pair in texts if _MENTIONS.search(pair[1]))
    found = [script.path for script in scripts if script.runs and script.declares]
    if not found:
        # Options are often declared in a module of their own, and the script imports it.
        scripts = _parse_all(texts)
        declaring = {name for script in scripts if script.declares for name in _module_names(script.path)}
        found = [script.path for script in scripts if script.runs and script.imports & declaring]
    if len(found) == 1:
        return command_of(found[0])
    if found:
        listed = ", ".join(sorted(found)[:8])
        raise SourceError(f"Several scripts take -i and -o: {listed}", hint=_HINT.format(path=sorted(found)[0]))
    candidates = [script.path for script in scripts if script.runs] or [script.path for script in scripts]
    if not candidates:
        raise SourceError(
            f"There is no Python script in {source.root}",
            hint="give the project's folder, or name what to run in aws-run.yaml: `command: python main.py`",
        )
    listed = ", ".join(sorted(candidates, key=_depth)[:8])
    raise SourceError(
        f"No script takes both -i and -o (looked at {listed})",
        hint=_HINT.format(path=min(candidates, key=_depth)),
    )


def command_of(path: str) -> tuple[str, ...]:
    """The argv for a script of the project; a package's `__main__.py` runs as a module."""
    script = PurePosixPath(path)
    if script.name == "__main__.py" and len(script.parts) == 2:
        return ("python", "-m", script.parts[0])
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


def _parse_all(texts: Iterable[tuple[str, str]]) -> list[_Script]:
    parsed = (_parse(path, text) for path, text in texts)
    return [script for script in parsed if script is not None]


def _parse(path: str, text: str) -> _Script | None:
    """None for a file that is no Python of this version, or nested deeper than anybody writes: it can't be judged."""
    if sys.version_info < (3, 11) and has_too_many_tokens(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a project's invalid escapes are its own business
            tree = ast.parse(text)
        return _Script(
            path=path,
            declares=_declares(tree) or _uses_getopt(tree),
            runs=path.endswith("__main__.py") or any(_does_something(statement) for statement in tree.body),
            imports=frozenset(_imports(tree)),
        )
    # MemoryError is what the parser says when its own stack is full (pegen, MAXSTACK).
    except (SyntaxError, ValueError, RecursionError, MemoryError):
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
        if isinstance(node, ast.Call) and _name(node.func) in _DECLARING:
            declared.update(_strings([*node.args, *(keyword.value for keyword in node.keywords)]))
        elif isinstance(node, ast.Call) and _name(node.func) == "index":
            compared.update(_strings(node.args))
        elif isinstance(node, ast.Compare):
            compared.update(_strings([node.left, *node.comparators]))
        elif isinstance(node, ast.MatchValue):
            compared.update(_strings([node.value]))
        elif isinstance(node, ast.Attribute) and node.attr == "argv":
            reads_argv = True
    wanted = {"-i", "-o"}
    return wanted <= declared or (reads_argv and wanted <= compared)


def _uses_getopt(tree: ast.Module) -> bool:
    """`getopt.getopt(sys.argv[1:], "i:o:")`."""
    return any(
        isinstance(node, ast.Call)
        and _name(node.func) in ("getopt", "gnu_getopt")
        and any("i:" in text and "o:" in text for text in _strings(node.args))
        for node in ast.walk(tree)
    )


def _strings(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            yield from _strings(node.elts)


def _name(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


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
            isinstance(node, ast.Call) and _name(node.func) in ("parse_args", "parse_known_args", "getopt")
            for node in ast.walk(statement)
        )
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and not _sets_up(statement.value)


def _sets_up(call: ast.Call) -> bool:
    """Calls that a library makes when it is imported."""
    return _name(call.func) in (
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
