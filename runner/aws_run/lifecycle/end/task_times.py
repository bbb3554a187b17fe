"""When a run's task ran: by its service, and by what its container wrote where the service has forgotten it."""

from __future__ import annotations

from datetime import datetime, timezone

from aws_run.backends.executor import TaskState
from aws_run.documents import DocumentError, parse_object
from aws_run.frozen import frozen
from aws_run.lifecycle.follow.outcome import MOST_RESULT_BYTES


@frozen
class TaskTimes:
    """In UTC; None where nobody knows."""

    started_at: datetime | None = None
    ended_at: datetime | None = None


UNKNOWN = TaskTimes()


def seen(state: TaskState | None) -> TaskTimes:
    """As its service tells."""
    return UNKNOWN if state is None else TaskTimes(started_at=state.started_at, ended_at=state.stopped_at)


def written(result: bytes | None, *, attempt: int, since: datetime, until: datetime) -> TaskTimes:
    """As the container's result.json tells, which the job may have written itself: times that no task of this run can
    have had, before `since` or after `until`, and those of another attempt don't count."""
    if result is None:
        return UNKNOWN
    try:
        fields = parse_object(result, most_bytes=MOST_RESULT_BYTES)
        if fields.whole_or_none("attempt", least=1, most=10_000) not in (None, attempt):
            return UNKNOWN
        started, ended = (_moment(fields.text_or_none(name, most_chars=100)) for name in ("started_at", "finished_at"))
    except DocumentError:
        return UNKNOWN
    if ended is None or not since <= ended <= until:
        return UNKNOWN
    return TaskTimes(started_at=started if started is not None and since <= started <= ended else None, ended_at=ended)


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc) if text else None
    except ValueError:
        return None
