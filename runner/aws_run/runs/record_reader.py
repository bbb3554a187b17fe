"""Reading a run's record: typed, within limits, and about its own run alone.

Whoever may write into the bucket can write a record. Nothing in it is therefore believed that could move a deadline
past what any run may have, keep a run alive for ever, or name what belongs to another run: gc and the teardown act on
it. Fields that this version does not know are kept as they are, and count against the limits of size and depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

from aws_run.clock import parse_iso
from aws_run.documents import DocumentError, Fields, harmless, parse_object
from aws_run.errors import AwsRunError, DamagedError
from aws_run.hints import quoted
from aws_run.naming import ProjectNames, RunNames, is_run_id, project_of_run, run_of_name
from aws_run.runs import money_reader
from aws_run.runs.money_reader import check_amount, unknown_of
from aws_run.runs.outcome import reason_of
from aws_run.runs.record import (
    VERSION,
    AttemptEntry,
    HardwareEntry,
    LaneEntry,
    LeftBehind,
    LeftFile,
    Outcome,
    Record,
    RecordState,
    ResourceEntry,
    ResourceState,
    TaskEntry,
    TaskHandle,
    dump,
)
from aws_run.runs.record_v1 import as_version_2

MOST_BYTES = 4 * 1024 * 1024
_MOST_TEXT, _MOST_COMMAND = 4096, 2 * 1024 * 1024
MOST_COUNT, _MOST_NAMED = 2**60, 10  # files or bytes; names of files left behind
_MOST_RESOURCES, _MOST_TASKS, _MOST_ATTEMPTS, _MOST_LANES = 1000, 100, 1000, 20
# The longest timeout is 14 days; a build before it and a retry's own clock take no other two weeks.
LONGEST_LIFE = timedelta(days=30)
_CLOCKS_DIFFER_BY = timedelta(days=2)
_LATEST = {"created_at": _CLOCKS_DIFFER_BY, "stopped_at": timedelta(days=3650)}  # gc may find one years later
_ACCOUNT, _REGION = re.compile(r"\d{12}", re.ASCII), re.compile(r"[a-z0-9-]{1,40}")
_BACKEND, _ORIGIN = re.compile(r"[a-z0-9-]{0,20}"), re.compile(r"[a-z][a-z0-9-]{0,19}")
_SCOPES = ("kept", "shared", "run")
_NEEDED = ("run_id", "project", "account", "region", "created_at", "deadline")
_TEXTS = (*_NEEDED, "state", "origin", "backend", "base_image", "output_prefix", "log_group", "owner")
_TEXTS_OR_NONE = ("image", "renewed_at", "stopped_at", "cost_usd", "reserved_usd")
# The reader of documents does not count the digits of the numbers in a shorter one, and a record grows.
_NOT_SHORT_BYTES = 4096


def load(data: bytes, *, run_id: str | None = None) -> Record:
    """`run_id`: whose record it has to be. DamagedError where the text is no record, AwsRunError where it is one of a
    later version of the format."""
    try:
        fields = parse_object(data.ljust(_NOT_SHORT_BYTES), most_bytes=MOST_BYTES)
        version = fields.whole("version", least=0, most=2**31) if "version" in fields else 0
        newer = version > VERSION
        record = None if newer else _record(fields if version == VERSION else as_version_2(fields))
        if record is not None:
            _check(record, run_id)
    except DocumentError as error:
        whose = f"of {run_id} " if run_id else ""
        raise DamagedError(
            f"A run record {whose}in the bucket can't be read: it {harmless(str(error))[:300]}",
            hint="what it has in AWS ends at its deadline; " + quoted("gc") + " removes the rest once it is old enough",
        ) from error
    if record is None:
        raise AwsRunError(
            f"The run {run_id or ''} was started by a newer aws-run".replace("  ", " "),
            hint="`pip install -U aws-run`, then try again",
        )
    return record


def _record(fields: Fields) -> Record:
    for name in _NEEDED:
        fields.text(name, most_chars=_MOST_TEXT)
    known: dict[str, Any] = {"unknown": unknown_of(fields, Record)}
    for name in _TEXTS:
        if name in fields:
            known[name] = fields.text(name, most_chars=_MOST_TEXT)
    for name in _TEXTS_OR_NONE:
        if name in fields:
            known[name] = fields.text_or_none(name, most_chars=_MOST_TEXT)
    if "origin_detail" in fields:
        known["origin_detail"] = harmless(fields.text("origin_detail", most_chars=1000))
    for name in ("detached", "capped"):
        if name in fields:
            known[name] = fields.flag(name)
    if "command" in fields:
        known["command"] = fields.text("command", most_chars=_MOST_COMMAND)
    for name in ("commit", "python"):
        text = fields.text_or_none(name, most_chars=100)
        known[name] = None if text is None else harmless(text)
    if fields.values.get("dirty") is not None:
        known["dirty"] = fields.flag("dirty")
    if "labels" in fields:
        known["labels"] = tuple(harmless(one) for one in fields.texts("labels", most=100, most_chars=200))
    if "tried" in fields:
        known["tried"] = tuple(harmless(one) for one in fields.texts("tried", most=200, most_chars=2000))
    if "branch" in fields:
        known["branch"] = harmless(fields.text("branch", most_chars=300))
    if "note" in fields:
        known["note"] = harmless(fields.text("note", most_chars=_MOST_TEXT))
    if "keep" in fields:
        known["keep"] = tuple(fields.texts("keep", most=100, most_chars=100))
    if "inputs" in fields:
        known["inputs"] = tuple(dict(one.values) for one in fields.objects("inputs", most=1000))
    if "resources" in fields:
        known["resources"] = tuple(_resource(one) for one in fields.objects("resources", most=_MOST_RESOURCES))
    if "lanes" in fields:
        known["lanes"] = tuple(_lane(one) for one in fields.objects("lanes", most=_MOST_LANES))
    if "tasks" in fields:
        known["tasks"] = tuple(_task(one) for one in fields.objects("tasks", most=_MOST_TASKS))
    if (job := fields.object_or_none("job")) is not None:
        known["job"] = dict(job.values)
    if (hardware := fields.object_or_none("hardware")) is not None:
        known["hardware"] = _hardware(hardware)
    if (outcome := fields.object_or_none("outcome")) is not None:
        known["outcome"] = _outcome(outcome)
    if (receipt := fields.object_or_none("receipt")) is not None:
        known["receipt"] = money_reader.receipt(receipt)
    if (estimate := fields.object_or_none("estimate")) is not None:
        known["estimate"] = money_reader.estimate(estimate)
    if (used := fields.object_or_none("used")) is not None:
        known["used"] = money_reader.used(used)
    if (smaller := fields.object_or_none("smaller")) is not None:
        known["smaller"] = money_reader.smaller(smaller)
    return Record(**known)


def _resource(fields: Fields) -> ResourceEntry:
    state = fields.text("state", most_chars=20) if "state" in fields else "intended"
    scope = fields.text("scope", most_chars=20)
    if state not in get_args(ResourceState) or scope not in _SCOPES:
        raise DocumentError("names a resource with an unknown state or scope")
    return ResourceEntry(
        kind=fields.text("kind", most_chars=100),
        name=fields.text("name", most_chars=1024),
        scope=scope,
        state=state,  # type: ignore[arg-type]
        id=fields.text_or_none("id", most_chars=2048),
        unknown=unknown_of(fields, ResourceEntry),
    )


def _hardware(fields: Fields) -> HardwareEntry:
    known: dict[str, Any] = {
        "backend": fields.text("backend", most_chars=100),
        "description": fields.text("description", most_chars=1000),
        "vcpu": fields.number("vcpu", least=0, most=1e6),
        "memory_mib": fields.whole("memory_mib", least=0, most=2**40),
        "unknown": unknown_of(fields, HardwareEntry),
    }
    for name in ("gpus", "disk_gib"):
        if name in fields:
            known[name] = fields.whole(name, least=0, most=2**40)
    if "instance_types" in fields:
        known["instance_types"] = tuple(fields.texts("instance_types", most=1000, most_chars=100))
    if "spot" in fields:
        known["spot"] = fields.flag("spot")
    if "arch" in fields:
        known["arch"] = fields.text("arch", most_chars=100)
    for name in ("usd_per_hour", "priced_on", "price_source", "spot_max_usd_per_hour"):
        text = fields.text_or_none(name, most_chars=200)
        known[name] = None if text is None else harmless(text)
    if "rates" in fields:
        known["rates"] = tuple(money_reader.rate(one) for one in fields.objects("rates", most=money_reader.MOST_RATES))
    return HardwareEntry(**known)


def _lane(fields: Fields) -> LaneEntry:
    ended = fields.values.get("ended_s") is not None
    return LaneEntry(
        name=harmless(fields.text("name", most_chars=40)),
        began_s=fields.number("began_s", least=0, most=LONGEST_LIFE.total_seconds()),
        ended_s=fields.number("ended_s", least=0, most=LONGEST_LIFE.total_seconds()) if ended else None,
        how=harmless(fields.text("how", most_chars=40)),
        text=harmless(fields.text("text", most_chars=1000)),
        unknown=unknown_of(fields, LaneEntry),
    )


def _outcome(fields: Fields) -> Outcome:
    stop_code = fields.text_or_none("stop_code", most_chars=1000)
    word = harmless(fields.text("reason", most_chars=1000))
    reason = reason_of(word)
    return Outcome(
        exit_code=fields.whole("exit_code", least=0, most=255),
        reason=reason,
        newer_reason="" if word == reason.value else word,
        sentence=harmless(fields.text("sentence", most_chars=100_000)),
        stop_code=None if stop_code is None else harmless(stop_code),
        job_exit_code=fields.whole_or_none("job_exit_code", least=0, most=255),
        saved_files=fields.whole_or_none("saved_files", least=0, most=MOST_COUNT),
        left_behind=left_behind_of(fields.object_or_none("left_behind")),
        unknown=unknown_of(fields, Outcome),
    )


def left_behind_of(fields: Fields | None) -> LeftBehind | None:
    """As a record holds it, and as the container writes it into its result. DocumentError where it is neither."""
    if fields is None:
        return None
    named = fields.objects("named", most=_MOST_NAMED)
    return LeftBehind(
        files=fields.whole("files", least=0, most=MOST_COUNT),
        bytes=fields.whole("bytes", least=0, most=MOST_COUNT),
        named=tuple(
            LeftFile(
                name=harmless(one.text("name", most_chars=1000)),
                bytes=one.whole("bytes", least=0, most=MOST_COUNT),
                unknown=unknown_of(one, LeftFile),
            )
            for one in named
        ),
        unknown=unknown_of(fields, LeftBehind),
    )


def _task(fields: Fields) -> TaskEntry:
    return TaskEntry(
        index=fields.whole("index", least=0, most=10**6),
        attempts=tuple(_attempt(one) for one in fields.objects("attempts", most=_MOST_ATTEMPTS)),
        unknown=unknown_of(fields, TaskEntry),
    )


def _attempt(fields: Fields) -> AttemptEntry:
    handle, outcome = fields.object_or_none("handle"), fields.object_or_none("outcome")
    return AttemptEntry(
        number=fields.whole("number", least=1, most=10_000),
        client_token=fields.text("client_token", most_chars=100),
        handle=None if handle is None else _handle(handle),
        started_at=fields.text_or_none("started_at", most_chars=100),
        stopped_at=fields.text_or_none("stopped_at", most_chars=100),
        outcome=None if outcome is None else _outcome(outcome),
        billed_s=fields.number("billed_s", least=0, most=1e9) if fields.values.get("billed_s") is not None else None,
        unknown=unknown_of(fields, AttemptEntry),
    )


def _handle(fields: Fields) -> TaskHandle:
    return TaskHandle(
        id=fields.text("id", most_chars=_MOST_TEXT),
        place=fields.text("place", most_chars=_MOST_TEXT),
        unknown=unknown_of(fields, TaskHandle),
    )


def _check(record: Record, run_id: str | None) -> None:
    """What the types alone don't say."""
    if not is_run_id(record.run_id) or run_id not in (None, record.run_id):
        raise DocumentError("is another run's")
    if record.project != project_of_run(record.run_id):
        raise DocumentError("names another project than its run's")
    if record.job is not None and record.job.get("name", record.project) != record.project:
        raise DocumentError("holds the job of another project")
    if not _ACCOUNT.fullmatch(record.account) or not _REGION.fullmatch(record.region):
        raise DocumentError("names an account or a region that can't exist")
    if record.state not in get_args(RecordState) or not _BACKEND.fullmatch(record.backend):
        raise DocumentError("has an unknown state or backend")
    if not _ORIGIN.fullmatch(record.origin):
        raise DocumentError("has an 'origin' that is not a word")
    _check_times(record)
    check_amount("cost_usd", record.cost_usd)
    check_amount("reserved_usd", record.reserved_usd)
    if record.hardware is not None:
        check_amount("usd_per_hour", record.hardware.usd_per_hour)
        check_amount("spot_max_usd_per_hour", record.hardware.spot_max_usd_per_hour)
    _check_tasks(record)
    _check_resources(record)
    if len(dump(record)) > MOST_BYTES:
        raise DocumentError("would be too large once it is written back")


