"""Results of an earlier run inside the project: no source, and they would make every next image a new one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# The transfer engine sends no file whose name begins like this, so it is in nobody's input either.
MARKER = ".aws-run-part-results"
_TEXT = """\
The results of a run are in this folder (aws-run), so it stays out of the images of later runs.
Delete this file if the folder is to be sent with the project.
"""


# O_NONBLOCK: a pipe in the marker's place gets an error instead of our patience.
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_SIGNS = ("aws-run.yaml", "aws-run.yml", "pyproject.toml", "requirements.txt", "Dockerfile", "main.py", ".git")


def looks_like_a_project(folder: Path, *, script: Path | None = None) -> bool:
    """Where results were fetched into by hand: elsewhere nobody builds an image from what lies around them. `script`: a
    file that is no sign by itself."""
    return any((folder / name).exists() and folder / name != script for name in _SIGNS)


def mark_here(folder: Path) -> None:
    """`mark`, for a command that is not told the project: it is in the current folder, or nowhere."""
    here = Path.cwd()
    if looks_like_a_project(here):
        mark(folder, here)


def mark(folder: Path, project_dir: Path) -> None:
    """Leaves the marker where results lie inside the project. A folder that can't be written goes without it."""
    with contextlib.suppress(OSError, RuntimeError):
        inside = folder.resolve()
        if inside == project_dir.resolve() or not inside.is_relative_to(project_dir.resolve()) or not inside.is_dir():
            return
        marker = inside / MARKER
        if marker.is_symlink():  # a clone may bring one that leads to a file of the user's
            marker.unlink()
        with os.fdopen(os.open(marker, _WRITE, 0o666), "w", encoding="utf-8") as out:
            out.write(_TEXT)
