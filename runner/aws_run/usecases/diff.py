"""`aws-run diff`: in what two runs differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_run.data.outputs import MOST_MANIFEST_BYTES, manifest_key, output_files
from aws_run.errors import AwsRunError, RunNotFoundError, UsageError
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.what_ran import differences, same
from aws_run.runs.output_files import FileChange, OutputFile, file_changes
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

OUTPUTS = "outputs"
_Saved = dict[str, OutputFile] | str


@frozen
class RunDiff:
    """`differences`: (what, of one, of the other). `same`: in what both are alike. `outputs`: the saved files that
    differ, by name, size and checksum. `not_compared`: why the outputs are not, in a sentence; "" where they are."""

    one: Record
    other: Record
    differences: tuple[tuple[str, str, str], ...]
    same: tuple[str, ...]
    outputs: tuple[FileChange, ...] = ()
    not_compared: str = ""


def diff(context: AppContext, one: str | None, other: str | None, project: str | None) -> RunDiff:
    """From the records and the lists of the saved files. `other` None: the project's newest run; `one` None, or the
    newest itself: the one before it. RunNotFoundError where there are none to compare, UsageError for one run twice."""
    store = lookup.store(context)
    first, second = (lookup.open_run(context, run, project).record for run in _two_of(context, one, other, project))
    with ThreadPoolExecutor(max_workers=2) as pool:
        saved = list(pool.map(lambda record: _saved(store, record), (first, second)))
    changes, not_compared = _compared(*saved)
    alike = same(first, second)
    return RunDiff(
        one=first,
        other=second,
        differences=tuple(differences(first, second)),
        same=(*alike, OUTPUTS) if not (changes or not_compared) else tuple(alike),
        outputs=changes,
        not_compared=not_compared,
    )


def _two_of(context: AppContext, one: str | None, other: str | None, project: str | None) -> tuple[str, str]:
    if one is None:
        one, other = other, None
    first = None if one is None else lookup.resolve(context, one, project)
    if first is not None and other is not None:
        second = lookup.resolve(context, other, project)
        if first == second:
            raise UsageError(f"Both are the run {second}", hint="name two runs; " + quoted("ps") + " lists them")
        return first, second
    if first is not None and first != (newest := lookup.resolve(context, None, project)):
        return first, newest
    ids = lookup.store(context).run_ids(project)
    if len(ids) < 2:
        whose = f" of the project {project}" if project else ""
        raise RunNotFoundError(
            f"There are no two runs{whose} to compare", hint=quoted("ps", "--all") + " lists those of all projects"
        )
    return ids[-2], ids[-1]


def _saved(store: RunStore, record: Record) -> _Saved:
    """Its files, or why they are not known."""
    try:
        manifest = store.get(manifest_key(record.run_id), most_bytes=MOST_MANIFEST_BYTES)
    except AwsRunError as error:
        return f"the list of what {record.run_id} saved can't be read: {error.message}"
    if manifest is None:
        saved = record.outcome.saved_files if record.outcome else None
        if saved == 0:
            return {}
        gone = "is not in the bucket any more" if saved else "is not in the bucket"
        return f"the list of what {record.run_id} saved {gone}"
    files = output_files(manifest)
    return f"the list of what {record.run_id} saved can't be read" if files is None else files


def _compared(before: _Saved, after: _Saved) -> tuple[tuple[FileChange, ...], str]:
    if isinstance(before, str) or isinstance(after, str):
        reason = before if isinstance(before, str) else str(after)
        return (), f"The outputs are not compared: {reason}."
    return file_changes(before, after), ""
