"""Waiting for an AWS that doesn't answer, or no longer lets us in, while a run goes on there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aws_run.aws.errors import DENIED, is_transient
from aws_run.clock import Clock, GrowingWait
from aws_run.errors import AwsCallError, AwsRunError, CredentialsError, OutOfReachError
from aws_run.events import Emit, Notice
from aws_run.hints import quoted

T = TypeVar("T")
UNANSWERED_S = 15 * 60  # how long AWS may not answer (or credentials be expired) before the watching is given up
# A policy that denies may be one about the network (a VPN that is off for a moment), or one that is there to stay.
DENIED_S = 5 * 60
_LONGEST_WAIT_S = 30.0


def out_of_reach(error: BaseException) -> bool:
    """Whether `error` says nothing about the run, only that AWS can't be asked now: unanswered, signed out, denied."""
    return _patience_s(error) > 0


def _patience_s(error: BaseException) -> float:
    if isinstance(error, CredentialsError) or (isinstance(error, AwsCallError) and is_transient(error)):
        return UNANSWERED_S
    return DENIED_S if _is_denied(error) else 0


def _is_denied(error: BaseException) -> bool:
    return isinstance(error, AwsCallError) and error.code in DENIED


def goes_on(error: AwsRunError, run_id: str) -> OutOfReachError:
    """What a terminal that can't follow a run any more leaves with."""
    return OutOfReachError(
        f"{error.message}. The run {run_id} goes on without this terminal",
        hint="later: "
        + quoted("attach", run_id)
        + " follows it and fetches its results; "
        + quoted("cleanup", run_id)
        + " ends it",
    )


class Patience:
    """A closed laptop, a bad minute of AWS, a VPN that is off or credentials that ended harm no run: its deadline lives
    in AWS, and the looking goes on. `let_in`: whether looking was allowed before; what is refused at the first look
    never was, and there is nothing to wait for. `meanwhile`: what the user hears beside the error."""

    def __init__(
        self,
        clock: Clock,
        emit: Emit,
        first_wait_s: float,
        *,
        let_in: bool = True,
        meanwhile: str = "the run goes on",
    ) -> None:
        self._clock = clock
        self._emit = emit
        self._first_wait_s = first_wait_s
        self._let_in = let_in
        self._meanwhile = meanwhile

    def __call__(self, look: Callable[[], T]) -> T:
        """What `look` gives. Raises what was raised last when it lasts, and anything else at once."""
        began, told = self._clock.monotonic(), False
        wait = GrowingWait(self._clock, first_s=self._first_wait_s, longest_s=_LONGEST_WAIT_S, factor=2)
        while True:
            try:
                seen = look()
            except AwsRunError as error:
                never = _is_denied(error) and not self._let_in
                if never or self._clock.monotonic() - began >= _patience_s(error):
                    raise
                if not told:
                    told = True
                    self._emit(Notice(text=f"{error.message}; {self._meanwhile}", level="warning", hint=error.hint))
            else:
                self._let_in = True
                return seen
            wait.sleep()
