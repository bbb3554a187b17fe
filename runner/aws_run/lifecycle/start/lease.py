"""The machine that waits for its image and input: for a bounded time, and not at the user's cost after that.

Whoever is at it, the group's own switch ends the machine a little later (backends/ec2/backend.py).
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from aws_run.backends.base import Backend
from aws_run.clock import Clock
from aws_run.errors import AwsRunError
from aws_run.events import Emit, Notice
from aws_run.runs.spec import RunSpec

_TRIES_AGAIN_AFTER = timedelta(seconds=30)


class Lease:
    """`begin` is called in the lane that makes the capacity, everything else in the thread that waits for the lanes.

    Time is the account's: a laptop that slept finds the switch's work done.
    """

    def __init__(self, backend: Backend, spec: RunSpec, clock: Clock, emit: Emit) -> None:
        self._backend = backend
        self._spec = spec
        self._clock = clock
        self._emit = emit
        self._bound = timedelta(seconds=spec.idle_s)
        self._lock = threading.Lock()
        self._since: datetime | None = None  # since when a machine may wait; None: none was asked for, or it is gone
        self._given_back = False
        self._before = timedelta()  # how long those that were given back had waited
        self._next_try: datetime | None = None

    def begin(self) -> None:
        """Asks for the machine."""
        with self._lock:
            if self._bound:
                self._since = self._clock.now()  # before the call: its answer may be long in coming
            self._backend.raise_capacity(self._spec)

    def look(self, waits_for: str) -> None:
        """Gives the machine back when it has waited long enough. Called again and again."""
        if not self._lock.acquire(blocking=False):
            return  # it is being asked for
        try:
            now = self._clock.now()
            if self._since is None or now - self._since < self._bound:
                return
            if self._next_try is not None and now < self._next_try:
                return
            self._end(now)
        except AwsRunError as error:
            self._next_try = self._clock.now() + _TRIES_AGAIN_AFTER
            text = f"the waiting machine could not be given back ({error.message}); its own switch ends it in minutes"
            self._emit(Notice(text=text, level="warning"))
        else:
            text = (
                f"the machine has waited {self._minutes()} for {waits_for} and was given back, so that it costs no more"
            )
            self._emit(Notice(text=f"{text}; another is asked for when all is ready", level="warning"))
        finally:
            self._lock.release()

    def ready(self) -> None:
        """Image and input are there: from here on a machine is on its way or waits for the task."""
        with self._lock:
            now = self._clock.now()
            if self._since is not None and now - self._since >= self._bound:
                self._end(now)
            if not self._given_back:
                return
            self._given_back = False
            self._since = self._clock.now()
            self._emit(Notice(text="image and input are ready: asking for a machine again"))
            self._backend.raise_again(self._spec)

    @property
    def used_s(self) -> float:
        """How long machines have waited so far: what is billed before the job's clock starts."""
        with self._lock:
            waited = self._clock.now() - self._since if self._since is not None else timedelta()
            return (self._before + waited).total_seconds()

    def _end(self, now: datetime) -> None:
        assert self._since is not None
        self._backend.give_back(self._spec)
        # A client that slept longer than this has slept through the switch.
        self._before += min(now - self._since, 2 * self._bound)
        self._since, self._given_back = None, True

    def _minutes(self) -> str:
        seconds = round(self._before.total_seconds())
        return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds // 60} min {seconds % 60} s"
