"""gitignore rules from lines that anybody may have written: as git reads them, in bounded time.

For the files that go into an image (`image.sources.ignore`) and those of an input folder (`data.inputs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

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
        self._match: Callable[[str], bool] | None = None
        if lines:  # most projects have none, and pathspec takes long to import
            from aws_run.project.ignore_patterns import git_matcher

            self._match = git_matcher(lines)

    def ignores(self, path: str) -> bool:
        return self._match is not None and self._match(path)


def exclude_matcher(lines: Sequence[str]) -> Callable[[str], bool]:
    """The rules of `exclude` for an input folder, where a folder's path ends with a slash. PatternError as above."""
    from aws_run.project.ignore_patterns import basic_matcher

    return basic_matcher(lines)


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
