"""Text from elsewhere in GitHub's Markdown: shown as it is, and never as markup, a mention or a link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from aws_run.report.format import clean

# What Markdown, HTML and GitHub's formulas ($…$) give a meaning. An entity has none, in a table neither.
_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~@&$]")
# GitHub looks for @names and #numbers in the text that results, so entities don't hide them: an invisible space does.
_REFERENCE = re.compile(r"&#(?:64|35);(?=\w)")
_LIST = re.compile(r"[-+=]|\d(?=\d*[.)])")
_LONGEST = 300


def escape(text: str, *, longest: int = _LONGEST) -> str:
    """One line of text. Longer ones are cut, with an ellipsis."""
    line = clean(text).strip()
    if len(line) > longest:
        line = f"{line[: longest - 1]}…"
    escaped = _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", line)
    escaped = _REFERENCE.sub(lambda match: f"{match[0]}&#8203;", escaped)
    # At the start of a line these would begin a list, a rule or a headline.
    return f"&#{ord(escaped[0])};{escaped[1:]}" if _LIST.match(escaped) else escaped


def code(text: str, *, longest: int = _LONGEST) -> str:
    """As `escape`, in the font of code, where GitHub looks for no references."""
    line = clean(text)
    if len(line) > longest:
        line = f"{line[: longest - 1]}…"
    return f"<code>{_SPECIAL.sub(lambda match: f'&#{ord(match[0])};', line)}</code>"


def link(text: str, url: str) -> str:
    """The text as a link, where `url` is a web address; else the text."""
    address = clean(url)
    if re.fullmatch(r"https://[!-~]+", address) is None:
        return escape(text)
    return f"[{escape(text)}]({re.sub(r'[()<>|]', lambda match: f'%{ord(match[0]):02X}', address)})"


def fence(lines: Iterable[str]) -> str:
    """A block of code whose fence is longer than any run of backticks in it."""
    cleaned = [clean(line) for line in lines]
    runs = (len(run) for line in cleaned for run in re.findall(r"`+", line))
    mark = "`" * max(3, max(runs, default=0) + 1)
    return "\n".join([f"{mark}text", *cleaned, mark])


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Cells are Markdown already. `right`: the columns that are aligned to the right."""
    lines = [header, ["---:" if column in right else "---" for column in range(len(header))], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
