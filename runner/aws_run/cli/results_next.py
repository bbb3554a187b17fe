"""What to do next about the results of a run that is over: nothing is to be fetched that is here already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_run.cli.output_memory import fetched_folder
from aws_run.cli.say import say

if TYPE_CHECKING:
    from aws_run.cli.session import Session
    from aws_run.runs.record import Record


def has_results(record: Record) -> bool:
    """Whether it may have saved any: one that never had a task, or whose container says so, has none."""
    return record.task_arn is not None and (record.outcome is None or record.outcome.saved_files != 0)


def say_results(here: Session, record: Record) -> None:
    if has_results(record):
        say_next(here, record.run_id, f"aws-run pull {record.run_id}")


def say_next(here: Session, run_id: str, command: str) -> None:
    folder = fetched_folder(run_id) if command.startswith("aws-run pull ") else None
    if folder is not None:
        say(f"its results are in {folder}")
    else:
        here.say_next(command)


def why_command(record: Record) -> str:
    """What tells more of how a run ended or goes on."""
    return f"aws-run {'logs' if record.outcome is None else record.outcome.reason.told_by} {record.run_id}"
