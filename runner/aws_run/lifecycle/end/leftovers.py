"""What ended or abandoned runs left behind, found by the cloud's own listings (aws-facts §7).

A resource is ours by its name (`arun-<run-id>…`), a machine by its tag. It goes when its run's record says it is over
or past its deadline, or, where no record is to be had, when its own age says that no run can need it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aws_run import naming
from aws_run.errors import AwsCallError, AwsRunError, DamagedError, RunNotFoundError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.infra.listing import list_owned
from aws_run.infra.remove import Removal, remove
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Ref
from aws_run.lifecycle import lookup
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.end import reconcile
from aws_run.lifecycle.recorded import began_at
from aws_run.lifecycle.run_stage import alive_until, deadline_of, run_stage
from aws_run.runs.record import Record
from aws_run.runs.record_reader import LONGEST_LIFE
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

_MARGIN = timedelta(minutes=10)
_LONGEST_RUN = timedelta(days=14)  # the longest timeout there is


@frozen
class Leftover:
    """One run that has something in the cloud. `why` says why it goes or stays."""

    run_id: str
    refs: tuple[Ref, ...]
    removable: bool
    why: str


def find_leftovers(
    context: AppContext, on_refused: Callable[[str], None] = lambda message: None
) -> tuple[Leftover, ...]:
    """Lists the cloud and matches it with the records. Reads only. `on_refused` hears of each kind that could not be
    listed, by a sentence; the other kinds are looked at all the same."""
    by_run: dict[str, list[Ref]] = {}
    for ref in list_owned(context.aws, on_refused):
        run = naming.run_of_name(ref.name)
        if run:
            by_run.setdefault(run, []).append(ref)
    store = lookup.store(context)
    for run in (*store.locks.live(), *store.locks.leaving()):
        by_run.setdefault(run, [])
    leftovers: list[Leftover] = []
    for run, refs in sorted(by_run.items()):
        refs = list(dict.fromkeys(refs))
        try:
            leftovers.append(_judge(context, store, run, refs))
        except Exception as error:  # noqa: BLE001 - one that can't be judged keeps no other from being looked after
            why = _plainly(error)
            on_refused(f"{run} could not be judged: {why}")
            leftovers.append(Leftover(run_id=run, refs=tuple(refs), removable=False, why=why))
    return tuple(leftovers)


def _judge(context: AppContext, store: RunStore, run_id: str, refs: list[Ref]) -> Leftover:
    now = context.clock.now()

    def leftover(removable: bool, why: str) -> Leftover:
        return Leftover(run_id=run_id, refs=tuple(refs), removable=removable, why=why)

    try:
        record, _ = store.read(run_id)
    except RunNotFoundError:
        # IAM is global: the run may live in another region, whose bucket holds its record.
        if now > began_at(run_id) + _LONGEST_RUN:
            return leftover(True, "no record, and older than any run can be")
        if refs and all(ref.kind == Role.kind for ref in refs):
            return leftover(False, "no record in this region; it may run in another")
        return leftover(
            now > began_at(run_id) + _MARGIN, "no record of it" if now > began_at(run_id) + _MARGIN else "just started"
        )
    except DamagedError as error:
        # It can't tell when the run ends, so only what no run can need any more goes.
        if now > began_at(run_id) + LONGEST_LIFE:
            return leftover(True, f"{error.message}, and it is older than any run can be")
        return leftover(False, f"{error.message}; its deadline holds in AWS")
    except AwsRunError as error:
        if isinstance(error, AwsCallError):
            raise
        return leftover(False, f"{error.message}; its deadline holds in AWS")  # a newer aws-run's
    if not _is_of_this_place(context, record):
        return leftover(False, "its record names another account or region")
    kept = {(entry.kind, entry.name) for entry in record.resources if entry.state == "kept"}
    if record.state == "removed" and refs and all((ref.kind, ref.name) in kept for ref in refs):
        return leftover(False, "kept as asked by --keep; `aws-run cleanup` of the run removes it")
    # A build may take longer than the job: its deadline counts once it is accepted, or nobody is building any more.
    building = record.task_arn is None and now <= alive_until(record)
    if now > deadline_of(record) + _MARGIN and not building:
        return leftover(True, f"past its deadline ({record.deadline})")
    stage, _state = run_stage(context, store, record)
    if stage == "running":
        return leftover(False, f"running until {record.deadline} at the latest")
    if stage == "ending":
        return leftover(False, "just ended; its client is removing it")
    return leftover(True, "its run is over")


def _is_of_this_place(context: AppContext, record: Record) -> bool:
    identity = context.aws.identity()
    return (identity.account, identity.region) == (record.account, record.region)


def _plainly(error: Exception) -> str:
    return error.message if isinstance(error, AwsRunError) else f"{type(error).__name__}: {error}"


def collect(context: AppContext, leftovers: tuple[Leftover, ...]) -> tuple[Removal, ...]:
    """Removes what is removable and still is when its turn comes; one run's trouble stops no other's removal."""
    store = lookup.store(context)
    removed: list[Removal] = []
    for item in (item for item in leftovers if item.removable):
        try:
            if not _judge(context, store, item.run_id, list(item.refs)).removable:
                continue  # another client has come to it meanwhile
            context.emit(Notice(text=f"{item.run_id}: {item.why}"))
            removed += _collect_one(context, store, item)
        except Exception as error:  # noqa: BLE001 - one run's trouble keeps no other from being removed
            why, hint = _plainly(error), getattr(error, "hint", None)
            context.emit(Notice(text=f"{item.run_id}: {why}", level="warning", hint=hint))
            removed += [Removal(ref=ref, error=why) for ref in item.refs]
    return tuple(removed)


def _collect_one(context: AppContext, store: RunStore, item: Leftover) -> tuple[Removal, ...]:
    try:
        writer = RecordWriter.resume(store, item.run_id, context.clock)
    except (RunNotFoundError, DamagedError):
        done = remove(context.aws, item.refs, context.clock, context.emit)
        if not any(removal.error for removal in done):
            store.locks.unmark(item.run_id)
        return done
    state = reconcile.stop(context, writer, "aws-run gc")
    # What the listing shows may be more than the record knows (an answer lost on the way to it).
    for ref in item.refs:
        writer.change(lambda record, ref=ref: record.with_resource(ref.kind, ref.name, "created"))  # type: ignore[misc]
    return reconcile.reconcile(context, store, writer, state).removed
