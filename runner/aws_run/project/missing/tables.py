"""How the tables of this folder are written: a line for each group of packages, with what they bring."""

from __future__ import annotations


def by_name(table: str) -> dict[str, str]:
    """The packages (separated by blanks) by what each line, `packages: name name`, says that they bring."""
    rows = (line.partition(": ") for line in table.split("\n") if line)
    return {name: packages for packages, _, names in rows for name in names.split()}
