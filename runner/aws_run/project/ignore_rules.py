"""gitignore rules from lines that anybody may have written: as git reads them, in bounded time.

For the files that go into an image (`image.ignore`) and those of an input folder (`data.inputs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import pathspec
from pathspec.pattern import RegexMatchResult, RegexPattern
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from aws_run.project.linear_match import LinearRegex, compile_quietly

MAX_LINES = 2_000
MAX_LINE_CHARACTERS = 1_024
# `re` is faster, and with two pieces of variable length it can't do more than try each pair of places.
_MOST_FOR_RE = 2


class PatternError(ValueError):
    """`line` counts from 1; the message is what is wrong with that line."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


class GitRules:
    """What GitIgnoreSpec says of the lines as git reads them (the last one that matches decides), in bounded time."""

    def __init__(self, lines: Sequence[str]) -> None:
        """PatternError for a line that can't be read, or more lines than any project needs."""
        patterns = _patterns(map(as_git_reads, lines), _BoundedSpecPattern)
        self._spec = pathspec.GitIgnoreSpec(patterns, backend="simple") if patterns else None

    def ignores(self, path: str) -> bool:
        return self._spec is not None and self._spec.match_file(path)


def as_git_reads(line: str) -> str:
    """`a/**/` ignores the folders below `a` and what lies in them; pathspec takes it for `a/**`, which ignores
    the files of `a` itself as well."""
    trimmed = line.rstrip(" ")
    return f"{trimmed}*/" if trimmed.endswith("/**/") else line


def exclude_matcher(lines: Sequence[str]) -> Callable[[str], bool]:
    """The rules of `exclude` for an input folder, where a folder's path ends with a slash. PatternError as above."""
    spec = pathspec.PathSpec(_patterns(lines, _BoundedBasicPattern), backend="simple")
    return spec.match_file


def numbered(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    """Each line with its number. PatternError for one that is too long, and for too many of them."""
    for number, line in enumerate(lines, start=1):
        if number > MAX_LINES:
            raise PatternError(f"there are more than {MAX_LINES} patterns", line=number)
        if len(line) > MAX_LINE_CHARACTERS:
            raise PatternError(f"the pattern is longer than {MAX_LINE_CHARACTERS} characters", line=number)
        yield number, line


def bounded(text: str, *, full: bool = False, flags: int = 0) -> re.Pattern[str] | LinearRegex:
    """`text` compiled: by `re` where it can't take long, else to be followed in one pass. ValueError for neither."""
    compiled = compile_quietly(text, flags)
    if sum(text.count(sign) for sign in ("*", "+", ")?")) <= _MOST_FOR_RE:
        return compiled
    linear = LinearRegex(text, full=full)
    return linear if linear.variable_pieces > _MOST_FOR_RE else compiled


P = TypeVar("P", bound="_Bounded")


def _patterns(lines: Iterable[str], kind: type[P]) -> list[P]:
    made = []
    for number, line in numbered(lines):
        try:
            made.append(kind(line))
        except (ValueError, re.error) as error:
            raise PatternError(f"the pattern can't be read: {error}", line=number) from None
    return made


class _Bounded(RegexPattern):
    """pathspec's own reading of a line, with a matcher that can't be kept busy."""

    __slots__ = ("_linear",)

    def __init__(self, pattern: str) -> None:
        text, include = self.pattern_to_regex(pattern)
        compiled = bounded(text) if text is not None and include is not None else None
        self._linear = compiled if isinstance(compiled, LinearRegex) else None
        super().__init__(compile_quietly("^") if isinstance(compiled, LinearRegex) else compiled, include)

    def match_file(self, file: str) -> Any:
        if self._linear is None:
            return super().match_file(file)
        match = self._linear.search(file)
        return None if match is None else RegexMatchResult(cast("re.Match[str]", match))


class _BoundedSpecPattern(_Bounded, GitIgnoreSpecPattern):
    __slots__ = ()


class _BoundedBasicPattern(_Bounded, GitIgnoreBasicPattern):
    __slots__ = ()
