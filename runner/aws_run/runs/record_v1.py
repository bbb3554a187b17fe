"""Records of version 1, which knew one task and one attempt: read as version 2, and written back as such.

Nothing else knows of version 1. What is left of it: the fields below, and `cluster`, which follows from the run's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

from aws_run.documents import DocumentError, Fields
from aws_run.naming import RunNames
from aws_run.runs.record import Outcome

_MOST_TEXT = 4096
_REPLACED = ("attempt", "client_token", "cluster", "log_stream_prefix", "started_at", "task_arn")
_OUTCOME = {each.name for each in fields_of(Outcome)} - {"unknown"}


def as_version_2(fields: Fields) -> Fields:
    """The same record in version 2's fields, not checked any further than they have to be for this."""
    if "tasks" in fields:
        raise DocumentError("is of version 1 and has the tasks of version 2")
    names = RunNames(run_id=fields.text("run_id", most_chars=_MOST_TEXT))
    fields.text("client_token", most_chars=_MOST_TEXT)
    if fields.text("cluster", most_chars=_MOST_TEXT) != names.cluster:
        raise DocumentError("names another run's cluster")
    number = fields.whole("attempt", least=1, most=10_000) if "attempt" in fields else 1
    arn = fields.text_or_none("task_arn", most_chars=_MOST_TEXT)
    attempt = {
        "number": number,
        "client_token": names.client_token if number == 1 else f"{names.client_token}-{number}",
        "handle": {"id": arn, "place": names.cluster} if arn else None,
        "started_at": fields.values.get("started_at"),
        "stopped_at": fields.values.get("stopped_at"),
        "outcome": _known(fields.values.get("outcome")),
    }
    rest = {name: value for name, value in fields.values.items() if name not in _REPLACED}
    return Fields({**rest, "tasks": [{"index": 0, "attempts": [attempt]}]})


def _known(outcome: Any) -> Any:
    """The run's outcome keeps the fields that nobody knows; the attempt's copy of it does without them."""
    if not isinstance(outcome, Mapping):
        return outcome
    return {name: value for name, value in outcome.items() if name in _OUTCOME}
