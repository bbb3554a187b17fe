"""A command in shell form (`sh -c TEXT`) that is given arguments all the same: where TEXT is one plain command, they
can be put behind it without changing what the shell makes of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

# What makes more of a text than one command, or hides its end.
_MORE = re.compile(r"[;&|<>()`\\\n]|(?:^|\s)#")
_NO_PROGRAMS = frozenset(
    {
        ".", "source", "cd", "export", "set", "unset", "eval", "trap", "ulimit", "umask", "alias", "exit", "return",
        "read", "wait", "if", "for", "while", "until", "case", "select", "function", "time", "test", "[", "[[", "{",
        "!", "true", "false", ":",
    }
)  # fmt: skip
# What only prepares the shell for the one command behind it, and takes no folders.
_PREPARES = frozenset({"cd", "export", "source", ".", "set", "umask", "ulimit", "mkdir"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_COMMENT = re.compile(r"\s#[^\'\"]*$")


def is_one_command(text: str) -> bool:
    """Whether arguments behind it reach the program: no second command but what prepares for it (`cd app && …`), no
    builtin of the shell. Assignments may stand before it, and a comment behind it."""
    if "{input}" in text or "{output}" in text:  # one place alone is a mistake
        return False
    *before, last = _COMMENT.sub("", text).split("&&")
    words = _words(last)
    if words is None or not all(_prepares(each) for each in before):
        return False
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if words[:1] == ["exec"]:
        words = words[1:]
    return bool(words) and words[0] not in _NO_PROGRAMS and "=" not in words[0] and not words[0].startswith("-")


def with_arguments(argv: Sequence[str]) -> tuple[str, ...]:
    """An argv that ends like `bash -lc TEXT`, so that what is appended reaches the program of TEXT."""
    *before, text = argv
    *prepares, program = (part.strip() for part in _COMMENT.sub("", text).split("&&"))
    program = program.removeprefix("exec ")
    # `exec A=1 program` would look for a program of that name.
    start = "" if _ASSIGNMENT.match(program) else "exec "
    return (*before, " && ".join([*prepares, f'{start}{program} "$@"']), "sh")


def _prepares(text: str) -> bool:
    words = _words(text)
    return bool(words) and words is not None and words[0] in _PREPARES


def _words(text: str) -> list[str] | None:
    """None: it is more than one command, or has a quote that does not end."""
    if _MORE.search(text) is not None:
        return None
    try:
        return shlex.split(text)
    except ValueError:
        return None
