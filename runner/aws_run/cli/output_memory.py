"""Which folder the results of a run were to go into, as this machine remembers it: `pull` uses it again.

A path is kept on the machine that it is of, and not in the run's record: whoever may write into the bucket could name
any folder there, and another machine has others.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from aws_run.naming import is_run_id

_MOST = 1000  # runs that are remembered
_MOST_CHARS = 4096


def remember_output(run_id: str, folder: Path) -> None:
    """A machine that can't remember it (no home, a full disk) is no trouble of the run's."""
    if not is_run_id(run_id):
        return
    with contextlib.suppress(OSError, RuntimeError):
        kept = _folder()
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        (kept / run_id).write_text(str(folder.absolute()), encoding="utf-8", errors="surrogateescape")
        _forget_the_oldest(kept)


def remembered_output(run_id: str) -> Path | None:
    """None where this machine did not start the run, or has forgotten it."""
    if not is_run_id(run_id):
        return None
    try:
        with (_folder() / run_id).open(encoding="utf-8", errors="surrogateescape") as file:
            path = Path(file.read(_MOST_CHARS))
    except (OSError, RuntimeError):
        return None
    return path if path.is_absolute() else None


def remembered_runs() -> list[str]:
    """The runs that this machine has started, newest first, as far as it remembers them."""
    try:
        entries = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except (OSError, RuntimeError):
        return []
    return [entry.name for entry in entries if is_run_id(entry.name)]


def output_for(run_id: str, *, given: Path | None, configured: Path | None) -> Path:
    """The folder for a run's results, absolute: the one that is named, the run's own, the project's, else `out`."""
    return (given or remembered_output(run_id) or configured or Path("out")).absolute()


def state_folder() -> Path:
    """Where the commands keep what only this machine knows."""
    return Path(os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")) / "aws-run"


def _folder() -> Path:
    return state_folder() / "outputs"


def _forget_the_oldest(kept: Path) -> None:
    entries = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in entries[: max(0, len(entries) - _MOST)]:
        path.unlink(missing_ok=True)
