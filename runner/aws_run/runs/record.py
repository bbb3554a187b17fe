"""The run record: everything any machine needs to find, follow and remove a run it did not start.

It is written to the bucket before anything is created, and after each step. docs/record.md describes the format.

Clients of several versions share a bucket. Each value therefore carries the JSON fields that this version does not
know (`unknown`): `record_reader.load` fills them in and `dump` writes them back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from aws_run.frozen import frozen
from aws_run.naming import RunNames, bucket_name
from aws_run.runs.money_entries import (
    EstimateEntry,
    RateEntry,
    Receipt,
    ReceiptLine,
    SmallerEntry,
    UsedEntry,
    no_fields,
)
from aws_run.runs.outcome import OutcomeReason

__all__ = [
    "VERSION",
    "AttemptEntry",
    "EstimateEntry",
    "HardwareEntry",
    "LaneEntry",
    "LeftBehind",
    "LeftFile",
    "Origin",
    "Outcome",
    "RateEntry",
    "Receipt",
    "ReceiptLine",
    "Record",
    "RecordState",
    "ResourceEntry",
    "ResourceState",
    "SmallerEntry",
    "TaskEntry",
    "TaskHandle",
    "UsedEntry",
    "dump",
]

RecordState = Literal["starting", "running", "stopped", "removing", "removed"]
ResourceState = Literal["intended", "created", "deleted", "kept", "failed"]
# Who started a run. A reader accepts others, because a later version may add one without changing the format.
Origin = Literal["cli", "action", "comment", "schedule", "upload", "http", "queue", "run"]

VERSION = 2
_MOST_INDENTED_BYTES = 128 * 1024  # at 16 levels the indented text is at most 18 times as long


@frozen
class ResourceEntry:
    kind: str
    name: str
    scope: str
    state: ResourceState = "intended"
    id: str | None = None  # ARN or id as AWS gave it
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class HardwareEntry:
    """The hardware that the run was placed on. `usd_per_hour`: the most that an hour of all of it was going to cost
    when the run began, by `price_source` as of `priced_on`; None where no price was known. `rates`: every price that
    its receipt may need. `spot_max_usd_per_hour`: the most that the run pays for a spot machine; above it AWS takes it
    back."""

    backend: str
    description: str
    vcpu: float
    memory_mib: int
    gpus: int = 0
    instance_types: tuple[str, ...] = ()
    spot: bool = False
    disk_gib: int = 0
    arch: str = "x86_64"
    usd_per_hour: str | None = None
    priced_on: str | None = None
    price_source: str | None = None
    rates: tuple[RateEntry, ...] = ()
    spot_max_usd_per_hour: str | None = None
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class LaneEntry:
    """A part of the start, which went beside the others: seconds since the run's `created_at`. `ended_s` None: it was
    still at work when this was written. `how`: done, same (there was nothing to do), failed or stopped."""

    name: str
    began_s: float
    ended_s: float | None = None
    how: str = "done"
    text: str = ""
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class LeftFile:
    name: str
    bytes: int
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class LeftBehind:
    """What a job that saved nothing wrote into its working directory, which is gone: how many files, and the first of
    them by name."""

    files: int
    bytes: int
    named: tuple[LeftFile, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class Outcome:
    """How a run or an attempt ended. `exit_code` is the job's own where it ran to its end, else the tool's (124, 125,
    130). `newer_reason`: the word of a newer version, where this one does not know it and `reason` is UNKNOWN; it is
    written back as it was. `saved_files`: how many files are in its saved output; None where nobody knows.
    `left_behind`: None where something was saved."""

    exit_code: int
    reason: OutcomeReason
    sentence: str
    newer_reason: str = ""
    stop_code: str | None = None
    job_exit_code: int | None = None
    saved_files: int | None = None
    left_behind: LeftBehind | None = None
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)

    @property
    def reason_word(self) -> str:
        """As the record says it."""
        return self.newer_reason or str(self.reason)


@frozen
class TaskHandle:
    """A task as its service names it. `id`: an ARN or a job id. `place`: the cluster or queue it is on."""

    id: str
    place: str
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class AttemptEntry:
    """One start of a task. `number` counts from 1. `handle` None: no service is known to have accepted it.
    `client_token` makes a repeated request for it the same request."""

    number: int
    client_token: str
    handle: TaskHandle | None = None
    started_at: str | None = None
    stopped_at: str | None = None
    outcome: Outcome | None = None
    billed_s: float | None = None  # how long its task was billed for, once another attempt has followed
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class TaskEntry:
    """One task of a run, with its attempts in the order of their numbers. `index` counts from 0."""

    index: int = 0
    attempts: tuple[AttemptEntry, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)


@frozen
class Record:
    """Times are ISO 8601 in UTC; a time that has not come is None. Today's runs have one task, whose last attempt is
    the current one; `outcome` is the run's, and each attempt has its own."""

    run_id: str
    project: str
    account: str
    region: str
    created_at: str
    deadline: str  # nothing of the run may cost anything after it
    capped: bool = False  # whether `--max-cost` makes it earlier than `--timeout`
    state: RecordState = "starting"
    version: int = VERSION
    origin: str = "cli"  # an `Origin`, or one of a later version
    origin_detail: str = ""  # free text: the schedule's name, the comment's address, …
    tasks: tuple[TaskEntry, ...] = ()
    lanes: tuple[LaneEntry, ...] = ()  # of its start, once it is over; empty in older records
    job: Mapping[str, Any] | None = None  # JobSpec.to_json() without the environment's values
    backend: str = ""
    hardware: HardwareEntry | None = None
    command: str = ""
    image: str | None = None
    commit: str | None = None  # of the project's repository, whole
    dirty: bool | None = None  # whether the project differed from it; None where nobody can tell
    python: str | None = None  # the image's version; None: whatever the image brings
    labels: tuple[str, ...] = ()
    note: str = ""
    base_image: str = ""  # what the image stands on, with its digest where that was known
    inputs: tuple[Mapping[str, Any], ...] = ()
    output_prefix: str = ""
    log_group: str = ""
    keep: tuple[str, ...] = ()
    owner: str = ""
    branch: str = ""  # whose code it is, by git or GitHub
    tried: tuple[str, ...] = ()  # what AWS refused before it gave the run a machine, in sentences
    reserved_usd: str | None = None  # what it holds of the allowance until it ends; None: nothing
    resources: tuple[ResourceEntry, ...] = ()
    detached: bool = False  # its client has left it: whoever sees it ended finishes it
    renewed_at: str | None = None  # the last sign of life of a client that is still building or sending
    stopped_at: str | None = None  # when a client noted its end; its task's own time is `ended_at`
    outcome: Outcome | None = None
    cost_usd: str | None = None
    receipt: Receipt | None = None
    estimate: EstimateEntry | None = None  # None: no earlier run told how long it was going to take
    used: UsedEntry | None = None  # what its last attempt used; None: nobody measured it
    smaller: SmallerEntry | None = None  # cheaper hardware that would have held it
    unknown: Mapping[str, Any] = field(default_factory=no_fields, hash=False)

    # -- what it says of the current attempt ------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self.state in ("stopped", "removing", "removed")

    @property
    def bucket(self) -> str:
        """Where it says that its results are: to be shown. What is read or written is by `own_bucket`."""
        named = (entry.name for entry in self.resources if entry.kind == "bucket")
        return next(named, bucket_name(self.account, self.region))

    @property
    def current(self) -> AttemptEntry | None:
        """The last attempt of the run's only task; None before the first."""
        return self.tasks[0].attempts[-1] if self.tasks and self.tasks[0].attempts else None

    @property
    def attempt(self) -> int:
        return self.current.number if self.current else 1

    @property
    def usd(self) -> Decimal | None:
        """What it cost; None until that is known."""
        return Decimal(self.cost_usd) if self.cost_usd else None

    @property
    def earlier_s(self) -> tuple[float, ...]:
        """How long the tasks of the attempts before the current one were billed for, as far as that is known."""
        attempts = self.tasks[0].attempts[:-1] if self.tasks else ()
        return tuple(attempt.billed_s for attempt in attempts if attempt.billed_s is not None)

    @property
    def handles(self) -> tuple[TaskHandle, ...]:
        """Of all attempts, in their order."""
        attempts = self.tasks[0].attempts if self.tasks else ()
        return tuple(attempt.handle for attempt in attempts if attempt.handle is not None)

    @property
    def handle(self) -> TaskHandle | None:
        return self.current.handle if self.current else None

    @property
    def task_arn(self) -> str | None:
        return self.handle.id if self.handle else None

    @property
    def started_at(self) -> str | None:
        return self.current.started_at if self.current else None

    @property
    def ended_at(self) -> str | None:
        """When its current attempt's task ended. `stopped_at` is when a client saw and noted it, which may be hours
        later."""
        return (self.current.stopped_at if self.current else None) or self.stopped_at

    @property
    def cluster(self) -> str:
        """The run's own cluster, whether there is a task on it or not."""
        return RunNames(run_id=self.run_id).cluster

    # -- the record after one step; each may be applied twice, as `RecordWriter` does after a lost answer -------------

    def with_attempt(
        self,
        number: int,
        *,
        last: Outcome | None = None,
        started_at: str | None = None,
        stopped_at: str | None = None,
        billed_s: float | None = None,
    ) -> Record:
        """The record at the attempt `number`, which nobody has accepted yet. The others are of the attempt before it:
        how it ended, when its job began (None: it never did) and it ended, and how long it was billed for. A record
        that is there already stays as it is."""
        if self.current is not None and number <= self.current.number:
            return self
        record = self
        if self.current is not None and last is not None:
            ended = replace(last, unknown={})
            record = self._with_current(
                lambda attempt: replace(
                    attempt, outcome=ended, started_at=started_at, stopped_at=stopped_at, billed_s=billed_s
                )
            )
        task = record.tasks[0] if record.tasks else TaskEntry()
        begun = AttemptEntry(number=number, client_token=self.client_token(number))
        return replace(record, tasks=(replace(task, attempts=(*task.attempts, begun)), *record.tasks[1:]))

    def with_handle(self, handle: TaskHandle, *, attempt: int | None = None) -> Record:
        """The record once a service has accepted an attempt: the current one, or the one of that number. A record that
        is at another attempt by then stays as it is."""
        if attempt not in (None, self.attempt):
            return self
        return self._with_current(lambda current: replace(current, handle=handle))

    def with_outcome(
        self,
        outcome: Outcome,
        *,
        stopped_at: str | None = None,
        started_at: str | None = None,
        ended_at: str | None = None,
    ) -> Record:
        """The record of a run that ended so, and its current attempt with it. `stopped_at`: when that is noted;
        `ended_at`: when its task ended, where that is known. A time that is None stays as it is."""

        def end(attempt: AttemptEntry) -> AttemptEntry:
            return replace(
                attempt,
                outcome=replace(outcome, unknown={}),
                started_at=started_at or attempt.started_at,
                stopped_at=ended_at or stopped_at or attempt.stopped_at,
            )

        record = self._with_current(end) if self.current is not None else self
        return replace(record, state="stopped", outcome=outcome, stopped_at=stopped_at or self.stopped_at)

    def with_resource(self, kind: str, name: str, state: ResourceState, id: str | None = None) -> Record:
        """The record after one step on one resource; an entry that is not there yet is added as `run`-scoped."""
        entries = list(self.resources)
        for index, entry in enumerate(entries):
            if (entry.kind, entry.name) == (kind, name):
                entries[index] = replace(entry, state=state, id=id or entry.id)
                break
        else:
            entries.append(ResourceEntry(kind=kind, name=name, scope="run", state=state, id=id))
        return replace(self, resources=tuple(entries))

    def client_token(self, attempt: int) -> str:
        """What makes a repeated request for an attempt the same request. It follows from the run's name."""
        token = RunNames(run_id=self.run_id).client_token
        return token if attempt == 1 else f"{token}-{attempt}"

    def _with_current(self, change: Callable[[AttemptEntry], AttemptEntry]) -> Record:
        """A record without an attempt gets its first."""
        record = self if self.current is not None else self.with_attempt(1)
        task, *others = record.tasks
        attempts = (*task.attempts[:-1], change(task.attempts[-1]))
        return replace(record, tasks=(replace(task, attempts=attempts), *others))

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in the bucket, with the fields that this version does not know."""
        document: dict[str, Any] = _to_json(self)
        return document


def _to_json(value: Any) -> Any:
    if is_dataclass(value):
        members = {each.name: _to_json(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Outcome):
            members = {**members, "reason": value.reason_word}
            del members["newer_reason"]
        return {**members.pop("unknown"), **members}
    return [_to_json(item) for item in value] if isinstance(value, tuple) else value


def dump(record: Record) -> bytes:
    """Indented for people, unless it is so large that this could take it over the limit of what is read."""
    document = record.to_json()
    compact = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    return compact if len(compact) > _MOST_INDENTED_BYTES else json.dumps(document, indent=1, sort_keys=True).encode()
