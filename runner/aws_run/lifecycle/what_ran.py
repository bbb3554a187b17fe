"""What a run was, as its record tells it: for people, and to be told apart from another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_run.clock import parse_iso
from aws_run.documents import harmless
from aws_run.report.format import count, money, seconds, size
from aws_run.report.views import OutcomeView
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record


def argv_of(record: Record) -> tuple[str, ...]:
    """The command and its arguments, without the two folders. The image's own command is not on record."""
    job = record.job or {}
    command = [str(word) for word in job.get("command") or record.command.split()]
    return tuple(harmless(word) for word in (*command, *(str(word) for word in job.get("args") or ())))


def commit_of(record: Record) -> str:
    if record.commit is None:
        return ""
    changed = {True: ", with changes that are not committed", False: "", None: ", changed or not"}[record.dirty]
    return f"{record.commit[:12]}{changed}"


def image_of(record: Record) -> str:
    """The digest, short: `@sha256:…` is what was started."""
    image = record.image or str((record.job or {}).get("image") or "")
    name, _, digest = image.partition("@sha256:")
    return harmless(f"{name.rpartition('.amazonaws.com/')[2]}@{digest[:12]}" if digest else image)


def with_what_ran(view: OutcomeView, record: Record) -> OutcomeView:
    """The ending of a run, with what it was that ran."""
    return replace(view, **ran_fields(record))


def ran_fields(record: Record) -> dict[str, Any]:
    """What it was that ran, by the names that every JSON has for it."""
    return {
        "ran": argv_of(record),
        "commit": commit_of(record),
        "image": image_of(record),
        "python": record.python or "",
        "labels": record.labels,
        "note": record.note,
    }


def seconds_of(record: Record) -> float | None:
    """How long its last attempt ran; None where that is not known."""
    if record.started_at is None or record.ended_at is None:
        return None
    return max(0.0, (parse_iso(record.ended_at) - parse_iso(record.started_at)).total_seconds())


def differences(one: Record, other: Record) -> list[tuple[str, str, str]]:
    """(what, of one, of the other) for everything in which two runs differ."""
    first, second = facts(one), facts(other)
    names = dict.fromkeys((*first, *second))
    return [
        (name, first.get(name, ""), second.get(name, ""))
        for name in names
        if first.get(name, "") != second.get(name, "")
    ]


def same(one: Record, other: Record) -> list[str]:
    """The names of everything that is on record of both and alike."""
    first, second = facts(one), facts(other)
    return [name for name, value in first.items() if value and second.get(name) == value]


def facts(record: Record) -> dict[str, str]:
    """Name and value, in the order in which people look for a difference."""
    job, outcome, took = record.job or {}, record.outcome, seconds_of(record)
    env = ", ".join(sorted(str(name) for name in job.get("env") or ()))
    return {
        "command": " ".join(argv_of(record)),
        "commit": commit_of(record),
        "image": image_of(record),
        "python": record.python or "",
        "variables": harmless(env),
        **_inputs(record),
        "hardware": record.hardware.description if record.hardware else "",
        "labels": ", ".join(record.labels),
        "note": record.note,
        "result": _result(outcome) if outcome else record.state,
        "ran": "" if took is None else seconds(took),
        "saved": count(outcome.saved_files, "file") if outcome and outcome.saved_files is not None else "",
        "cost": "" if record.usd is None else money(record.usd),
    }


def _inputs(record: Record) -> dict[str, str]:
    """Of the job as it was recorded, which a later version may have written: what is not as expected is left out."""
    shown: dict[str, str] = {}
    for number, one in enumerate((record.job or {}).get("inputs") or record.inputs):
        if not isinstance(one, Mapping):
            continue
        files, amount = one.get("files"), one.get("bytes")
        held = f"{count(files, 'file')}, {size(amount)}" if isinstance(files, int) and isinstance(amount, int) else ""
        version = f"version {str(one['version_id'])[:12]}" if one.get("version_id") else ""
        name = f"input {one.get('label', number)}"
        shown[name] = harmless("; ".join(filter(None, (str(one.get("source") or ""), held, version))))
    return shown


def _result(outcome: Outcome) -> str:
    """The sentence on a job that failed by itself tells its code."""
    told = outcome.reason is OutcomeReason.EXIT and outcome.exit_code != 0
    return outcome.sentence if told else f"{outcome.sentence} (exit {outcome.exit_code})"
