"""Events and views as JSON objects, one per line."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO

from aws_run.clock import Clock
from aws_run.errors import AwsRunError, BuildError, TeardownError
from aws_run.events import Event, Notice
from aws_run.report.format import json_text
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView, View


def to_data(value: object) -> Any:
    """`value` as types that `json` writes: dataclasses as objects, money as numbers, days and paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_data(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_data(inner) for inner in value]
    return value


def to_json(event: Event | View) -> dict[str, Any]:
    """`{"event": "lane_started", …}` for `json.dumps`; a view's event is its class name without "View"."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__.removesuffix("View")).lower()
    return {"event": name, **to_data(event)}


def error_data(error: AwsRunError) -> dict[str, Any]:
    data: dict[str, Any] = {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    if isinstance(error, BuildError):
        data["log_tail"] = list(error.log_tail)
    if isinstance(error, TeardownError):
        data["commands"] = list(error.commands)
    return data


class JsonReporter:
    """Each line has the time in UTC as well."""

    def __init__(self, stream: TextIO, *, clock: Clock, debug: bool = False) -> None:
        self._stream = stream
        self._clock = clock
        self._debug = debug
        self._lock = threading.Lock()

    def __enter__(self) -> JsonReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def emit(self, event: Event) -> None:
        if not isinstance(event, Notice) or event.level != "debug" or self._debug:
            self._write(to_json(event))

    def plan(self, view: PlanView) -> None:
        self._write(to_json(view))

    def receipt(self, view: ReceiptView) -> None:
        self._write(to_json(view))

    def left(self, view: LeftView) -> None:
        self._write(to_json(view))

    def outcome(self, view: OutcomeView) -> None:
        self._write(to_json(view))

    def error(self, error: AwsRunError) -> None:
        self._write({"event": "error", **error_data(error)})

    @contextmanager
    def pause(self) -> Iterator[None]:
        yield

    def _write(self, data: dict[str, Any]) -> None:
        at = self._clock.now().isoformat(timespec="milliseconds")
        with self._lock:
            self._stream.write(json_text({"at": at, **data}) + "\n")
            self._stream.flush()
