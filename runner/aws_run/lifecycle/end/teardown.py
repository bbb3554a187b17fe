"""The end of a run: the bill is stopped first, then everything of the run goes, then what nobody else uses any more."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from aws_run.aws.errors import is_transient
from aws_run.aws.session import Aws
from aws_run.backends.base import Backend, Usage
from aws_run.clock import Clock, iso
from aws_run.errors import TeardownError, sentence_of
from aws_run.events import Emit, Notice, TeardownStep, unfailing
from aws_run.frozen import frozen
from aws_run.infra import apply
from aws_run.infra.remove import Removal, commands, remove
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.log_group import LogGroup
from aws_run.infra.resource_types.registry import RESOURCE_TYPES
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resources import Kind, Ref
from aws_run.infra.retry import retrying
from aws_run.lifecycle.end.project_lock import lock_unused
from aws_run.lifecycle.end.task_times import TaskTimes
from aws_run.lifecycle.follow.log_buffer import LogBuffer
from aws_run.naming import ProjectNames
from aws_run.pricing.receipt import Charge, billed_s, saved_usd, total_usd
from aws_run.runs import record as records
from aws_run.runs.record import HardwareEntry, Outcome, Record
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter


@frozen
class TeardownResult:
    removed: tuple[Removal, ...]
    kept: tuple[Ref, ...]

    @property
    def failed(self) -> tuple[Removal, ...]:
        return tuple(removal for removal in self.removed if removal.error)

    def raise_if_failed(self, region: str) -> None:
        if self.failed:
            names = ", ".join(f"{r.ref.kind} {r.ref.name} ({r.error})" for r in self.failed)
            raise TeardownError(
                f"Not everything could be shown to be gone: {names}",
                commands=tuple(line for r in self.failed if not r.foreign for line in commands(r.ref, region)),
                hint="the same command tries again; those below do it by hand",
            )


def teardown(aws: Aws, clock: Clock, emit: Emit, store: RunStore, writer: RecordWriter) -> TeardownResult:
    """Removes the run's own resources and, where `keep` does not spare them (as it does by default) and no other run of
    the project is alive, the project's shared ones.

    A record or a mark that can't be written stops nothing: what the listings show decides, and `gc` finds the rest.
    Neither does anything else that one step raises, a fault of ours included.
    """
    emit = unfailing(emit)
    record = writer.record
    keep = record.keep
    attempt_or_warn(emit, lambda: writer.change(lambda r: replace(r, state="removing")))

    def gone(ref: Ref) -> None:
        writer.change(lambda r: r.with_resource(ref.kind, ref.name, "deleted"))

    own = _refs(record, ("run",))
    spared = tuple(ref for ref in own if _keeps(keep, ref))
    removed = [Removal(ref=ref, error=error) for ref in spared if (error := _keep(aws, clock, emit, writer, ref))]
    removed += remove(aws, [ref for ref in own if ref not in spared], clock, emit, on_gone=gone)
    kept = [*spared, *(ref for ref in _refs(record, ("kept",)) if not (ref.kind == Bucket.kind and writer.bucket_gone))]
    shared = _refs(record, ("shared",))
    wanted = [ref for ref in shared if not _keeps(keep, ref)]
    kept += [ref for ref in shared if _keeps(keep, ref)]
    if wanted and not any(removal.error for removal in removed) and not writer.bucket_gone:
        attempt_or_warn(emit, lambda: store.locks.mark_leaving(record.run_id))
    if wanted:
        owner = f"{record.run_id} {uuid.uuid4().hex}"
        lock = None
        if not writer.bucket_gone:
            lock = lock_unused(store, record.project, owner, clock, emit, ending=record.run_id)
        if lock is not None:
            try:
                # The last to leave may be a run on another backend than those before it, with less that is its own.
                others = [ref for ref in shared_of(record.project, record.region) if ref not in shared]
                wanted += [ref for ref in others if not _keeps(keep, ref) and _there(aws, ref)]
                removed += lock.remove(aws, wanted, clock, emit, on_gone=gone)
            finally:
                attempt_or_warn(emit, lambda: store.locks.unlock(record.project, lock.owner))
        else:
            kept += wanted
            why = "another run of the project uses it"
            if writer.bucket_gone:
                why = "without the bucket nobody can tell whether another run uses it; `aws-run destroy` removes it"
            for ref in wanted:
                emit(TeardownStep(kind=ref.kind, name=ref.name, state="kept", detail=why))
    result = TeardownResult(removed=tuple(removed), kept=tuple(kept))
    if result.failed:
        attempt_or_warn(emit, writer.flush)
    elif attempt_or_warn(emit, lambda: writer.change(lambda r: replace(r, state="removed"), now=True)):
        attempt_or_warn(emit, lambda: store.locks.unmark(record.run_id))
    return result


def shared_of(project: str, region: str) -> tuple[Ref, ...]:
    """All that the runs of a project may share, whichever backend they use."""
    names = ProjectNames(project=project, region=region)
    return (
        Ref(kind=LogGroup.kind, name=names.log_group, scope="shared"),
        Ref(kind=Role.kind, name=names.execution_role, scope="shared"),
        Ref(kind=Role.kind, name=names.instance_role, scope="shared"),
    )


def _there(aws: Aws, ref: Ref) -> bool:
    try:
        return not apply.absent(aws, ref)
    except Exception:  # noqa: BLE001 - what can't be looked up is removed, and its removal reports
        return True


def attempt_or_warn(emit: Emit, step: Callable[[], None]) -> bool:
    """Whether it worked; where not, the user hears of it and the teardown goes on."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - no step keeps the next from being tried
        text = f"the bucket could not be written: {sentence_of(error)}"
        emit(Notice(text=text, level="warning", hint=getattr(error, "hint", None)))
        return False
    return True


