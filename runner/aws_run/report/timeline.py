"""When each part of a run began and ended, read off its events; and the same as bars of text."""

from __future__ import annotations

import threading
from typing import Literal

from aws_run.clock import Clock
from aws_run.events import (
    LANES,
    Event,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    OutputProgress,
    StatusChanged,
    TeardownStep,
)
from aws_run.frozen import frozen
from aws_run.report.format import aligned, clean, seconds

StepName = Literal["capacity", "image", "input", "waiting", "job", "results", "teardown"]
ORDER: tuple[StepName, ...] = (*LANES, "waiting", "job", "results", "teardown")
_BAR_WIDTH = 40


@frozen
class Step:
    """Times in seconds since the first event. `ended_s` None: it has not ended. `same`: there was nothing to do."""

    name: StepName
    text: str
    began_s: float
    ended_s: float | None = None
    outcome: Literal["running", "done", "same", "failed"] = "running"


class Timeline:
    """Takes events from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin: float | None = None
        self._steps: dict[StepName, Step] = {}
        self._lock = threading.Lock()

    @property
    def steps(self) -> tuple[Step, ...]:
        with self._lock:
            return tuple(self._steps[name] for name in ORDER if name in self._steps)

    @property
    def now_s(self) -> float:
        """Seconds since the first event."""
        return 0.0 if self._origin is None else self._clock.monotonic() - self._origin

    def take(self, event: Event) -> None:
        with self._lock:
            if self._origin is None:
                self._origin = self._clock.monotonic()
            now_s = self.now_s
            match event:
                case LaneStarted() | LaneProgress():
                    self._begin(event.lane, event.text, now_s)
                case LaneDone():
                    self._begin(event.lane, event.text, now_s - event.seconds)
                    self._end(event.lane, now_s, "same" if event.skipped else "done", event.text)
                case LaneFailed():
                    self._begin(event.lane, event.text, now_s)
                    self._end(event.lane, now_s, "failed", event.text)
                case StatusChanged():
                    self._status(event, now_s)
                case OutputProgress():
                    # Outputs that are followed come beside the job; what counts here is the last fetch.
                    if "results" in self._steps:
                        self._end("results", now_s, "done", f"{event.files:,} of {event.total_files:,} files")
                case TeardownStep():
                    self._begin("teardown", "", now_s)
                    failed = event.state == "failed" or self._steps["teardown"].outcome == "failed"
                    self._end("teardown", now_s, "failed" if failed else "done", "")
                case _:
                    pass

    def _status(self, event: StatusChanged, now_s: float) -> None:
        if event.status == "fetching":
            self._end("job", now_s, "done")
            self._begin("results", "", now_s)
            self._end("results", now_s, "done")
        elif event.task_is_over:
            self._end("waiting", now_s, "done")
            self._end("job", now_s, "done")
        elif event.status == "RUNNING":
            self._end("waiting", now_s, "done")
            self._begin("job", "", now_s)
        else:
            self._begin("waiting", event.status.lower(), now_s)

    def _begin(self, name: StepName, text: str, now_s: float) -> None:
        self._steps.setdefault(name, Step(name=name, text=text, began_s=max(now_s, 0.0)))

    def _end(
        self, name: StepName, now_s: float, outcome: Literal["done", "same", "failed"], text: str | None = None
    ) -> None:
        step = self._steps.get(name)
        if step is None or (step.ended_s is not None and name in ("waiting", "job")):
            return
        self._steps[name] = Step(
            name=name, text=step.text if text is None else text, began_s=step.began_s, ended_s=now_s, outcome=outcome
        )


def timeline_lines(steps: tuple[Step, ...], now_s: float) -> list[str]:
    """One line a step: its name, a bar on one scale for all, how long it took, and what came of it."""
    whole_s = max([now_s, *(step.ended_s or 0.0 for step in steps)])
    rows = []
    for step in steps:
        ended_s = now_s if step.ended_s is None else step.ended_s
        words = {"running": "not finished", "failed": "failed", "same": "nothing to do", "done": ""}[step.outcome]
        text = ": ".join(filter(None, (words, clean(step.text))))
        rows.append([step.name, _bar(step.began_s, ended_s, whole_s), seconds(ended_s - step.began_s), text])
    return aligned(rows) if rows else []


def _bar(began_s: float, ended_s: float, whole_s: float) -> str:
    if whole_s <= 0:
        return "░" * _BAR_WIDTH
    first = min(int(began_s / whole_s * _BAR_WIDTH), _BAR_WIDTH - 1)
    last = max(min(round(ended_s / whole_s * _BAR_WIDTH), _BAR_WIDTH), first + 1)
    return "░" * first + "█" * (last - first) + "░" * (_BAR_WIDTH - last)
