"""`logs` prints what there is, and says where there is nothing; `logs -f` goes on until the run has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.fakes import refused
from tests.unit.lifecycle.memory_run import KEYS, LookedAtRun

from aws_run.backends.executor import LogSource, TaskHandle
from aws_run.errors import AwsRunError, OutOfReachError
from aws_run.events import JobLimits, JobProgress, LogLine, Notice, StatusChanged
from aws_run.lifecycle.follow.until_end import InterruptedAfterEnd
from aws_run.lifecycle.run_status import RunStatus
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome, Record
from aws_run.usecases.logs import follow_logs, logs

HELLO = "hello from memory"
BAR = "\u240d0 10%"


class Printed(LookedAtRun):
    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def follow(self, *, raw: bool = False) -> RunStatus | None:
        return follow_logs(self.context, None, "demo", show=lambda line: self.shown.append(line.text), raw=raw)

    def print(self, *, raw: bool = False) -> list[str]:
        return [line.text for line in logs(self.context, None, "demo", raw=raw)]

    def reads(self, *parts: list[str]) -> None:
        """What one reading of the task's log after the other gives."""
        given = list(parts)

        class Parts:
            def read(self) -> Iterator[LogLine]:
                yield from (LogLine(timestamp_ms=0, text=text) for text in (given.pop(0) if given else ()))

            def last(self, count: int) -> list[LogLine]:
                return []

        def log_source(record: Record, handle: TaskHandle) -> LogSource:
            return Parts()

        self.backend.executor.log_source = log_source  # type: ignore[method-assign]

    @property
    def notices(self) -> list[Any]:
        return self.events.of(Notice)


@pytest.fixture
def run() -> Printed:
    return Printed()


# -- -f -----------------------------------------------------------------------------------------------------------


def test_following_goes_on_with_the_attempt_after_a_spot_interruption(run: Printed) -> None:
    run.then = run.lose_its_machine
    ended = run.follow()
    assert run.shown == [HELLO, HELLO]
    assert ended is not None
    assert ended.exit_code == 0
    assert run.record.outcome is not None


def test_lines_that_come_after_the_task_has_stopped_are_waited_for(run: Printed) -> None:
    run.reads(["one"], [], ["late"])
    run.follow()
    assert run.shown == ["one", "late"]


def test_the_status_line_has_what_it_needs(run: Printed) -> None:
    run.follow()
    assert len(run.events.of(JobLimits)) == 1
    assert "RUNNING" in [event.status for event in run.events.of(StatusChanged)]
    assert not run.events.of(LogLine), "lines are shown, and nothing else is"


@pytest.mark.parametrize(("raw", "shown"), [(False, ["one", "two"]), (True, ["one", BAR, "two"])])
def test_raw_lines_have_the_states_of_bars_which_are_on_the_status_line_either_way(
    run: Printed, raw: bool, shown: list[str]
) -> None:
    run.reads(["one", BAR], ["two"])
    run.follow(raw=raw)
    assert run.shown == shown
    assert run.events.of(JobProgress)[0].lines == ("10%",)


def test_of_a_run_that_has_ended_following_shows_the_log_once(run: Printed) -> None:
    run.follow()
    run.shown.clear()
    assert run.follow() is None
    assert run.shown == [HELLO]


def test_a_run_that_ended_while_nobody_looked_is_finished_and_its_log_shown(run: Printed) -> None:
    run.run_task_to_its_end()
    assert run.follow() is not None
    assert run.shown == [HELLO]
    assert run.record.state == "removed"


def test_a_bad_minute_is_waited_out_and_a_bad_quarter_of_an_hour_leaves_the_run_alone(run: Printed) -> None:
    def then(look: int) -> None:
        if look > 1:
            raise refused("ServiceUnavailable")

    run.then = then
    with pytest.raises(OutOfReachError, match="goes on") as raised:
        run.follow()
    assert run.clock.elapsed_s >= 15 * 60
    assert "aws-run attach" in str(raised.value.hint)


def test_ctrl_c_at_the_log_of_an_ended_run_is_told_apart(run: Printed) -> None:
    run.follow()

    def interrupted(line: LogLine) -> None:
        raise KeyboardInterrupt

    with pytest.raises(InterruptedAfterEnd):
        follow_logs(run.context, None, "demo", show=interrupted)


# -- without ------------------------------------------------------------------------------------------------------


def test_the_last_states_of_bars_are_lines(run: Printed) -> None:
    run.reads(["one", BAR])
    assert run.print() == ["one", "10%"]


def test_a_run_that_has_printed_nothing_yet_says_so(run: Printed) -> None:
    assert run.print() == []
    assert run.notices[0].text == "the run has no log yet"
    assert run.notices[0].hint == f"`aws-run logs {run.record.run_id} -f` follows it"


@pytest.mark.parametrize("exit_code", [0, 130])
def test_a_run_without_a_log_says_so_and_who_knows_more_of_a_failure(run: Printed, exit_code: int) -> None:
    outcome = Outcome(exit_code=exit_code, reason=OutcomeReason.CANCELLED, sentence="aws-run: cancelled")
    run.writer.change(lambda record: replace(record.with_outcome(outcome), state="removed"), now=True)
    run.service.tasks.clear()
    assert KEYS.log not in run.bucket.objects
    assert run.print() == []
    assert run.notices[0].text == "the run has saved no log"
    assert ("aws-run explain" in str(run.notices[0].hint)) is (exit_code != 0)


def test_raw_lines_that_are_gone_are_an_error(run: Printed) -> None:
    run.follow()
    run.service.tasks.clear()
    with pytest.raises(AwsRunError, match="CloudWatch has no log"):
        run.print(raw=True)
