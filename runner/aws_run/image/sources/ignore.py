"""Which paths stay out of the image: Docker's ignore rules, gitignore rules, and what never goes in.

The two rule sets differ: a `.dockerignore` pattern is anchored at the root and matches whole paths or folders
above them; a gitignore pattern without a slash matches at any depth. Each file keeps the rules of its name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache

from aws_run.frozen import frozen
from aws_run.project.ignore_rules import GitRules, PatternError, bounded, numbered
from aws_run.project.linear_match import LinearRegex, compile_quietly
from aws_run.project.private_names import NEVER_NAMES
from aws_run.project.private_names import is_private as never_goes_in

__all__ = ["NEVER_NAMES", "DockerIgnore", "GitRules", "PatternError", "never_goes_in"]


@frozen
class _DockerPattern:
    regex: re.Pattern[str] | LinearRegex
    keeps: bool  # a `!` line

    def matches(self, path: str) -> bool:
        if isinstance(self.regex, LinearRegex):
            return self.regex.search(path) is not None
        return self.regex.fullmatch(path) is not None


class DockerIgnore:
    """The rules of `.dockerignore` (moby/patternmatcher): the last line that matches a path, or a folder above
    it, decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        """PatternError for a line that is too long, and for too many of them."""
        patterns = (_docker_pattern(line, number) for number, line in numbered(lines))
        self._patterns = tuple(pattern for pattern in patterns if pattern is not None)

    def ignores(self, path: str) -> bool:
        if not self._patterns:
            return False
        candidates = (path, *_folders_above(path))
        ignored = False
        for pattern in self._patterns:
            # A line that would not change the answer needs no matching.
            if pattern.keeps == ignored and any(pattern.matches(each) for each in candidates):
                ignored = not pattern.keeps
        return ignored


@lru_cache(maxsize=4096)
def _folders_above(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def _docker_pattern(line: str, number: int) -> _DockerPattern | None:
    if line.startswith("#"):
        return None
    text = line.strip()
    if not text:
        return None
    keeps = text.startswith("!")
    if keeps:
        text = text[1:].strip()
    if text:
        text = posixpath.normpath(text).lstrip("/")
    # `.` is the whole context; Docker ignores that line with a warning.
    if text in ("", "."):
        return None
    try:
        return _DockerPattern(regex=bounded(_docker_regex(text), full=True, flags=re.DOTALL), keeps=keeps)
    except ValueError as error:
        raise PatternError(f"the pattern can't be read: {error}", line=number) from None


def _docker_regex(pattern: str) -> str:
    """Go's filepath.Match plus `**`, which spans folders (moby/patternmatcher, func compile)."""
    out: list[str] = []
    index, end = 0, len(pattern)
    while index < end:
        char = pattern[index]
        if pattern.startswith("**", index):
            index += 2
            if index < end and pattern[index] == "/":
                index += 1
            # A trailing `**` matches everything below; else any number of whole folders.
            out.append(".*" if index >= end else "(?:.*/)?")
            continue
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            text, index = _docker_class(pattern, index)
            out.append(text)
            continue
        elif char == "\\" and index + 1 < end:
            index += 1
            out.append(re.escape(pattern[index]))
        else:
            out.append(re.escape(char))
        index += 1
    return "".join(out)


def _docker_class(pattern: str, start: int) -> tuple[str, int]:
    """A `[…]` class from `start`; an unclosed one is a plain bracket. Returns the regex and where it ends."""
    close = pattern.find("]", start + 2 if pattern.startswith("[^", start) else start + 1)
    body = pattern[start + 1 : close]
    if close < 0 or not body.strip("^"):
        return re.escape("["), start + 1
    negated = body.startswith("^")
    inner = body[1:] if negated else body
    escaped = re.sub(r"([\\\[\]&~|])", r"\\\1", inner)
    candidate = f"[{'^/' if negated else ''}{escaped}]"
    try:
        compile_quietly(candidate)
    except ValueError:
        return re.escape("["), start + 1
    return candidate, close + 1
