"""The file that a run's report is in: how it is named beside the results, and how anybody knows it for one.

It is made again at each end of a run, so it belongs neither to the project nor to what git calls changed.
"""

from __future__ import annotations

import os
from pathlib import Path

SUFFIX = ".report.html"
FIRST_LINE = "<!doctype html><!-- aws-run report -->"
# O_NONBLOCK: a pipe of that name gets no patience.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def beside(folder: Path) -> Path:
    """Next to the results' folder, not in it: what is in there is the job's alone."""
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - `..` goes, and a link keeps its own name
    return absolute.with_name(f"{absolute.name}{SUFFIX}")


def is_report(path: Path) -> bool:
    """Whether a report is there: by its name and its first line. A file that can't be read is none."""
    if not path.name.endswith(SUFFIX):
        return False
    expected = FIRST_LINE.encode()
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return False
    try:
        return os.read(descriptor, len(expected)) == expected
    except OSError:
        return False
    finally:
        os.close(descriptor)
