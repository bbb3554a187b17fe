"""Results of commands on stdout: a table for people, the same rows as JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from aws_run.report.format import aligned, clean
from aws_run.report.jsonlines import to_data
from aws_run.report.symbols import Symbols, symbols_for


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A cell that says good or bad before its words; JSON has both parts."""

    state: Literal["ok", "warning", "failed", "unknown"]
    text: str = ""


Cell = str | int | float | None | Mark


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Written to stdout. On a terminal long cells wrap; elsewhere each row is one line, for grep and awk."""
    stream = sys.stdout if stream is None else stream
    environ = os.environ if environ is None else environ
    symbols = symbols_for(stream)
    if stream.isatty() and environ.get("TERM", "") not in {"dumb", "unknown"}:
        _rich_table(title, columns, rows, stream, environ, symbols)
        return
    stream.write("\n".join(table_lines(title, columns, rows, symbols)) + "\n")


def table_lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], symbols: Symbols) -> list[str]:
    cells = [[_plain(cell, symbols) for cell in row] for row in rows]
    head = [title] if title else []
    if not rows:
        return [*head, "(none)"]
    return [*head, *aligned([[column.upper() for column in columns], *cells])]


def table_data(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[dict[str, Any]]:
    """One object a row, keyed by the columns in snake_case."""
    keys = [column.lower().replace(" ", "_") for column in columns]
    return [{key: to_data(cell) for key, cell in zip(keys, row, strict=True)} for row in rows]


def print_json(value: object, *, stream: TextIO | None = None) -> None:
    """The one object that a command's `--json` puts on stdout."""
    (sys.stdout if stream is None else stream).write(json.dumps(to_data(value), indent=2) + "\n")


def _plain(cell: Cell, symbols: Symbols) -> str:
    if isinstance(cell, Mark):
        return f"{_sign(cell, symbols)} {clean(cell.text)}".rstrip()
    return "-" if cell is None or cell == "" else clean(str(cell))


def _sign(mark: Mark, symbols: Symbols) -> str:
    return {"ok": symbols.done, "warning": symbols.warning, "failed": symbols.failed, "unknown": "?"}[mark.state]


def _rich_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    stream: TextIO,
    environ: Mapping[str, str],
    symbols: Symbols,
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, markup=False, emoji=False, highlight=False, _environ=environ)
    if title:
        console.print(Text(title, style="bold"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in columns:
        grid.add_column(overflow="fold")
    grid.add_row(*(Text(column, style="dim") for column in columns))
    styles = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "dim"}
    for row in rows:
        cells = []
        for cell in row:
            if isinstance(cell, Mark):
                cells.append(Text.assemble((_sign(cell, symbols), styles[cell.state]), f" {clean(cell.text)}"))
            else:
                cells.append(Text(_plain(cell, symbols)))
        grid.add_row(*cells)
    console.print(grid if rows else Text("(none)", style="dim"))
