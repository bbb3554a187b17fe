"""Events, views and errors as JSON objects, one a line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from tests.unit.fakes import FakeClock

from aws_run.errors import BuildError, TeardownError, UsageError
from aws_run.events import Event, LogLine, Notice, StatusChanged
from aws_run.report.jsonlines import JsonReporter, error_data, to_json

from .conftest import LEFT, OUTCOME, PLAN, RECEIPT, RUN


def test_an_event_is_an_object_named_in_snake_case() -> None:
    assert to_json(StatusChanged(status="RUNNING", detail="i-0abc")) == {
        "event": "status_changed",
        "status": "RUNNING",
        "detail": "i-0abc",
    }


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert len(get_args(Event)) >= 10
    names = {type_.__name__ for type_ in get_args(Event)}
    assert len(names) == len(get_args(Event))


def test_views_are_objects_too_with_money_as_numbers() -> None:
    data = to_json(replace(OUTCOME, receipt=RECEIPT, left=LEFT))
    assert json.loads(json.dumps(data)) == data
    assert data["event"] == "outcome"
    assert data["exit_code"] == 7
    assert data["output_dir"] == "/home/me/out"
    assert data["receipt"]["total_usd"] == 0.01872
    assert data["receipt"]["priced_on"] == "2026-11-01"
    assert data["receipt"]["left_out"] == ["data transfer", "tax"]
    assert data["left"]["rows"][1]["state"] == "failed"
    assert to_json(PLAN)["lanes"][0]["rows"][0]["action"] == "reuse"


def test_a_missing_exit_code_is_null_and_not_0() -> None:
    assert to_json(replace(OUTCOME, exit_code=None))["exit_code"] is None


def test_errors_carry_what_their_kind_knows() -> None:
    assert error_data(UsageError("Wrong.", hint="Right.")) == {
        "type": "UsageError",
        "message": "Wrong.",
        "hint": "Right.",
        "exit_code": 2,
    }
    assert error_data(BuildError("No.", log_tail=("a", "b")))["log_tail"] == ["a", "b"]
    assert error_data(TeardownError("No.", commands=("aws x",)))["commands"] == ["aws x"]


def test_lines_are_ascii_objects_with_the_time(
    stream: io.StringIO, clock: FakeClock, written: Callable[[], list[str]]
) -> None:
    with JsonReporter(stream, clock=clock) as reporter:
        reporter.emit(LogLine(timestamp_ms=5, text="Grüße\n\x1b[0m"))
        clock.sleep(1.5)
        reporter.outcome(OUTCOME)
        reporter.error(UsageError("Wrong."))
        reporter.emit(Notice(text="x", level="debug"))
    log, outcome, error = written()
    assert log == (
        '{"at": "2026-11-21T04:15:00.000+00:00", "event": "log_line", "timestamp_ms": 5, '
        '"text": "Gr\\u00fc\\u00dfe\\n\\u001b[0m"}'
    )
    assert json.loads(outcome)["at"] == "2026-11-21T04:15:01.500+00:00"
    assert json.loads(outcome)["run_id"] == RUN
    assert json.loads(error)["event"] == "error"


def test_debug_notices_are_lines_when_asked_for(
    stream: io.StringIO, clock: FakeClock, written: Callable[[], list[str]]
) -> None:
    JsonReporter(stream, clock=clock, debug=True).emit(Notice(text="24 round trips", level="debug"))
    assert json.loads(written()[0])["text"] == "24 round trips"
