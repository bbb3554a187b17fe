"""What a plan says of places outside of the project's folder. Reads the folder of `-o`, and nothing else."""

from __future__ import annotations

import os
from itertools import islice

from aws_run.config import Config
from aws_run.config.outside import is_inside

_COUNTED = 1000


def outside_notes(config: Config) -> tuple[str, ...]:
    """Sentences for the plan: what is taken from outside, and an output folder elsewhere that is not empty."""
    notes = [one.sentence for one in config.outside]
    if config.output is not None and not is_inside(config.output, config.project_dir):
        there = _entries(config)
        if there:
            several = f"{there} or more" if there == _COUNTED else str(there)
            notes.append(
                f"{config.output.resolve()} lies outside of the project and holds {several} "
                f"{'entry' if there == 1 else 'entries'}: older files of the same names are replaced"
            )
    return tuple(notes)


def _entries(config: Config) -> int:
    if config.output is None:
        return 0
    try:
        with os.scandir(config.output) as entries:
            return sum(1 for _ in islice(entries, _COUNTED))
    except OSError:
        return 0
