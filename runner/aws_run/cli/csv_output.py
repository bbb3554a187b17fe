"""CSV on stdout."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence

_NUMBER = re.compile(r"[+-][0-9]+(\.[0-9]+)?", re.ASCII)


def write_csv(columns: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    """Text in which a spreadsheet would see a formula begins with an apostrophe. A number stays a number."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_harmless_cell(value) for value in row] for row in rows])


def _harmless_cell(value: str | int) -> str | int:
    """A spreadsheet takes a cell that begins so for a formula."""
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula and not _NUMBER.fullmatch(str(value)) else value
