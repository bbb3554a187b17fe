"""Events and views → text. Nobody else knows a terminal.

Everything here goes to stderr; stdout belongs to a command's result. Importing this imports no terminal library: that
happens when a terminal is there to be drawn on.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, TextIO, cast

from aws_run.clock import Clock, SystemClock
from aws_run.errors import AwsRunError
from aws_run.events import Event
from aws_run.streams import ResilientStream

if TYPE_CHECKING:
    from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView

__all__ = ["Reporter", "make_reporter"]

ReporterKind = Literal["auto", "plain", "json"]


class Reporter(Protocol):
    """Used as a context manager, so that a live display ends cleanly whatever happens. Safe to call from threads."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def plan(self, view: PlanView) -> None: ...

    def emit(self, event: Event) -> None: ...

    def receipt(self, view: ReceiptView) -> None: ...

    def left(self, view: LeftView) -> None: ...

    def outcome(self, view: OutcomeView) -> None: ...

    def error(self, error: AwsRunError) -> None: ...

    def pause(self) -> AbstractContextManager[None]:
        """The live display is away inside the block: for a question to the user."""


def make_reporter(
    kind: ReporterKind = "auto",
    *,
    debug: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Reporter:
    """`auto`: live on a terminal, plain lines elsewhere and on TERM=dumb. `verbose`: the plan, the teardown and the
    receipt in full. `quiet`: nothing but failures."""
    stream = cast(TextIO, ResilientStream(stream or sys.stderr or io.StringIO()))  # stderr is None where it is closed
    environ = os.environ if environ is None else environ
    clock = clock or SystemClock()
    if kind == "json":
        from aws_run.report.jsonlines import JsonReporter

        return JsonReporter(stream, clock=clock, debug=debug)
    verbose = verbose or debug
    if quiet:
        from aws_run.report.quiet import QuietReporter

        return QuietReporter(stream)
    if kind == "auto" and stream.isatty() and environ.get("TERM", "") not in {"dumb", "unknown"}:
        from aws_run.report.console import ConsoleReporter

        return ConsoleReporter(stream, clock=clock, debug=debug, verbose=verbose, environ=environ)
    from aws_run.report.plain import PlainReporter

    return PlainReporter(stream, clock=clock, debug=debug, verbose=verbose)
