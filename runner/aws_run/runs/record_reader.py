"""Reading a run's record: typed, within limits, and about its own run alone.

Whoever may write into the bucket can write a record. So nothing in it is believed that could move a deadline past what
any run may have, keep a run alive for ever, or name what belongs to another run: gc and the teardown act on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from aws_run.clock import parse_iso
from aws_run.documents import DocumentError, Fields, harmless, parse_object
from aws_run.errors import AwsRunError, DamagedError
from aws_run.naming import ProjectNames, RunNames, is_run_id, project_of_run, run_of_name
from aws_run.runs.record import VERSION, HardwareEntry, Outcome, Record, RecordState, ResourceEntry, ResourceState

MOST_BYTES = 4 * 1024 * 1024
_MOST_TEXT, _MOST_COMMAND = 4096, 2 * 1024 * 1024
_MOST_RESOURCES = 1000
# The longest timeout is 14 days; a build before it and a retry's own clock take no other two weeks.
LONGEST_LIFE = timedelta(days=30)
_CLOCKS_DIFFER_BY = timedelta(days=2)
_LATEST = {"created_at": _CLOCKS_DIFFER_BY, "stopped_at": timedelta(days=3650)}  # gc may find one years later
_MOST_COST_USD = Decimal(10) ** 9
_ACCOUNT, _REGION = re.compile(r"\d{12}", re.ASCII), re.compile(r"[a-z0-9-]{1,40}")
_BACKEND = re.compile(r"[a-z0-9-]{0,20}")
_SCOPES = ("kept", "shared", "run")
_TEXTS = ("run_id", "project", "account", "region", "created_at", "deadline", "client_token", "cluster", "state",
          "backend", "base_image", "output_prefix", "log_group", "log_stream_prefix", "owner")  # fmt: skip
_TEXTS_OR_NONE = ("image", "renewed_at", "task_arn", "started_at", "stopped_at", "cost_usd")
_NEEDED = ("run_id", "project", "account", "region", "created_at", "deadline", "client_token", "cluster")


def load(data: bytes, *, run_id: str | None = None) -> Record:
    """`run_id`: whose record it has to be. DamagedError where the text is no record, AwsRunError where it is one of a
    later version of the tool."""
    try:
        fields = parse_object(data, most_bytes=MOST_BYTES)
        version = fields.whole("version", least=0, most=2**31) if "version" in fields else 0
        newer = version > VERSION
        record = None if newer else _record(fields)
        if record is not None:
            _check(record, run_id)
    except DocumentError as error:
        whose = f"of {run_id} " if run_id else ""
        raise DamagedError(
            f"A run record {whose}in the bucket can't be read: it {harmless(str(error))[:300]}",
            hint="what it has in AWS ends at its deadline; `aws-run gc` removes the rest once it is old enough",
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
    known: dict[str, Any] = {}
    for name in _TEXTS:
        if name in fields:
            known[name] = fields.text(name, most_chars=_MOST_TEXT)
    for name in _TEXTS_OR_NONE:
        if name in fields:
            known[name] = fields.text_or_none(name, most_chars=_MOST_TEXT)
    if "version" in fields:
        known["version"] = fields.whole("version", least=0, most=VERSION)
    if "attempt" in fields:
        known["attempt"] = fields.whole("attempt", least=1, most=10_000)
    if "detached" in fields:
        known["detached"] = fields.flag("detached")
    if "command" in fields:
        known["command"] = fields.text("command", most_chars=_MOST_COMMAND)
    if "keep" in fields:
        known["keep"] = tuple(fields.texts("keep", most=100, most_chars=100))
    if "inputs" in fields:
        known["inputs"] = tuple(_mapping(one) for one in fields.objects("inputs", most=1000))
    if "resources" in fields:
        known["resources"] = tuple(_resource(one) for one in fields.objects("resources", most=_MOST_RESOURCES))
    if (hardware := fields.object_or_none("hardware")) is not None:
        known["hardware"] = _hardware(hardware)
    if (outcome := fields.object_or_none("outcome")) is not None:
        known["outcome"] = _outcome(outcome)
    return Record(**known)


def _mapping(fields: Fields) -> Mapping[str, Any]:
    return dict(fields.values)


def _resource(fields: Fields) -> ResourceEntry:
    state = fields.text("state", most_chars=20) if "state" in fields else "intended"
    scope = fields.text("scope", most_chars=20)
    if state not in get_args(ResourceState) or scope not in _SCOPES:
        raise DocumentError("names a resource in a state or of a scope that there is not")
    return ResourceEntry(
        kind=fields.text("kind", most_chars=100),
        name=fields.text("name", most_chars=1024),
        scope=scope,
        state=state,  # type: ignore[arg-type]
        id=fields.text_or_none("id", most_chars=2048),
    )


def _hardware(fields: Fields) -> HardwareEntry:
    known: dict[str, Any] = {
        "backend": fields.text("backend", most_chars=100),
        "description": fields.text("description", most_chars=1000),
        "vcpu": fields.number("vcpu", least=0, most=1e6),
        "memory_mib": fields.whole("memory_mib", least=0, most=2**40),
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
    return HardwareEntry(**known)


def _outcome(fields: Fields) -> Outcome:
    stop_code = fields.text_or_none("stop_code", most_chars=1000)
    return Outcome(
        exit_code=fields.whole("exit_code", least=0, most=255),
        reason=harmless(fields.text("reason", most_chars=1000)),
        sentence=harmless(fields.text("sentence", most_chars=100_000)),
        stop_code=None if stop_code is None else harmless(stop_code),
        job_exit_code=fields.whole_or_none("job_exit_code", least=0, most=255),
    )


def _check(record: Record, run_id: str | None) -> None:
    """What the types alone don't say."""
    if not is_run_id(record.run_id) or run_id not in (None, record.run_id):
        raise DocumentError("is another run's")
    if record.project != project_of_run(record.run_id):
        raise DocumentError("names another project than its run's")
    if not _ACCOUNT.fullmatch(record.account) or not _REGION.fullmatch(record.region):
        raise DocumentError("names an account or a region that there can't be")
    if record.cluster != RunNames(run_id=record.run_id).cluster:
        raise DocumentError("names another run's cluster")
    if record.state not in get_args(RecordState) or not _BACKEND.fullmatch(record.backend):
        raise DocumentError("has a state or a backend that there is not")
    _check_times(record)
    _check_cost(record.cost_usd)
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


def _check_times(record: Record) -> None:
    born = datetime.strptime(record.run_id[-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
    if not 2000 <= born.year <= 9000:
        raise DocumentError("is of a time that no run is of")
    for name in ("created_at", "deadline", "renewed_at", "started_at", "stopped_at"):
        text = getattr(record, name)
        if text is None:
            continue
        try:
            moment = parse_iso(text)
        except ValueError as error:
            raise DocumentError(f"has a {name!r} that is no time") from error
        if not born - _CLOCKS_DIFFER_BY <= moment <= born + _LATEST.get(name, LONGEST_LIFE):
            raise DocumentError(f"has a {name!r} that no run of its age can have")


def _check_cost(text: str | None) -> None:
    if text is None:
        return
    try:
        cost_usd = Decimal(text)
    except InvalidOperation:
        cost_usd = Decimal(-1)
    if not cost_usd.is_finite() or not 0 <= cost_usd <= _MOST_COST_USD:
        raise DocumentError("has a 'cost_usd' that is no amount of money")
