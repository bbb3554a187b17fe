"""When each part of a run went, as the bars of its report: the lanes of the start, the wait, each attempt. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from aws_run.clock import parse_iso
from aws_run.report.html import Attempt
from aws_run.report.html.values import How
from aws_run.runs.record import AttemptEntry, LaneEntry, Record

_HOW: dict[str, How] = {"done": "done", "same": "done", "failed": "failed"}


def bars_of(record: Record) -> Iterator[Attempt]:
    """A record without lanes (an older one, or a run that is still starting) has one bar for its whole start."""
    attempts = record.tasks[0].attempts if record.tasks else ()
    began = parse_iso(record.created_at)
    first = next((parse_iso(one.started_at) for one in attempts if one.started_at), None)
    over = parse_iso(record.ended_at) if record.ended_at else None
    if record.lanes:
        yield from _lanes(record.lanes, began, first, over)
    else:
        yield _until("start", began, first, over)
    for one in attempts:
        if one.started_at is not None:
            yield _bar(one, alone=len(attempts) == 1)


def _lanes(
    lanes: tuple[LaneEntry, ...], began: datetime, first: datetime | None, over: datetime | None
) -> Iterator[Attempt]:
    """Side by side, then the wait for the machine. A lane that had not ended went on until the start was given up."""
    for lane in lanes:
        start = began + timedelta(seconds=lane.began_s)
        end = over if lane.ended_s is None else began + timedelta(seconds=lane.ended_s)
        how = _HOW.get(lane.how, "stopped")
        text = lane.text or ("stopped" if how == "stopped" else "")
        yield Attempt(name=lane.name, began=start, ended=None if end is None else max(start, end), how=how, text=text)
    if all(lane.how in ("done", "same") for lane in lanes):
        ready = max(lane.ended_s or 0.0 for lane in lanes)
        yield _until("waiting", began + timedelta(seconds=ready), first, over)


def _until(name: str, began: datetime, first: datetime | None, over: datetime | None) -> Attempt:
    """What ends with the first attempt, or with a run that never had one."""
    ended = first or over
    how: How = "done" if first else "failed" if over else "running"
    return Attempt(name=name, began=began, ended=max(began, ended) if ended else None, how=how)


def _bar(attempt: AttemptEntry, *, alone: bool) -> Attempt:
    outcome = attempt.outcome
    return Attempt(
        name="job" if alone else f"attempt {attempt.number}",
        began=parse_iso(attempt.started_at or ""),
        ended=parse_iso(attempt.stopped_at) if attempt.stopped_at else None,
        how="running" if outcome is None else "failed" if outcome.exit_code else "done",
        text=outcome.sentence if outcome is not None and not alone else "",
    )
