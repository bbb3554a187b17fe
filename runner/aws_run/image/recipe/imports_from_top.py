"""Scripts in a folder that import from the top of the project, as `PYTHONPATH=. python scripts/train.py` lets them."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from aws_run.frozen import frozen
from aws_run.image.recipe.python_scripts import MAX_SCRIPT_BYTES, Script, parse
from aws_run.image.sources.source import Source


@frozen
class ImportFromTop:
    script: str
    module: str


def find_import_from_top(source: Source, command: Sequence[str]) -> ImportFromTop | None:
    """None where the command runs no script of a folder (`-m` looks at the top itself), or all that it imports lies
    beside it or is installed."""
    paths = source.paths
    named = (word.removeprefix("./") for word in command if word.endswith(".py") and "-m" not in command)
    path = next((word for word in named if "/" in word and word in paths), None)
    if path is None:
        return None
    text = source.read(path, max_bytes=MAX_SCRIPT_BYTES).decode("utf-8-sig", errors="replace")
    parsed = parse(path, text, source)
    if not isinstance(parsed, Script):
        return None
    beside = f"{posixpath.dirname(path)}/"
    at_top = _modules(paths, "")
    for name in sorted({each.partition(".")[0] for each in parsed.imports} - _modules(paths, beside)):
        if name in at_top:
            return ImportFromTop(script=path, module=name)
    return None


def _modules(paths: frozenset[str] | set[str], folder: str) -> set[str]:
    """Names that can be imported from a folder: its modules, and its folders that hold some."""
    below = [path.removeprefix(folder) for path in paths if path.startswith(folder) and path.endswith(".py")]
    return {path.partition("/")[0].removesuffix(".py") for path in below}
