"""A command in shell form (`sh -c TEXT`) that is given arguments all the same: where TEXT is one plain command, they
can be put behind it without changing what the shell makes of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

# What makes more of a text than one command, or hides its end.
_MORE = re.compile(r"[;&|<>()`#\\\n]")
_NO_PROGRAMS = frozenset(
    {
        ".", "source", "cd", "export", "set", "unset", "eval", "trap", "ulimit", "umask", "alias", "exit", "return",
        "read", "wait", "if", "for", "while", "until", "case", "select", "function", "time", "test", "[", "[[", "{",
        "!", "true", "false", ":",
    }
)  # fmt: skip


def is_one_command(text: str) -> bool:
    """Whether arguments behind it reach the program: no second command, no builtin of the shell, no assignment."""
    if _MORE.search(text) is not None or "{input}" in text or "{output}" in text:  # one place alone is a mistake
        return False
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that does not end
        return False
    if words[:1] == ["exec"]:
        words = words[1:]
    return bool(words) and words[0] not in _NO_PROGRAMS and "=" not in words[0] and not words[0].startswith("-")


def with_arguments(argv: Sequence[str]) -> tuple[str, ...]:
    """An argv that ends like `bash -lc TEXT`, so that what is appended reaches the program of TEXT."""
    *before, text = argv
    program = text.strip().removeprefix("exec ")
    return (*before, f'exec {program} "$@"', "sh")
