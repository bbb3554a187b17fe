"""Results of commands on stdout, as a table for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from aws_run.frozen import frozen
from aws_run.report.format import aligned, clean
from aws_run.report.symbols import Symbols, symbols_for
from aws_run.report.wrapping import wrapped

if TYPE_CHECKING:
    from rich.text import Text


@frozen
class Mark:
    """A cell with a sign for good or bad before its text."""

    state: Literal["ok", "warning", "failed", "unknown"]
    text: str = ""


_MOST_LINES = 3  # of a row with several columns
_SHORT = 16  # a time, a type, a state
_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "dim"}
Cell = str | int | float | None | Mark


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Written to stdout. On a terminal long cells wrap between words; elsewhere a row is one line, for grep."""
    stream = sys.stdout if stream is None else stream
    environ = os.environ if environ is None else environ
    symbols = symbols_for(stream)
    if stream.isatty() and environ.get("TERM", "") not in {"dumb", "unknown"}:
        _rich_table(title, columns, rows, stream=stream, environ=environ, symbols=symbols)
        return
    stream.write("\n".join(table_lines(title, columns, rows, symbols)) + "\n")


def checklist(
    rows: Sequence[tuple[str, Mark, str]], *, stream: TextIO | None = None, environ: Mapping[str, str] | None = None
) -> None:
    """(what, how it is, what to do), on stdout. On a terminal what to do stands below, and long text is broken between
    words; elsewhere a row is one line, for grep."""
    stream = sys.stdout if stream is None else stream
    environ = os.environ if environ is None else environ
    symbols = symbols_for(stream)
    if not (stream.isatty() and environ.get("TERM", "") not in {"dumb", "unknown"}):
        stream.write("\n".join(table_lines("", ("check", "state", "to do"), rows, symbols)) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, markup=False, emoji=False, highlight=False, _environ=environ)
    indent = 2 + max((len(clean(what)) for what, _, _ in rows), default=0) + 2
    for what, mark, todo in rows:
        first, *rest = wrapped(clean(mark.text), console.width - indent)
        head = Text.assemble((_sign(mark, symbols), _STYLES[mark.state]), f" {clean(what)}".ljust(indent - 1), first)
        console.print(head, soft_wrap=True)
        for line in rest:
            console.print(Text(" " * indent + line), soft_wrap=True)
        for line in wrapped(clean(todo), console.width - indent) if todo else ():
            console.print(Text(" " * indent + line, style="dim"), soft_wrap=True)


def table_lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], symbols: Symbols) -> list[str]:
    cells = [[_plain(cell, symbols) for cell in row] for row in rows]
    head = [clean(title)] if title else []
    if not rows:
        return [*head, "(none)"]
    return [*head, *aligned([[column.upper() for column in columns], *cells])]


def _plain(cell: Cell, symbols: Symbols) -> str:
    if isinstance(cell, Mark):
        return f"{_sign(cell, symbols)} {clean(cell.text)}".rstrip()
    return "-" if cell is None or cell == "" else clean(str(cell))


def styled(cell: Cell, symbols: Symbols) -> Text:
    """A cell as a terminal shows it."""
    from rich.text import Text

    if isinstance(cell, Mark):
        return Text.assemble((_sign(cell, symbols), _STYLES[cell.state]), f" {clean(cell.text)}")
    return Text(_plain(cell, symbols))


def _sign(mark: Mark, symbols: Symbols) -> str:
    return {"ok": symbols.done, "warning": symbols.warning, "failed": symbols.failed, "unknown": "?"}[mark.state]


def _rich_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    stream: TextIO,
    environ: Mapping[str, str],
    symbols: Symbols,
) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, markup=False, emoji=False, highlight=False, _environ=environ)
    if title:
        console.print(Text(clean(title), style="bold"))
    if not rows:
        console.print(Text("(none)", style="dim"))
        return
    lines = [[Text(column, style="dim") for column in columns]]
    for row in rows:
        lines.append([styled(cell, symbols) for cell in row])
    widths = _widths([[cell.plain for cell in line] for line in lines], console.width)
    if widths is None and len(columns) > 2:
        for block in _records(columns, lines[1:], console.width):
            console.print(block, soft_wrap=True)
        return
    if widths is None:
        indent = max(cell_len(line[0].plain) for line in lines) + 2 if len(columns) == 2 else 0
        for line in lines:
            for part in _hanging(line, indent, console.width):
                console.print(part, soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        grid.add_column(width=width)
    for line in lines:
        grid.add_row(*(_broken(cell, width) for cell, width in zip(line, widths, strict=True)))
    console.print(grid)


def _broken(cell: Text, width: int) -> Text:
    from rich.text import Text

    return Text("\n".join(wrapped(cell.plain, width, least=1)), style=cell.style, spans=cell.spans)


def _records(columns: Sequence[str], rows: Sequence[Sequence[Text]], room: int) -> Iterator[Text]:
    """Each row as a block below its first cell, for a terminal that has no room for columns."""
    from rich.text import Text

    width = max(len(column) for column in columns[1:])
    for first, *others in rows:
        yield first
        for column, cell in zip(columns[1:], others, strict=True):
            if cell.plain not in ("", "-"):
                yield from _hanging([Text(f"  {column}", style="dim"), cell], width + 4, room)


def _hanging(line: Sequence[Text], indent: int, width: int) -> Iterator[Text]:
    """A row of one or two columns: its last cell is broken between words, unless it is one that is copied and longer
    than a line."""
    from rich.cells import cell_len
    from rich.text import Text

    *first, last = line
    parts = wrapped(last.plain, width - indent)
    head = _padded(first[0], indent) if first else Text()
    if len(parts) < 2 or max(map(cell_len, parts)) > width - indent:
        yield Text.assemble(head, last)
        return
    yield Text.assemble(head, (parts[0], last.style))
    yield from (Text(" " * indent + part) for part in parts[1:])


def _padded(cell: Text, width: int) -> Text:
    padded = cell.copy()
    padded.pad_right(width - padded.cell_len)
    return padded


def _widths(lines: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """The width of each column, so that no word is broken: a name or a link that is cut can be neither copied nor
    clicked. Short cells stay whole as long as there is room for that.

    None if there is no room, or so little that rows would be towers of words; the terminal then wraps whole lines,
    which it can join again on copying.
    """
    from rich.cells import cell_len

    columns = list(zip(*lines, strict=True))
    natural = [max(map(cell_len, column)) for column in columns]
    least = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    room = width - 2 * len(columns)
    if sum(natural) <= room:
        return natural
    whole = [high if high <= _SHORT else low for low, high in zip(least, natural, strict=True)]
    least = whole if sum(whole) <= room else least
    spare = room - sum(least)
    if spare < 0:
        return None
    wanted = sum(natural) - sum(least)
    widths = [low + spare * (high - low) // wanted for low, high in zip(least, natural, strict=True)]
    tall = any(_height(cell, wide) > _MOST_LINES for line in lines for cell, wide in zip(line, widths, strict=True))
    return None if tall and len(columns) > 2 else widths


def _height(cell: str, width: int) -> int:
    return len(wrapped(cell, width, least=1))
