"""Which folder the results of a run were to go into, as this machine remembers it, and which one they came into: `pull`
uses the one again, and who has the other is not sent to fetch them.

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
_PLANNED, _FETCHED = "outputs", "fetched"


def remember_output(run_id: str, folder: Path) -> None:
    """The folder that its results are to go into. A machine that can't remember it (no home, a full disk) is no trouble
    of the run's."""
    _remember(_PLANNED, run_id, folder)


def remembered_output(run_id: str) -> Path | None:
    """None where this machine did not start the run, or has forgotten it."""
    return _remembered(_PLANNED, run_id)


def remember_fetched(run_id: str, folder: Path) -> None:
    """All the results of a run that has ended are in that folder."""
    _remember(_FETCHED, run_id, folder)


def fetched_folder(run_id: str) -> Path | None:
    """Where all the results of the run are; None where this machine has not fetched them, or the folder is gone."""
    folder = _remembered(_FETCHED, run_id)
    return folder if folder is not None and folder.is_dir() else None


def _remember(kind: str, run_id: str, folder: Path) -> None:
    if not is_run_id(run_id):
        return
    with contextlib.suppress(OSError, RuntimeError):
        kept = _folder(kind)
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        (kept / run_id).write_text(str(folder.absolute()), encoding="utf-8", errors="surrogateescape")
        _forget_the_oldest(kept)


def _remembered(kind: str, run_id: str) -> Path | None:
    if not is_run_id(run_id):
        return None
    try:
        with (_folder(kind) / run_id).open(encoding="utf-8", errors="surrogateescape") as file:
            path = Path(file.read(_MOST_CHARS))
    except (OSError, RuntimeError):
        return None
    return path if path.is_absolute() else None


def remembered_runs() -> list[str]:
    """The runs that this machine has started, newest first, as far as it remembers them."""
    try:
        entries = sorted(_folder(_PLANNED).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except (OSError, RuntimeError):
        return []
    return [entry.name for entry in entries if is_run_id(entry.name)]


def output_for(run_id: str, *, given: Path | None, configured: Path | None) -> Path:
    """The folder for a run's results, absolute: the one that is named, the run's own, the project's, else `out`.
    ConfigError where they can't go there."""
    from aws_run.cli import compose

    remembered = None if given is not None else remembered_output(run_id)
    folder = (given or remembered or configured or Path("out")).absolute()
    where = f"-o {given}" if given is not None else f"the folder for the results, {folder}"
    compose.refuse_output(folder, where, used_before=remembered is not None)
    return folder


def refuse_given_output(given: Path | None) -> None:
    """What `output_for` refuses of a folder that is named, before AWS is asked for anything."""
    if given is not None:
        output_for("", given=given, configured=None)


def state_folder() -> Path:
    """Where the commands keep what only this machine knows."""
    return Path(os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")) / "aws-run"


def _folder(kind: str) -> Path:
    return state_folder() / kind


def _forget_the_oldest(kept: Path) -> None:
    entries = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in entries[: max(0, len(entries) - _MOST)]:
        path.unlink(missing_ok=True)
