"""The beginning of an output file as a page shows it: a picture, the rows of a table, the lines of a text. Pure."""

from __future__ import annotations

import base64
import csv
import io
from typing import Literal

from aws_run.report.format import clean
from aws_run.report.html.values import Preview

MOST_PICTURE_BYTES = 512 * 1024
MOST_TEXT_BYTES = 32 * 1024
_MOST_ROWS, _MOST_COLUMNS, _MOST_CELL = 8, 12, 60
_MOST_LINES, _MOST_LINE = 12, 160
# By the first bytes, never by the name alone. An SVG is a document with scripts of its own and is not shown.
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_PICTURE_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_DRAWING_NAMES = (".svg", ".svgz")
_TABLE_NAMES = {".csv": ",", ".tsv": "\t"}
_TEXT_NAMES = (".txt", ".json", ".md", ".log", ".yaml", ".yml", ".toml")


def kind_of(path: str) -> Literal["picture", "table", "text"] | None:
    """What its name says; None for a file that has no preview."""
    name = path.lower()
    if name.endswith(_PICTURE_NAMES):
        return "picture"
    if name.endswith(tuple(_TABLE_NAMES)):
        return "table"
    return "text" if name.endswith(_TEXT_NAMES) else None


def bytes_wanted(path: str, size: int) -> int:
    """How much of a file its preview needs; 0 where it has none."""
    kind = kind_of(path)
    if kind == "picture":
        return size if size <= MOST_PICTURE_BYTES else 0
    return 0 if kind is None else min(size, MOST_TEXT_BYTES)


def why_none(path: str, size: int) -> str:
    """Why a picture is not on the page, in a sentence without its dot; "" for what nobody takes for a picture, and for
    a picture that may be shown."""
    name = path.lower()
    if name.endswith(_DRAWING_NAMES):
        return "not shown, because a drawing of this kind can hold scripts"
    if kind_of(path) == "picture" and size > MOST_PICTURE_BYTES:
        return f"not shown, because it is larger than {MOST_PICTURE_BYTES // 1024} KiB"
    return ""


def preview(path: str, content: bytes, *, cut: bool = False) -> Preview | None:
    """None where `content` is not what its name says. `cut`: the file goes on behind it."""
    name = path.lower()
    if name.endswith(_PICTURE_NAMES):
        kind = _kind(content)
        encoded = base64.b64encode(content).decode("ascii")
        return None if kind is None or cut else Preview(image=f"data:{kind};base64,{encoded}")
    text = _text(content, cut)
    if text is None:
        return None
    for ending, delimiter in _TABLE_NAMES.items():
        if name.endswith(ending):
            return _table(text, delimiter, cut)
    if not name.endswith(_TEXT_NAMES):
        return None
    lines = text.splitlines()
    shown = [_shortened(line, _MOST_LINE) for line in lines[:_MOST_LINES]]
    return Preview(text="\n".join(shown), cut=cut or len(lines) > _MOST_LINES)


def _kind(content: bytes) -> str | None:
    for first, kind in _PICTURES.items():
        if content.startswith(first):
            return kind
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def _text(content: bytes, cut: bool) -> str | None:
    """None for what is not UTF-8; a character that the cut has split is left out."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        near_the_end = cut and error.start >= len(content) - 4
        return content[: error.start].decode("utf-8-sig") if near_the_end else None


def _table(text: str, delimiter: str, cut: bool) -> Preview | None:
    rows: list[tuple[str, ...]] = []
    more = cut
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) > _MOST_ROWS:
                more = True
                break
            rows.append(tuple(_shortened(cell, _MOST_CELL) for cell in row[:_MOST_COLUMNS]))
            more = more or len(row) > _MOST_COLUMNS
    except csv.Error:
        more = True
    return Preview(rows=tuple(rows), cut=more) if rows else None


def _shortened(text: str, most: int) -> str:
    text = clean(text[: most * 4])
    return text if len(text) <= most else text[: most - 1] + "…"
