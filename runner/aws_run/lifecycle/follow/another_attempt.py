"""Whether a run whose attempt has ended gets another one, and what has to be done before that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from aws_run.backends.executor import TaskState
from aws_run.config.models import Retry
from aws_run.frozen import frozen
from aws_run.lifecycle.start.accept import NO_CAPACITY, room_wait_s
from aws_run.runs.record import Outcome

_WORTH_ANOTHER = timedelta(seconds=60)  # less time than this before the deadline is not worth another attempt
# How long IAM may take to tell all of AWS what a new role may do (half a minute: aws/copilot-cli#5984).
_ROLE_IS_NEW = timedelta(minutes=2)
# The machine of a task that never started powers itself off half a minute after it (backends/ec2/user_data.py), so the
# next one has to come before that.
_ROLE_WAIT_S = 10.0


@frozen
class AnotherAttempt:
    """`wait_s`: what to wait for before its start. `new_machine`: the last one is gone. `counts`: it is one of the
    `retry.max` that the user wants at most."""

    why: str = ""
    wait_s: float = 0.0
    new_machine: bool = True
    counts: bool = True


def another_attempt(
    outcome: Outcome,
    state: TaskState | None,
    *,
    retry: Retry,
    retries: int,
    new_roles: Mapping[str, datetime],
    now: datetime,
    deadline: datetime,
) -> AnotherAttempt | None:
    """None: that was the last. `retries`: how many further ones were started before this end. `new_roles`: when those
    of the task's roles were made that did not exist before the run."""
    if deadline - now <= _WORTH_ANOTHER:
        return None
    end = state.end if state is not None else None
    if end is not None and end.denied and _is_too_new(end.text, new_roles, now):
        why = "its role was just made, and not all of AWS knows yet what it may do"
        return AnotherAttempt(why=why, wait_s=_ROLE_WAIT_S, new_machine=False, counts=False)
    if retries >= retry.max:
        return None
    if end is not None and end.no_room and NO_CAPACITY in retry.on:
        return AnotherAttempt(why="the task is requested again", wait_s=room_wait_s(retries), new_machine=False)
    if outcome.reason.retryable and "interruption" in retry.on:
        return AnotherAttempt()
    return None


def _is_too_new(text: str, new_roles: Mapping[str, datetime], now: datetime) -> bool:
    """A sentence that names a role is about that one."""
    young = [name for name, made in new_roles.items() if now - made < _ROLE_IS_NEW]
    return any(name in text for name in young) or (bool(young) and "role/" not in text)
