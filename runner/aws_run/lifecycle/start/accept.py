"""A task is requested, and requested again where the service has no room for it and the user wants to wait for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from aws_run.backends.executor import Executor, TaskHandle, TaskRequest
from aws_run.clock import Clock
from aws_run.errors import CapacityError
from aws_run.events import Emit, Notice

NO_CAPACITY = "no-capacity"  # in `retry.on`
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30.0, 300.0
_MOST_TURNS = 26  # what a client token has letters for


def room_wait_s(refusals: int) -> float:
    """How long to wait for room after that many refusals before this one."""
    return min(_FIRST_WAIT_S * 2.0 ** min(refusals, 10), _LONGEST_WAIT_S)


def start_task(
    executor: Executor,
    request: TaskRequest,
    *,
    clock: Clock,
    emit: Emit,
    check: Callable[[], None] = lambda: None,
) -> TaskHandle:
    """CapacityError where there is no room, after `retry.max` further requests if `retry.on` has no-capacity. `check`
    is called before each try and may raise."""
    retry = request.spec.job.retry
    most = min(retry.max, _MOST_TURNS - 1) if NO_CAPACITY in retry.on else 0
    for refusals in count():
        try:
            return executor.start(replace(request, turn=request.turn + refusals), check)
        except CapacityError as error:
            if not error.passes or refusals >= most:
                raise
            wait_s = room_wait_s(refusals)
            left_s = (request.deadline - clock.now()).total_seconds()
            if left_s <= wait_s:
                raise
            emit(Notice(text=f"{error.message}; it is requested again in {wait_s:.0f} s", level="warning"))
            clock.sleep(wait_s)
    raise AssertionError("a request is accepted, or refused for good")
