"""`aws-run exec`: a command in the container of a running job."""

from __future__ import annotations

from collections.abc import Sequence

from aws_run import hints
from aws_run.backends.executor import TaskSession
from aws_run.errors import AwsRunError
from aws_run.lifecycle import lookup, run_stage
from aws_run.lifecycle.context import AppContext

SHELL = ("/bin/sh",)


def exec_session(context: AppContext, run: str | None, project: str | None, command: Sequence[str]) -> TaskSession:
    """A session of `command` (empty: a shell) in the run's current task. AwsRunError where it has none that runs, or
    where its service can't open one."""
    record = lookup.open_run(context, run, project).record
    state = None if record.finished else run_stage.find_task(context, record)
    handle = None if record.finished else run_stage.handle_of(record, state)
    if handle is None:
        what = "has ended" if record.finished else "has no task yet"
        raise AwsRunError(f"The run {record.run_id} {what}", hint=hints.command("status", record.run_id))
    return run_stage.executor_of(context, record).open_session(handle, tuple(command) or SHELL)
