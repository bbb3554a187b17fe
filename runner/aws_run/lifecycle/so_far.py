"""A run that is on its way, as it stands now: how long, for how much, how much longer, and what it uses."""

from __future__ import annotations

from decimal import Decimal

from aws_run.backends.executor import TaskPhase, TaskState
from aws_run.errors import AwsRunError
from aws_run.events import JobUsage
from aws_run.frozen import frozen
from aws_run.job_log import LogFold
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.run_stage import deadline_of, executor_of
from aws_run.runs.record import Record

_LAST_LINES = 200
_STALE_MS = 60_000  # use that was told longer ago says nothing of now


@frozen
class SoFar:
    """`elapsed_s`: since the task began to be billed. `left_s`: to the deadline. `progress`: what the job redraws."""

    elapsed_s: float
    cost_usd: Decimal | None
    left_s: float
    usage: JobUsage | None = None
    progress: tuple[str, ...] = ()


def so_far(context: AppContext, record: Record, state: TaskState | None = None) -> SoFar | None:
    """None where the run does not run, or where that can't be told: it is told beside what matters. `state`: its task,
    where it was seen already. Two requests, or one."""
    if record.finished or record.handle is None:
        return None
    try:
        executor = executor_of(context, record)
        state = state or executor.find(record)
        if state is None or state.phase is not TaskPhase.RUNNING:
            return None
        lines = executor.log_source(record, record.handle).last(_LAST_LINES)
    except AwsRunError:
        return None
    usage, fold = None, LogFold()
    now = context.clock.now()
    for event in fold.fold(lines):
        if isinstance(event, JobUsage):
            usage = event
    fresh = bool(lines) and now.timestamp() * 1000 - lines[-1].timestamp_ms < _STALE_MS
    since = state.billed_from or state.started_at
    elapsed_s = 0.0 if since is None else max(0.0, (now - since).total_seconds())
    hour = record.hardware.usd_per_hour if record.hardware else None
    return SoFar(
        elapsed_s=elapsed_s,
        cost_usd=None if hour is None else Decimal(hour) * Decimal(elapsed_s) / 3600,
        left_s=max(0.0, (deadline_of(record) - now).total_seconds()),
        usage=usage if fresh else None,
        progress=fold.states,
    )
