"""Nothing but failures: for --quiet, where stdout has the job's own lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from aws_run.errors import AwsRunError
from aws_run.events import Event, TeardownStep
from aws_run.report.errors import render_error
from aws_run.report.format import clean
from aws_run.report.text import outcome_head
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView
from aws_run.report.wrapping import lines_for, terminal_width


class QuietReporter:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> QuietReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def emit(self, event: Event) -> None:
        """What could not be removed may bill, and is told all the same."""
        if isinstance(event, TeardownStep) and event.state == "failed":
            self._write(f"not removed: {event.kind} {event.name}: {event.detail}")

    def plan(self, view: PlanView) -> None:
        return None

    def receipt(self, view: ReceiptView) -> None:
        return None

    def left(self, view: LeftView) -> None:
        return None

    def outcome(self, view: OutcomeView) -> None:
        if not view.succeeded:
            self._write(outcome_head(view))
        for text in view.warnings:
            self._write(f"warning: {text}")

    def error(self, error: AwsRunError) -> None:
        self._stream.write(render_error(error, terminal_width(self._stream)) + "\n")
        self._stream.flush()

    @contextmanager
    def pause(self) -> Iterator[None]:
        yield

    def _write(self, line: str) -> None:
        self._stream.write("\n".join(lines_for(self._stream, clean(line))) + "\n")
        self._stream.flush()
