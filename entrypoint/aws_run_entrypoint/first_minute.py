"""What S3 refuses in a container's first minute and grants a moment later: IAM needs seconds to tell all of AWS about a
new role's policy, and S3 minutes to find what was put into a bucket whose versioning has just been enabled
(S3 API reference, PutBucketVersioning)."""

from __future__ import annotations

import time
from typing import Callable, Optional, TypeVar

from .transfer import ChangedError, EngineError, NoManifestError, S3Error

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 10.0


class FirstMinute:
    """`lasts_s`: how long it is, from this object's making on."""

    def __init__(
        self,
        lasts_s: float,
        say: Callable[[str], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._say = say
        self._monotonic = monotonic
        self._sleep = sleep
        self._ends = monotonic() + lasts_s

    def patiently(self, action: Callable[[], T]) -> T:
        """`action()`, tried again while what it raises may pass. What it has fetched must not be fetched again."""
        wait_s, told = _FIRST_WAIT_S, False
        while True:
            try:
                return action()
            except EngineError as error:
                if not may_pass(error) or self._monotonic() >= self._ends:
                    raise
                if not told:
                    self._say(f"{error}; the run's role or bucket is new, so this is tried again for a minute")
                told = True
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def may_pass(error: EngineError) -> bool:
    """A 403, or a 404 of what the tool itself had put there when the run was accepted."""
    if isinstance(error, NoManifestError):
        return True
    refusal = _refusal(error)
    if refusal is None:
        return False
    return refusal.status == 403 or (refusal.absent and not isinstance(error, ChangedError))


def _refusal(error: Optional[BaseException]) -> Optional[S3Error]:
    """S3's own, which the engine's errors may have as their cause."""
    while error is not None and not isinstance(error, S3Error):
        error = error.__cause__
    return error
