"""`aws-run report`: a run as one page, from what is on record and in the bucket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.errors import AwsRunError
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.receipt_views import receipt_view, use_view
from aws_run.lifecycle.run_status import RunStatus, current_status
from aws_run.lifecycle.what_ran import facts
from aws_run.report.html import Fact, RunPage, Saved, Series
from aws_run.report.html.previews import bytes_wanted, kind_of, preview, why_none
from aws_run.report.html.usage_csv import MOST_BYTES, read_usage
from aws_run.report.html.which_outputs import previewed, sorted_outputs
from aws_run.report.money import estimate_line, smaller_line
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore
from aws_run.usecases.report_bars import bars_of

_LOG_LINES = 400
_LOG_BYTES = 256 * 1024
_LISTED = 200  # outputs that are named
_REPORTED_ELSEWHERE = ("result", "cost")


def report(context: AppContext, run: str | None, project: str | None, *, label: str = "cost") -> RunPage:
    """A run that has ended with no client alive is finished first, as by every command that looks at it.

    Reads the record, usage.csv, the end of the log, the list of the outputs and the first of those that have a preview.
    """
    return page_of(context, current_status(context, lookup.open_run(context, run, project)), label=label)


def page_of(context: AppContext, status: RunStatus, *, label: str = "cost") -> RunPage:
    """The page of a run whose status is known."""
    record, store = status.record, lookup.store(context)
    keys = RunKeys(run_id=record.run_id)
    with ThreadPoolExecutor(max_workers=8) as pool:
        usage = pool.submit(_usage, store, record)
        log = pool.submit(store.last_bytes, keys.log, _LOG_BYTES)
        files = sorted_outputs(_outputs(store, record))
        listed = files[:_LISTED]
        beginnings = previewed(listed)
        shown = list(pool.map(lambda one: _saved(store, record, *one, wanted=one[0] in beginnings), listed))
        lines, cut = _lines(log.result())
        plots = usage.result()
    return page(status, usage=plots, log=lines, log_cut=cut, files=files, shown=tuple(shown), label=label)


def page(
    status: RunStatus,
    *,
    usage: tuple[Series, ...],
    log: tuple[str, ...],
    log_cut: bool,
    files: list[tuple[str, int]],
    shown: tuple[Saved, ...],
    label: str,
) -> RunPage:
    """`files`: every output with its bytes; `shown`: the first of them, as the page has them."""
    record = status.record
    told, receipt, use = facts(record), receipt_view(record, label=label), use_view(record)
    notes = []
    if not usage:
        notes.append("There are no samples of what the job used: it ran for less than two seconds, or none were saved.")
    if not log:
        notes.append("There is no saved log.")
    return RunPage(
        run_id=record.run_id,
        phase=status.phase,
        exit_code=status.exit_code,
        sentence=status.sentence,
        facts=(
            *(Fact(name=name, value=value) for name, value in told.items() if name not in _REPORTED_ELSEWHERE),
            Fact(name="region", value=record.region),
            Fact(name="created", value=record.created_at),
        ),
        attempts=tuple(bars_of(record)),
        usage=usage,
        receipt=receipt,
        money=(Fact(name="estimate", value=estimate_line(receipt.estimate)),) if receipt else (),
        advice=tuple(filter(None, (smaller_line(use),))) if use else (),
        log=log,
        log_cut=log_cut,
        outputs=shown,
        output_files=len(files),
        output_bytes=sum(size for _, size in files),
        output_address=f"s3://{record.bucket}/{record.output_prefix}",
        warnings=status.warnings,
        notes=tuple(notes),
    )


def _usage(store: RunStore, record: Record) -> tuple[Series, ...]:
    content = store.get(RunKeys(run_id=record.run_id).usage, most_bytes=MOST_BYTES)
    memory = record.hardware.memory_mib * 1024 * 1024 if record.hardware else None
    return read_usage(content, memory_bytes=memory) if content else ()


def _outputs(store: RunStore, record: Record) -> list[tuple[str, int]]:
    """(path below the outputs, bytes) of every file."""
    prefix = record.output_prefix or RunKeys(run_id=record.run_id).output
    entries = store.list("Contents", Prefix=prefix)
    return [(str(one["Key"]).removeprefix(prefix), int(one["Size"])) for one in entries if one["Key"][-1:] != "/"]


def _saved(store: RunStore, record: Record, path: str, size: int, *, wanted: bool) -> Saved:
    """A picture that has no preview says why."""
    if not wanted:
        beyond = "not shown, because the page has as many pictures as it may" if kind_of(path) == "picture" else ""
        return Saved(path=path, bytes=size, why_none=why_none(path, size) or (beyond if size else ""))
    prefix = record.output_prefix or RunKeys(run_id=record.run_id).output
    most = bytes_wanted(path, size)
    try:
        content = store.get(prefix + path, most_bytes=most)
    except AwsRunError:
        content = None
    if content is None:
        return Saved(path=path, bytes=size, why_none="not shown, because it could not be read from the bucket")
    shown = preview(path, content[:most], cut=size > most)
    unlike = "not shown, because it is no PNG, JPEG, GIF or WebP" if kind_of(path) == "picture" else ""
    return Saved(path=path, bytes=size, preview=shown, why_none="" if shown else unlike)


def _lines(end: bytes) -> tuple[tuple[str, ...], bool]:
    """The last lines of a log, and whether there are more before them."""
    lines = end.decode("utf-8", "replace").splitlines()
    cut = len(end) >= _LOG_BYTES
    if cut and lines:
        lines = lines[1:]  # the first one may have lost its beginning
    return tuple(lines[-_LOG_LINES:]), cut or len(lines) > _LOG_LINES