def _keeps(keep: tuple[str, ...], ref: Ref) -> bool:
    known = RESOURCE_TYPES.get(ref.kind)
    return known is not None and known.keeps(keep, ref.scope)


def _keep(aws: Aws, clock: Clock, emit: Emit, writer: RecordWriter, ref: Ref) -> str | None:
    """What is kept to be looked at must not bill: a kept group is emptied, a kept cluster's tasks are stopped. The
    error where that could not be done."""
    end_bill = RESOURCE_TYPES.of(ref.kind).end_bill
    if end_bill is not None:
        try:
            retrying(lambda: end_bill(aws, ref.name, clock), when=is_transient, for_s=90, clock=clock, first_wait_s=1)
        except Exception as error:  # noqa: BLE001 - one step that failed
            emit(TeardownStep(kind=ref.kind, name=ref.name, state="failed", detail=sentence_of(error)))
            return sentence_of(error)
    attempt_or_warn(emit, lambda: writer.change(lambda r: r.with_resource(ref.kind, ref.name, "kept")))
    emit(TeardownStep(kind=ref.kind, name=ref.name, state="kept", detail="as asked by --keep"))
    return None


@frozen
class Receipt:
    charges: tuple[Charge, ...]
    total_usd: Decimal | None
    seconds: float


def receipt(backend: Backend, hardware: HardwareEntry, usage: Usage, record: Record) -> Receipt:
    """What all attempts of the run cost together."""
    earlier = tuple(handle.id for handle in record.handles if handle.id not in usage.tasks) if usage.tasks else ()
    usage = replace(usage, earlier_s=record.earlier_s, tasks=(*earlier, *usage.tasks))
    charges = backend.charges(hardware, usage)
    return Receipt(charges=charges, total_usd=total_usd(charges), seconds=usage.seconds)


def with_receipt(record: Record, paid: Receipt) -> Record:
    """The record with what the run cost; without a sum where the price of a part is not known."""
    lines = tuple(
        records.ReceiptLine(
            what=charge.what,
            seconds=f"{charge.seconds:.3f}",
            billed_s=f"{charge.billed_s:.3f}",
            usd_per_hour=_text(charge.usd_per_hour),
            usd=_text(charge.amount_usd),
            source=charge.source,
            as_of=charge.as_of,
            resources=charge.resources,
        )
        for charge in paid.charges
    )
    stored = records.Receipt(
        lines=lines,
        total_usd=_text(paid.total_usd),
        saved_usd=_text(saved_usd(paid.charges)),
        billed_s=f"{billed_s(paid.charges):.3f}",
    )
    cost = record.cost_usd if paid.total_usd is None else f"{paid.total_usd:.6f}"
    return replace(record, receipt=stored, cost_usd=cost)


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:.10f}"


def note_outcome(writer: RecordWriter, outcome: Outcome, times: TaskTimes, stopped_at: str) -> bool:
    """Whether `outcome` is the one on record; one that another client has stored stays.

    The executor's service forgets a stopped task after a while, so its outcome is stored at first sight. A record that
    can't be written must not keep the bill running: the note goes out with the teardown's steps, which report.
    `stopped_at`: now. `times`: when its task ran, however late its end is noted.
    """
    started, ended = times.started_at, times.ended_at

    def note(record: Record) -> Record:
        if record.outcome is not None:
            return record
        return record.with_outcome(
            outcome,
            stopped_at=stopped_at,
            started_at=iso(started) if started else None,
            ended_at=iso(ended) if ended else None,
        )

    with contextlib.suppress(Exception):  # said above: the steps of the teardown write it again, and report
        writer.change(note, now=True)
    return writer.record.outcome is outcome


def save_log(store: RunStore, emit: Emit, key: str, log: LogBuffer) -> None:
    """The run's log beside its results; a log that can't be saved loses no result."""
    try:
        store.put_text(key, log.stream())
    except Exception as error:  # noqa: BLE001 - the user hears of it, and the teardown goes on
        emit(Notice(text=f"the log could not be saved to S3: {sentence_of(error)}", level="warning"))


def _refs(record: Record, scopes: tuple[str, ...]) -> tuple[Ref, ...]:
    """The record's resources of those scopes that are not known to be gone."""
    return tuple(
        Ref(kind=Kind(entry.kind), name=entry.name, scope=entry.scope)  # type: ignore[arg-type]
        for entry in record.resources
        if entry.scope in scopes and entry.state != "deleted"
    )
