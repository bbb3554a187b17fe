"""Where text for people is broken into lines. Panels, tables, errors and the commands' own lines all come here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TextIO

from aws_run.report.format import cells

_LEAST = 20
_BEFORE_A_VERB = "allowance|completion|config|github|iam-policy|local|network|quota"
# What is copied as one: a command in backticks, what a shell is to evaluate, and a command of ours with the options and
# ids that follow it. A command that is longer than a line stays whole as well: a terminal joins its own line breaks
# again when they are copied.
WHOLE = re.compile(
    r'`[^`]+`\S*|eval "\$\([^)]*\)"\S*|'
    rf"\baws-run (?:(?:{_BEFORE_A_VERB}) )?[a-z-]+(?: (?:--?[a-z][a-z-]*|[\w./:-]*\d[\w./:-]*))*\S*"
)
_SPACE_INSIDE = "\x00"  # cleaned text has none of its own
_WORDS = re.compile(r"( *)([^ ]+)")
# What the further lines of a text stand behind: the width of its label, or the sign of a comment.
_LABEL = re.compile(r" *(?:error|hint|note|warning|demo|usage|Error|Usage): *")
_COMMENT = "# "
_LABELLED = 3  # a line that is indented further stands below a label itself


def wrapped(text: str, width: int, *, least: int = _LEAST) -> list[str]:
    """Lines of at most `width` characters, broken between words alone and not within a command: a longer word has a
    line of its own. At least one line."""
    width = max(least, width)
    text = WHOLE.sub(lambda match: match[0].replace(" ", _SPACE_INSIDE), text.expandtabs())
    lines = [""]
    for gap, word in _WORDS.findall(text):
        longer = f"{lines[-1]}{gap}{word}"
        if not lines[-1].strip() or cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line.replace(_SPACE_INSIDE, " ") for line in lines]


def hanging(text: str, width: int) -> list[str]:
    """The same for a line that stands by itself: what follows its first line is indented below what it begins with
    (`error: `, `# `, or two more spaces than its own)."""
    text = text.expandtabs()
    begin, further = _beginning(text)
    first = wrapped(text[len(begin) :], width - len(begin))[0]
    rest = text[len(begin) + len(first) :].strip()
    lines = wrapped(rest, width - len(further)) if rest else []
    return [f"{begin}{first}", *(f"{further}{line}" for line in lines)]


def _beginning(text: str) -> tuple[str, str]:
    """What the first line begins with, and what all others do."""
    if label := _LABEL.match(text):
        return label[0], " " * len(label[0])
    if text.startswith(_COMMENT):
        return _COMMENT, _COMMENT
    begin = " " * (len(text) - len(text.lstrip(" ")))
    return begin, begin if len(begin) > _LABELLED else f"{begin}  "


def terminal_width(stream: TextIO | None, environ: Mapping[str, str] | None = None) -> int | None:
    """None where `stream` is no terminal, or one that breaks lines itself (TERM=dumb): lines stay whole there."""
    environ = os.environ if environ is None else environ
    if stream is None or not stream.isatty() or environ.get("TERM", "") in {"dumb", "unknown"}:
        return None
    told = environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def lines_for(stream: TextIO | None, text: str) -> list[str]:
    """The line `text` as it is written to `stream`: broken where that is a terminal."""
    width = terminal_width(stream)
    return [text] if width is None else hanging(text, width)
