"""`aws-run pull`: a run's outputs into a folder, from any machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aws_run.data import PulledOutput, pull_output
from aws_run.errors import AwsRunError, UsageError
from aws_run.events import Notice
from aws_run.hints import command
from aws_run.infra.bucket_names import own_bucket
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_status import current_status
from aws_run.runs.record import Record
from aws_run.runs.writer import RecordWriter


def pull(
    context: AppContext,
    run: str | None,
    project: str | None,
    into: Path | Callable[[str], Path],
    *,
    overwrite: bool = False,
) -> tuple[Record, PulledOutput]:
    """`into`: the folder for the outputs, or what names it for a run id. UsageError where nothing can be written to it,
    AwsRunError when the run has saved nothing yet."""
    if isinstance(into, Path):
        _refuse_unwritable(into)
    writer = lookup.open_run(context, run, project)
    record = writer.record
    if not isinstance(into, Path):
        into = into(record.run_id)
        _refuse_unwritable(into)
    bucket = context.storage(own_bucket(context.aws))
    got = pull_output(bucket, record.run_id, into, emit=context.emit, overwrite=overwrite)
    _reconcile(context, writer)
    if got is None:
        raise AwsRunError(
            f"The run {record.run_id} has saved no outputs{'' if record.finished else ' yet'}",
            hint=command("logs" if record.finished else "wait", record.run_id),
        )
    return record, got


def _reconcile(context: AppContext, writer: RecordWriter) -> None:
    """`submit --detach` prints this command: what such a run used goes now, as with every command that looks at it."""
    try:
        current_status(context, writer)
    except AwsRunError as error:
        run = writer.record.run_id
        context.emit(Notice(text=error.message, level="warning", hint=command("cleanup", run)))


def _refuse_unwritable(into: Path) -> None:
    try:
        there = next(folder for folder in (into, *into.parents) if folder.exists())
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return
        why = f"{there} can't be written by this user" if there.is_dir() else f"{there} is a file"
    except OSError as error:
        why = error.strerror or str(error)
    raise UsageError(f"The outputs can't go into {into}: {why}", hint="name another folder with -o")
