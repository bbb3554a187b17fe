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


# Commands that ask no AWS, or whose --region means something else.
_NEED_NO_WAY = {"init", "config", "completion", "local", "github", "iam-policy"}
# `--save-spec` and `--dockerfile` tell how a command is given, not what is done about a run.
_TELL_OF_FLAGS = {"config/paths.py", "runs/spec.py", "cli/spec_file.py", "usecases/start.py"}
# Before any AWS is chosen: there is no flag to repeat.
_BEFORE_AWS = {
    "cli/compose.py",
    "image/recipe/dependency_lists.py",
    "image/recipe/list_files.py",
    "image/recipe/program.py",
    "image/sources/source.py",
}


def plain_hints() -> Iterator[tuple[str, str]]:
    """Each command that a hint names in plain text, and where."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if place in _TELL_OF_FLAGS | _BEFORE_AWS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            hint = node.value if isinstance(node, ast.keyword) and node.arg == "hint" else None
            if isinstance(node, ast.Assign) and any(ast.unparse(to).endswith("hint") for to in node.targets):
                hint = node.value
            for part in ast.walk(hint) if hint is not None else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from ((verb, f"{place}:{part.lineno}") for verb in _NAMED.findall(part.value))


def test_a_hint_names_a_command_so_that_it_reaches_the_same_aws() -> None:
    assert [(verb, place) for verb, place in plain_hints() if verb in {*COMMANDS} - _NEED_NO_WAY] == []
