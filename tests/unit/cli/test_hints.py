"""A hint names commands that there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import aws_run
from aws_run.cli.main import COMMANDS

PACKAGE = Path(aws_run.__file__).parent
_NAMED = re.compile(r"\baws-run ([a-z][a-z-]+)")
# Words of a sentence about the tool itself. None of them may become a command without this test being looked at.
_WORDS = {"at", "brings", "built", "comment", "does", "host", "if", "itself", "makes", "may", "must", "needs"}


def literals() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.value


def test_every_command_that_is_named_is_there() -> None:
    found = {(verb, place) for place, text in literals() for verb in _NAMED.findall(text)}
    unknown = sorted((verb, place) for verb, place in found if verb not in {*COMMANDS, *_WORDS})
    assert unknown == []
    assert {verb for verb, _ in found} >= {"ps", "cancel", "pull"}
