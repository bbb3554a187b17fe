"""What a job or a build says it did not find, and the Debian packages that bring it.

The names are those of Debian 12, on which the images of Python stand; Debian 13 and Ubuntu 24.04 have the ones with
`t64` at the end under the shorter name, too.
"""

from __future__ import annotations

import re

from aws_run.frozen import frozen
from aws_run.project.missing.build_parts import build_part_in
from aws_run.project.missing.libraries import library_in
from aws_run.project.missing.needed_by import needed_to_build, needed_to_import
from aws_run.project.missing.programs import program_in
from aws_run.project.missing.sentences import sentence_in

# How far from the end something that is missing may be told. A library that is missing last a program at once, and
# little follows but advice; a program that is missing may be a warning long before the end.
_LINES = 60
_LINES_OF_PROGRAMS = 12
_LINES_OF_LIKELY = 5
_MOST_CHARS = 1000
# A traceback is one thing that was said, however many calls it shows.
_OF_TRACEBACK = re.compile(r"^\s*(?:File \"|[\^~]+\s*$|Traceback \(most recent|During handling of the above)")
_CALL = re.compile(r"^(\s*)File \"")
_IMPORT_FAILED = re.compile(r"ImportError: |OSError: ")


@frozen
class MissingPackage:
    """`what`: the file or program that was not found; `packages`: those that bring it."""

    what: str
    packages: tuple[str, ...]

    @property
    def setting(self) -> str:
        """The line of aws-run.yaml that brings it."""
        return f"build: {{apt: [{', '.join(self.packages)}]}}"

    @property
    def remedy(self) -> str:
        """What to write, with and without a Dockerfile."""
        return f"`{self.setting}` brings it (in a Dockerfile: apt-get install -y {' '.join(self.packages)})"


def find_missing(text: str) -> MissingPackage | None:
    """The last thing that the end of `text`, the output of a job or a build, says was not found and that a Debian
    package brings."""
    lines = [line[:_MOST_CHARS] for line in text.splitlines()[-10 * _LINES :] if line.strip()]
    last = _without_calls(lines)[-_LINES:]
    for back, (place, line) in enumerate(reversed(last)):
        package = _in_line(line, back)
        if package is not None:
            what, packages = package
            return _missing(what, packages, "\n".join(lines), "\n".join(lines[: place + 1]))
    return None


def _without_calls(lines: list[str]) -> list[tuple[int, str]]:
    """Each line that is no part of a traceback's calls, with its place."""
    kept = []
    call = ""  # what stands before a call's `File`; its source follows further to the right
    for place, line in enumerate(lines):
        source = bool(call) and line.startswith(f"{call} ")
        if not (source or _OF_TRACEBACK.match(line)):
            kept.append((place, line))
        before = _CALL.match(line)
        call = before[1] if before is not None else ""
    return kept


def _in_line(line: str, back: int) -> tuple[str, str] | None:
    """`back`: how many lines were said after it."""
    package = library_in(line) or build_part_in(line) or sentence_in(line)
    if package is None and back < _LINES_OF_PROGRAMS:
        package = program_in(line, likely=back < _LINES_OF_LIKELY)
    return package


def _missing(what: str, packages: str, text: str, before: str) -> MissingPackage:
    whole = needed_to_build(text) or (needed_to_import(before) if _IMPORT_FAILED.search(before) else "")
    return MissingPackage(what=what, packages=tuple(dict.fromkeys([*whole.split(), *packages.split()])))
