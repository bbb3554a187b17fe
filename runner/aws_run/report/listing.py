"""Many rows on a terminal of any width: each has one line, or a second one with the details that have no room."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from aws_run.report.format import cells
from aws_run.report.symbols import symbols_for
from aws_run.report.tables import Cell, styled, table
from aws_run.report.wrapping import terminal_width, wrapped

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 2


def listing(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Columns in the order of their weight, the newest row first. On a terminal the newest is the last, above the
    prompt; a column without any value is left out; columns at the end that don't fit go into a second line below the
    row, which is cut where it is longer than the terminal is wide. Elsewhere a row is one line, for grep."""
    stream = sys.stdout if stream is None else stream
    environ = os.environ if environ is None else environ
    width = terminal_width(stream, environ)
    if width is None or not rows:
        table("", columns, rows, stream=stream, environ=environ)
        return
    from rich.console import Console
    from rich.text import Text

    symbols = symbols_for(stream)
    lines = [[Text(column.upper(), style="dim") for column in columns]]
    lines += [[styled(cell, symbols) for cell in row] for row in reversed(rows)]
    kept = [number for number in range(len(columns)) if any(_told(line[number]) for line in lines[1:])]
    lines = [[line[number] for number in kept] for line in lines]
    widths = [max(line[number].cell_len for line in lines) for number in range(len(kept))]
    fitting = _fitting(widths, width)
    console = Console(file=stream, markup=False, emoji=False, highlight=False, _environ=environ)
    for line in lines:
        console.print(_aligned(line[:fitting], widths), soft_wrap=True)
        details = Text(" " * _GAP).join(cell for cell in line[fitting:] if _told(cell))
        if details:
            console.print(Text.assemble(" " * _GAP, _cut(details, width - _GAP), style="dim"), soft_wrap=True)


def _cut(text: Text, width: int) -> Text:
    """`text` at most as wide, cut behind a word."""
    if text.cell_len <= width:
        return text
    first = wrapped(text.plain, width - 2, least=1)[0]
    if cells(first) > width - 2:  # one long word
        cut = text.copy()
        cut.truncate(width, overflow="ellipsis")
        return cut
    return text[: len(first)].append(" \N{HORIZONTAL ELLIPSIS}")


def _told(cell: Text) -> bool:
    return cell.plain not in ("", "-")


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many of the columns, from the first, have room beside each other; one at the least."""
    used = 0
    for number, wide in enumerate(widths):
        used += wide + (_GAP if number else 0)
        if used > width:
            return max(1, number)
    return len(widths)


def _aligned(cells: Iterable[Text], widths: Sequence[int]) -> Text:
    from rich.text import Text

    line = Text()
    for cell, wide in zip(cells, widths, strict=False):
        line.append_text(cell)
        line.append(" " * (wide - cell.cell_len + _GAP))
    line.rstrip()
    return line
