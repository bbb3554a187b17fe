"""A run's report as a file: beside the results in the bucket, and beside those that were fetched to this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aws_run import console_pages
from aws_run.errors import AwsRunError, UsageError, sentence_of
from aws_run.events import Notice, unfailing
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.infra.bucket_names import own_bucket
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.lifecycle.run_status import status_of
from aws_run.report.html import render
from aws_run.report.views import OutcomeView
from aws_run.report_file import beside, is_report
from aws_run.runs.keys import RunKeys
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Record
from aws_run.usecases.report import page_of

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


@frozen
class SavedReport:
    """`file`: on this machine; `address` and `page`: in the bucket, and in AWS's console. None: it is not there."""

    file: Path | None = None
    address: str | None = None
    page: str | None = None


def with_report(context: AppContext, done: SubmitResult, *, label: str) -> SubmitResult:
    """The same result, which names the report of a run that has ended and whose bucket is there. Who has interrupted it
    wants to leave, and in CI is killed soon."""
    outcome = done.record.outcome
    if outcome is None or outcome.reason is OutcomeReason.INTERRUPTED or done.view.s3_uri is None:
        return done
    saved = save_report(context, done.record, done.view.output_dir, label=label)
    return replace(done, view=named(done.view, saved))


def named(view: OutcomeView, saved: SavedReport) -> OutcomeView:
    return replace(view, report_file=saved.file, report_uri=saved.address, report_url=saved.page)


def save_report(context: AppContext, record: Record, folder: Path | None, *, label: str) -> SavedReport:
    """Writes the report of a run that has ended. Raises nothing, because it is no part of the run: what kept it from
    being written goes out as a warning. `folder`: where the results are; None: nothing was fetched.
    """
    emit = unfailing(context.emit)
    try:
        content = render(page_of(context, status_of(record), label=label), context.clock.now())
        address = save(context, record.run_id, content)
        file = None if folder is None else _write_beside(context, folder, content)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - how the run ended is still to be told
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else sentence_of(error)
        hint = quoted("report", record.run_id) + " writes it"
        emit(Notice(text=f"the run's report was not written: {why}", level="warning", hint=hint))
        return SavedReport()
    page = console_pages.object_page(record.bucket, RunKeys(run_id=record.run_id).report, record.region)
    return SavedReport(file=file, address=address, page=page if address else None)


def _write_beside(context: AppContext, folder: Path, content: str) -> Path | None:
    """None where somebody else's file has that name, or where nothing can be written."""
    path = beside(folder)
    if (path.exists() or path.is_symlink()) and not is_report(path):
        context.emit(Notice(text=f"the report was not written to {path}: another file has that name", level="warning"))
        return None
    try:
        return write(content, path)
    except UsageError as error:
        context.emit(Notice(text=error.message, level="warning"))
        return None


def write(content: str, path: Path) -> Path:
    """Writes the page, or leaves what was there. UsageError where that can't be done."""
    path = path.absolute()
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # a killed client's, or a link that leads elsewhere
        with os.fdopen(os.open(partial, _CREATE, 0o666), "w", encoding="utf-8") as out:
            out.write(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise UsageError(
            f"The report can't be written to {path}: {error.strerror}", hint="name another file with -o"
        ) from None
    return path


def save(context: AppContext, run_id: str, content: str) -> str | None:
    """A copy beside the run's results; its address. None, with a warning, where the bucket does not take it."""
    store, key = lookup.store(context), RunKeys(run_id=run_id).report
    try:
        store.put(key, content.encode(), ContentType="text/html; charset=utf-8")
    except AwsRunError as error:
        text = f"the report was not saved beside the results in S3: {error.message}"
        context.emit(Notice(text=text, level="warning", hint=error.hint))
        return None
    return f"s3://{own_bucket(context.aws)}/{key}"
