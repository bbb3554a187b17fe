"""How long a job may still take after it got a stop signal: what the last sync leaves of the stop window.

What is not in S3 when the window ends is lost with the machine, so the sync comes first: the more there is to send, the
less time the job gets. Both are seconds of the same window, and together never more than it.
"""

from __future__ import annotations

import calendar
import threading
import time
from typing import Callable, NamedTuple, Optional

from .contract import EndReason
from .documents import parse_object
from .errors import describe

# From a deadline on nobody stops us for 5 minutes at least (Fargate's schedule; an instance's switch takes 10).
DEADLINE_WINDOW_S = 270.0
_NOTICE_WINDOW_S = 110.0  # two minutes, less what the host and we need to notice
_NOTICE_MARGIN_S = 5.0
_MOST_NOTICE_BYTES = 16 * 1024
_LEAST_RESERVE_S = 15.0
_LEAST_FOR_THE_JOB_S = 10.0
_SAFETY = 1.5
# Assumed until this run's own syncs have been measured: round trips, requests and bytes of a small machine.
_FIXED_S = 2.0
_FILES_PER_S = 200.0
_BYTES_PER_S = 25e6


class Amount(NamedTuple):
    files: int
    bytes: int

    def plus(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.bytes + other.bytes)


class Pace:
    """Seconds that a sync takes. The proportions of the model are fixed; this run's own syncs scale it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # outputs and checkpoint are sent by a thread each
        self._took = self._expected = 0.0

    def note(self, sent: Amount, seconds: float) -> None:
        if sent.files:
            with self._lock:
                self._took += seconds
                self._expected += _model_s(sent)

    def seconds(self, amount: Amount) -> float:
        with self._lock:
            took, expected = self._took, self._expected
        scale = min(max(took / expected, 0.2), 20.0) if expected else 1.0
        return scale * _model_s(amount)


def _model_s(amount: Amount) -> float:
    return _FIXED_S + amount.files / _FILES_PER_S + amount.bytes / _BYTES_PER_S


def reserve_s(needed_s: float, window_s: float) -> float:
    """The part of the window that is kept for the last sync; some of it is always the job's."""
    most = max(0.0, window_s - min(_LEAST_FOR_THE_JOB_S, window_s / 4))
    return min(most, max(_LEAST_RESERVE_S, _SAFETY * needed_s))


def grace_s(stop_grace_s: float, window_s: float, kept_s: float) -> float:
    """What the job gets between SIGTERM and SIGKILL."""
    return max(0.0, min(stop_grace_s, window_s - kept_s))


def notice_window_s(text: str, now: float) -> float:
    """Seconds until the machine goes, by a Spot notice: {"action":"terminate","time":"2026-01-02T03:04:05Z"}."""
    try:
        when = parse_object(text.encode("utf-8", "replace"), most_bytes=_MOST_NOTICE_BYTES).text("time", most_chars=40)
        at = calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ"))
    except (ValueError, OverflowError):
        return _NOTICE_WINDOW_S
    return min(max(at - now - _NOTICE_MARGIN_S, 0.0), _NOTICE_WINDOW_S)


class StopPlan:
    """The grace of one stop, computed anew while it lasts: a job that writes much during its grace gets less of it.

    `unsaved` reads the folders, which may take long: at most a tenth of the time is spent on it.
    """

    def __init__(
        self,
        *,
        stop_grace_s: float,
        stop_window_s: float,
        notice_file: Optional[str],
        unsaved: Callable[[], Amount],
        pace: Pace,
        say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._stop_grace_s = stop_grace_s
        self._stop_window_s = stop_window_s
        self._notice_file = notice_file
        self._unsaved = unsaved
        self._pace = pace
        self._say = say
        self._now = now
        self._wall = wall
        self._window_s: Optional[float] = None
        self._next_look_at: Optional[float] = None
        self._grace_s = 0.0

    def grace(self, reason: EndReason) -> float:
        """Seconds from the stop to SIGKILL. Called about once a second from the stop on."""
        began = self._now()
        if self._next_look_at is not None and began < self._next_look_at:
            return self._grace_s
        window_s = self.window_s(reason)
        try:
            amount = self._unsaved()
            needed_s, how_much = self._pace.seconds(amount), f"{amount.files} files, {amount.bytes / 1e6:.1f} MB"
        except Exception as error:  # noqa: BLE001 - a job that is not stopped in time is worse than one stopped early
            needed_s, how_much = window_s / 2 / _SAFETY, f"the amount is unknown, {describe(error)}"
        kept_s = reserve_s(needed_s, window_s)
        self._grace_s = grace_s(self._stop_grace_s, window_s, kept_s)
        if self._next_look_at is None:
            self._say(
                f"{reason}: the job has {self._grace_s:.0f} s to end; {kept_s:.0f} s are kept to save what is new "
                f"({how_much})"
            )
        self._next_look_at = self._now() + max(1.0, 10 * (self._now() - began))
        return self._grace_s

    def window_s(self, reason: EndReason) -> float:
        """From the stop until nothing can be saved any more; the same for the whole of one stop."""
        if self._window_s is None:
            self._window_s = self._window(reason)
        return self._window_s

    def _window(self, reason: EndReason) -> float:
        if reason is EndReason.DEADLINE:
            return DEADLINE_WINDOW_S
        if reason is not EndReason.SPOT_NOTICE or not self._notice_file:
            return self._stop_window_s
        try:
            with open(self._notice_file, encoding="utf-8", errors="replace") as file:
                return notice_window_s(file.read(4096), self._wall())
        except OSError:
            return _NOTICE_WINDOW_S
