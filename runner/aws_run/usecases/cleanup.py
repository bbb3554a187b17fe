"""`aws-run cancel` and `aws-run cleanup`: stop a run and remove everything of it. Both may be repeated at will."""

from __future__ import annotations

from dataclasses import replace

from aws_run.errors import EXIT_INTERRUPT
from aws_run.infra.store import RecordWriter
from aws_run.record import Outcome, Record
from aws_run.usecases import finish, runs, settle
from aws_run.usecases.bench import Bench
from aws_run.usecases.follow import leaving_at_once
from aws_run.usecases.unhurried import unhurried

# What a project's later runs use again; `--keep` of all else was for a look at this one run.
_USED_AGAIN = ("bucket", "repository", "roles", "log-group")


def cleanup(
    bench: Bench, run: str | None, project: str | None, *, reason: str, also_kept: bool = False
) -> tuple[Record, finish.Teardown]:
    """Stops the job with its grace (what it wrote is saved), then removes. TeardownError is the caller's to raise.

    `also_kept`: the run's own resources go even where `--keep` had spared them.
    """
    writer = runs.open_run(bench, run, project)
    with leaving_at_once(writer.record.run_id):
        torn = unhurried(bench.emit, lambda: _clean(bench, writer, reason, also_kept=also_kept))
    return writer.record, torn


def _clean(bench: Bench, writer: RecordWriter, reason: str, *, also_kept: bool) -> finish.Teardown:
    if also_kept:
        writer.change(lambda record: replace(record, keep=tuple(name for name in record.keep if name in _USED_AGAIN)))
    store = runs.store(bench)
    task = settle.stop(bench, writer, reason)
    if writer.record.outcome is None and task is None:
        _note_never_ran(writer, reason)
    return settle.settle(bench, store, writer, task)


def _note_never_ran(writer: RecordWriter, reason: str) -> None:
    """A client that still builds sees the task definition and the cluster gone and ends by itself."""
    outcome = Outcome(exit_code=EXIT_INTERRUPT, reason="cancelled", sentence=reason)
    writer.change(lambda record: replace(record, outcome=outcome, state="stopped"))