def _check_tasks(record: Record) -> None:
    """A handle is what a cancel stops and what a log is read of: it has to be on a place of the run's own."""
    _check_order("tasks", [task.index for task in record.tasks])
    token = RunNames(run_id=record.run_id).client_token
    for task in record.tasks:
        _check_order("attempts", [attempt.number for attempt in task.attempts])
        for attempt in task.attempts:
            if not attempt.client_token.startswith(token):
                raise DocumentError("names another run's client token")
            if attempt.handle is None:
                continue
            if attempt.handle.place != record.cluster:
                raise DocumentError("names another run's cluster")
            if any(run_of_name(part) not in (None, record.run_id) for part in re.split("[:/]", attempt.handle.id)):
                raise DocumentError("names another run's task")


def _check_order(name: str, numbers: list[int]) -> None:
    if numbers != sorted(set(numbers)):
        raise DocumentError(f"has {name!r} that are not in order")


def _check_resources(record: Record) -> None:
    shared = _shared_names(record)
    for entry in record.resources:
        # The last of a project's runs notes what it removed of the shared ones among its own.
        noted = entry.state == "deleted" and entry.name in shared
        if entry.scope == "run" and run_of_name(entry.name) != record.run_id and not noted:
            raise DocumentError("names a resource of another run's as its own")
        if entry.scope == "shared" and entry.name not in shared:
            raise DocumentError("names a resource of another project's as its own")


def _shared_names(record: Record) -> tuple[str, ...]:
    names = ProjectNames(project=record.project, region=record.region)
    return (names.execution_role, names.instance_role, names.log_group)


def _times(record: Record) -> Iterator[tuple[str, str | None]]:
    for name in ("created_at", "deadline", "renewed_at", "stopped_at"):
        yield name, getattr(record, name)
    for task in record.tasks:
        for attempt in task.attempts:
            yield "started_at", attempt.started_at
            yield "stopped_at", attempt.stopped_at


def _check_times(record: Record) -> None:
    try:
        born = datetime.strptime(record.run_id[-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise DocumentError("has a time that does not exist") from error
    if not 2000 <= born.year <= 9000:
        raise DocumentError("has a time that no run can have")
    for name, text in _times(record):
        if text is None:
            continue
        try:
            moment = parse_iso(text)
        except ValueError as error:
            raise DocumentError(f"has a {name!r} that is not a time") from error
        if not born - _CLOCKS_DIFFER_BY <= moment <= born + _LATEST.get(name, LONGEST_LIFE):
            raise DocumentError(f"has a {name!r} that no run of its age can have")
