"""Finding a run, from any machine with the account's credentials."""

from __future__ import annotations

from aws_run import naming
from aws_run.errors import AwsRunError, RunNotFoundError
from aws_run.hints import quoted
from aws_run.infra.bucket_names import own_bucket
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.recorded import read_records
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_MOST_NAMED = 4
_MOST_LOOKED_AT = 50


def store(context: AppContext) -> RunStore:
    return RunStore(context.aws, own_bucket(context.aws), context.aws.identity().account)


def resolve(context: AppContext, run: str | None, project: str | None) -> str:
    """A run id from what the user typed: whole, or its beginning, its end or the beginning of its time, as far as no
    other run has the same; or nothing (the project's newest)."""
    if run and naming.is_run_id(run):
        return run
    runs = store(context)
    if run:
        return _only_one(run, [known for known in runs.run_ids() if naming.shortens(run, known)])
    ids = runs.run_ids(project)
    if not ids:
        identity = context.aws.identity()
        whose = f"of the project {project} " if project else ""
        raise RunNotFoundError(
            f"There are no runs {whose}in account {identity.account}, region {identity.region}",
            hint=quoted("ps", "--all") + " lists those of all projects",
        )
    return ids[-1]


def resolve_live(context: AppContext, project: str | None) -> str:
    """The run of the project that goes on, else its newest. RunNotFoundError where several go on: none of them is
    chosen for the user."""
    runs = store(context)
    ids = runs.run_ids(project)
    # A run that goes on has a mark, however many newer ones have ended.
    looked_at = {*ids[-_MOST_LOOKED_AT:], *runs.locks.live()}
    read = read_records(runs, [run for run in ids if run in looked_at])
    records = [record for _, record in read if isinstance(record, Record)]
    live = [record.run_id for record in records if record.outcome is None and record.state != "removed"]
    if len(live) > 1:
        raise RunNotFoundError(
            f"{len(live)} runs go on: {', '.join(reversed(live))}", hint="name the one that is meant"
        )
    return live[0] if live else resolve(context, None, project)


def _only_one(run: str, matching: list[str]) -> str:
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise RunNotFoundError(
            f"No run is called {run!r}",
            hint="the beginning of an id is enough, or its last four characters; "
            + quoted("ps", "--all")
            + " lists the runs",
        )
    newest = ", ".join(matching[: -_MOST_NAMED - 1 : -1]) + (", …" if len(matching) > _MOST_NAMED else "")
    raise RunNotFoundError(
        f"{len(matching)} runs are called {run!r}: {newest}", hint="type more of it, or its last four characters"
    )


def open_run(context: AppContext, run: str | None, project: str | None) -> RecordWriter:
    writer = RecordWriter.resume(store(context), resolve(context, run, project), context.clock)
    assert_place(context, writer.record)
    return writer


def assert_place(context: AppContext, record: Record) -> None:
    """Nothing is touched in another account or region than the one the run was made in (aws-facts §12, 40)."""
    identity = context.aws.identity()
    if (identity.account, identity.region) != (record.account, record.region):
        raise AwsRunError(
            f"The run {record.run_id} lives in account {record.account}, {record.region}; "
            f"these credentials are for {identity.account}, {identity.region}",
            hint="use the profile and region it was started with",
        )
