"""Following one task: what is shown, when the log is read, and when the following is given up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from tests.unit.fakes import START, Events, FakeClock, refused

from aws_run.backends.executor import EndCause, TaskEnd, TaskHandle, TaskPhase, TaskState
from aws_run.errors import AwsCallError, AwsRunError, CapacityError
from aws_run.events import JobProgress, LogLine, Notice, StatusChanged
from aws_run.lifecycle.follow.watch import Watch

HANDLE = TaskHandle(id="task-1", place="cluster-1")
POLL_S, LONGEST_POLL_S = 0.5, 4.0


def state(phase: TaskPhase, status: str | None = None) -> TaskState:
    end = TaskEnd(cause=EndCause.EXITED, exit_code=0) if phase is TaskPhase.STOPPED else None
    return TaskState(handle=HANDLE, phase=phase, status=status or phase.value.upper(), attempt=1, end=end)


WAITING, STARTING, RUNNING, STOPPED = (
    state(phase) for phase in (TaskPhase.WAITING, TaskPhase.STARTING, TaskPhase.RUNNING, TaskPhase.STOPPED)
)


@dataclass
class Scripted:
    """An executor and a log that answer in turn, the last state again and again; an exception is raised."""

    states: list[TaskState | Exception | None]
    lines: list[list[str]] = field(default_factory=list)

    def state(self, handle: TaskHandle) -> TaskState | None:
        assert handle == HANDLE
        answer = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self) -> Iterator[LogLine]:
        for text in self.lines.pop(0) if self.lines else ():
            yield LogLine(timestamp_ms=0, text=text)


class Followed:
    def __init__(
        self,
        *states: TaskState | Exception | None,
        lines: list[list[str]] | None = None,
        check_capacity: Callable[[], None] = lambda: None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.clock, self.events, self.kept, self.placed = FakeClock(), Events(), list[str](), list[float]()
        script = Scripted(list(states), lines or [])
        self.watch = Watch(
            script,  # type: ignore[arg-type]
            script,
            HANDLE,
            clock=self.clock,
            emit=self.events.emit,
            poll_s=POLL_S,
            longest_poll_s=LONGEST_POLL_S,
            check_capacity=check_capacity,
            on_placed=lambda: self.placed.append(self.clock.elapsed_s),
            keep=lambda line: self.kept.append(line.text),
            is_over=is_over,
        )


def test_each_status_is_shown_once_and_the_last_state_is_returned() -> None:
    followed = Followed(WAITING, WAITING, STARTING, RUNNING, RUNNING, STOPPED)
    assert followed.watch.follow() is STOPPED
    shown = [event.status for event in followed.events.of(StatusChanged)]
    assert shown == ["WAITING", "STARTING", "RUNNING", "STOPPED"]


def test_the_machine_is_announced_once_when_the_task_has_it() -> None:
    followed = Followed(WAITING, STARTING, STARTING, RUNNING, STOPPED)
    followed.watch.follow()
    assert followed.placed == [POLL_S]


def test_lines_are_kept_and_shown_in_their_order_those_after_the_end_included() -> None:
    followed = Followed(RUNNING, RUNNING, STOPPED, lines=[["one"], ["two"], [], ["after the end"]])
    followed.watch.follow()
    assert followed.kept == ["one", "two", "after the end"]
    assert [event.text for event in followed.events.of(LogLine)] == followed.kept


@pytest.mark.parametrize(("ended_s_ago", "longest_s"), [(0, 1.5), (1, 0.5), (10, 0.0)])
def test_the_log_is_waited_for_from_the_jobs_end_and_not_from_when_the_service_tells_of_it(
    ended_s_ago: int, longest_s: float
) -> None:
    ended = replace(STOPPED, stopping_at=START - timedelta(seconds=ended_s_ago), stopped_at=START)
    followed = Followed(ended, lines=[["one", "two"], []])
    followed.watch.follow()
    assert followed.kept == ["one", "two"]
    assert followed.clock.elapsed_s <= longest_s


def test_a_line_that_comes_late_is_waited_for_again() -> None:
    followed = Followed(RUNNING, replace(STOPPED, stopped_at=START), lines=[["one"], [], ["late"], [], ["later"]])
    followed.watch.follow()
    assert followed.kept == ["one", "late", "later"]


def test_what_the_job_redraws_is_shown_and_not_kept() -> None:
    followed = Followed(
        RUNNING, RUNNING, STOPPED, lines=[["one", "\u240d0 10%"], ["\u240d0 20%", "\u240d1 in"], ["100%", "two"]]
    )
    followed.watch.follow()
    assert followed.kept == ["one", "100%", "two"]
    shown = [event.lines for event in followed.events.of(JobProgress)]
    assert shown == [("10%",), ("20%",), ("20%", "in"), ()]


def test_looks_become_rarer_while_nothing_happens_and_frequent_again_with_a_line() -> None:
    quiet: list[list[str]] = [[] for _ in range(12)]
    followed = Followed(*[RUNNING] * 14, STOPPED, lines=[*quiet, ["a line"], []])
    followed.watch.follow()
    waits = followed.clock.slept[:14]
    assert waits[:12] == sorted(waits[:12])
    assert max(waits) == LONGEST_POLL_S
    assert waits[12] == POLL_S


def test_a_task_that_is_not_known_yet_is_waited_for() -> None:
    assert Followed(*[None] * 5, RUNNING, STOPPED).watch.follow() is STOPPED


def test_a_task_that_was_seen_and_is_forgotten_ends_the_following_with_what_was_seen() -> None:
    assert Followed(RUNNING, None).watch.follow() is RUNNING


def test_a_task_whose_end_another_client_has_noted_is_waited_for_no_longer() -> None:
    noted, unnoted = Followed(RUNNING, None, is_over=lambda: True), Followed(RUNNING, None)
    for followed in (noted, unnoted):
        assert followed.watch.follow() is RUNNING
    assert len(unnoted.clock.slept) - len(noted.clock.slept) == 10


def test_a_task_that_stays_unknown_is_an_error_that_says_what_to_type() -> None:
    with pytest.raises(AwsRunError, match="does not know the task task-1") as raised:
        Followed(None).watch.follow()
    assert "aws-run status" in (raised.value.hint or "")


@pytest.mark.parametrize("code", ["ConnectionError", "ThrottlingException", "AccessDeniedException"])
def test_an_answer_that_fails_is_told_once_and_the_following_goes_on(code: str) -> None:
    followed = Followed(RUNNING, refused(code), refused(code), STOPPED)
    assert followed.watch.follow() is STOPPED
    (notice,) = followed.events.of(Notice)
    assert notice.text.endswith("the run goes on")


def test_an_answer_that_is_about_the_run_is_raised_at_once() -> None:
    followed = Followed(RUNNING, refused("ClusterNotFoundException"))
    with pytest.raises(AwsCallError, match="ClusterNotFoundException"):
        followed.watch.follow()
    assert followed.clock.slept == [POLL_S]


def test_the_capacity_is_looked_at_every_five_seconds_until_there_is_a_machine() -> None:
    looked: list[float] = []
    followed = Followed(
        *[WAITING] * 30, *[RUNNING] * 30, STOPPED, check_capacity=lambda: looked.append(followed.clock.elapsed_s)
    )
    followed.watch.follow()
    assert len(looked) > 5
    assert all(later - earlier >= 5 for earlier, later in itertools.pairwise(looked))
    assert looked[-1] <= followed.placed[0]


def test_no_machine_for_twenty_minutes_is_a_capacity_error_that_names_the_usual_cause() -> None:
    followed = Followed(WAITING)
    with pytest.raises(CapacityError, match="no machine for 20 minutes") as raised:
        followed.watch.follow()
    assert "NAT gateway" in (raised.value.hint or "")
    assert 20 * 60 < followed.clock.elapsed_s < 21 * 60


def test_a_refused_capacity_ends_the_following_with_its_own_words() -> None:
    def none() -> None:
        raise CapacityError("no spot capacity for g6.xlarge")

    with pytest.raises(CapacityError, match="no spot capacity"):
        Followed(WAITING, check_capacity=none).watch.follow()
