"""For a step of a GitHub workflow: plain lines in groups, annotations, a job's log that can't command the runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TextIO

from aws_run.clock import Clock
from aws_run.errors import AwsRunError, Place
from aws_run.events import (
    Event,
    LaneDone,
    LaneFailed,
    LaneProgress,
    LaneStarted,
    LogLine,
    LookProgress,
    Notice,
    OutputProgress,
    StatusChanged,
    TeardownStep,
)
from aws_run.report.errors import error_lines
from aws_run.report.format import clean
from aws_run.report.plain import PlainReporter
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView

_MOST_WARNINGS = 9  # GitHub shows ten of a step, and one is left for the error


class _Group(Enum):
    """The groups that the log folds, by their titles."""

    PLAN = "Plan"
    START = "Start"
    JOB = "Output of the job"
    END = "Results and teardown"


class GithubReporter:
    """`workspace`: the folder that annotations name files relative to. `new_token`: a word that nobody can guess, at
    each call another: between it and its repetition the runner carries out no commands."""

    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Clock,
        workspace: Path,
        new_token: Callable[[], str],
        debug: bool = False,
    ) -> None:
        self._stream = stream
        self._plain = PlainReporter(stream, clock=clock, debug=debug)
        self._workspace = workspace
        self._new_token = new_token
        # Re-entrant: a signal handler may report while its own thread is reporting.
        self._lock = threading.RLock()
        self._group: _Group | None = None
        self._token: str | None = None
        self._warnings: list[str] = []

    def __enter__(self) -> GithubReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._enter(None)
            self._annotate_warnings()

    @contextmanager
    def pause(self) -> Iterator[None]:
        yield

    def emit(self, event: Event) -> None:
        with self._lock:
            group = _group_of(event)
            if group is not None:
                self._enter(group)
            self._plain.emit(event)
            if isinstance(event, Notice) and event.level == "warning":
                self._warnings.append(event.text if not event.hint else f"{event.text}\n{event.hint}")

    def plan(self, view: PlanView) -> None:
        with self._lock:
            before = self._group
            self._enter(_Group.PLAN)
            self._plain.plan(view)
            self._enter(before if before is not _Group.PLAN else None)

    def receipt(self, view: ReceiptView) -> None:
        self._plain.receipt(view)

    def left(self, view: LeftView) -> None:
        self._plain.left(view)

    def outcome(self, view: OutcomeView) -> None:
        with self._lock:
            self._enter(None)
            self._plain.outcome(view)

    def error(self, error: AwsRunError) -> None:
        with self._lock:
            self._enter(None)
            message = error.message if not error.hint else f"{error.message}\n{error.hint}"
            self._write(annotation("error", message, place=error.place, workspace=self._workspace))
            # The annotation is the message already; what is beside it follows as it is.
            lines = [line for role, line in error_lines(error) if role in ("log", "command")]
            self._write("\n".join(lines)) if lines else None

    def _annotate_warnings(self) -> None:
        for text in dict.fromkeys(self._warnings[:_MOST_WARNINGS]):
            self._write(annotation("warning", text))
        self._warnings.clear()

    def _enter(self, group: _Group | None) -> None:
        if group is self._group:
            return
        if self._token is not None:
            self._write(f"::{self._token}::")
            self._token = None
        if self._group is not None:
            self._write("::endgroup::")
        self._group = group
        if group is not None:
            self._write(f"::group::{group.value}")
        if group is _Group.JOB:
            self._token = self._new_token()
            self._write(f"::stop-commands::{self._token}")

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _group_of(event: Event) -> _Group | None:
    """None: it goes where the last one went."""
    match event:
        case LogLine():
            return _Group.JOB
        case LookProgress() | LaneStarted() | LaneProgress() | LaneDone() | LaneFailed():
            return _Group.START
        case TeardownStep() | OutputProgress() | StatusChanged(status="fetching"):
            return _Group.END
        case _:
            return None


def annotation(level: str, message: str, *, place: Place | None = None, workspace: Path | None = None) -> str:
    """One `::error::` or `::warning::`, at the line of a file where that is known."""
    properties = {"title": "aws-run"}
    if place is not None:
        properties = {"file": _relative(place.path, workspace), **properties}
        if place.line is not None:
            properties["line"] = str(place.line)
    given = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{escape_data(_lines(message))}"


def escape_data(text: str) -> str:
    """As the runner reads it back (actions/toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _relative(path: Path, workspace: Path | None) -> str:
    if workspace is not None and path.is_absolute():
        try:
            return clean(str(path.relative_to(workspace)))
        except ValueError:
            return clean(str(path))
    return clean(str(path))
