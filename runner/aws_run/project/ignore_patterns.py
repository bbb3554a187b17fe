"""gitignore patterns as pathspec reads them, each with a matcher that can't be kept busy (`ignore_rules`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import pathspec
from pathspec.pattern import RegexMatchResult, RegexPattern
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from aws_run.project.ignore_rules import PatternError, bounded, numbered
from aws_run.project.linear_match import LinearRegex, compile_quietly


def git_matcher(lines: Sequence[str]) -> Callable[[str], bool] | None:
    """Whether git would ignore a file, by its path; None where no line says anything. PatternError for a line that
    can't be read."""
    patterns = _patterns(map(as_git_reads, lines), _BoundedSpecPattern)
    return pathspec.GitIgnoreSpec(patterns, backend="simple").match_file if patterns else None


def basic_matcher(lines: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path matches, with the last line that matches deciding. PatternError for a line that can't be read."""
    return pathspec.PathSpec(_patterns(lines, _BoundedBasicPattern), backend="simple").match_file


def as_git_reads(line: str) -> str:
    """`a/**/` ignores the folders below `a` and what lies in them; pathspec takes it for `a/**`, which ignores
    the files of `a` itself as well."""
    trimmed = line.rstrip(" ")
    return f"{trimmed}*/" if trimmed.endswith("/**/") else line


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
