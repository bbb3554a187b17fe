"""Three lanes side by side: the first error wins, the others stop at their next step, and no thread holds up the end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from traceback import walk_stack
from types import FrameType
from typing import Any

import pytest
from tests.unit.fakes import START, Events, FakeClock
from tests.waiting import PATIENCE_S, until

from aws_run.errors import AwsRunError, BuildError
from aws_run.events import LaneDone, LaneFailed, LaneStarted
from aws_run.lifecycle.start.lanes import LaneResult, LaneRunner, Stopped
from aws_run.runs.record import LaneEntry


class Lanes:
    def __init__(self) -> None:
        self.events = Events()
        self.stop = threading.Event()
        self.clock = FakeClock()
        self.runner = LaneRunner(emit=self.events.emit, clock=self.clock, stop=self.stop)

    def join(self, while_waiting: Callable[[], None] = lambda: None) -> Any:
        return self.runner.join(while_waiting, every_s=0.001)


@pytest.fixture
def lanes() -> Lanes:
    return Lanes()


def ended(lanes: Lanes, kind: type) -> dict[str, str]:
    return {event.lane: event.text for event in lanes.events.of(kind)}


def test_all_three_run_at_once_and_each_gives_its_result(lanes: Lanes) -> None:
    meeting = threading.Barrier(3, timeout=PATIENCE_S)

    def work(result: str, skipped: bool) -> Callable[[], LaneResult[str]]:
        def body() -> LaneResult[str]:
            meeting.wait()  # only when all three are there does any go on
            return LaneResult(value=result, text=f"{result} done", skipped=skipped)

        return body

    for lane, skipped in (("capacity", False), ("image", True), ("input", False)):
        lanes.runner.start(lane, "begins", work(lane, skipped))  # type: ignore[arg-type]
    assert lanes.join() == {"capacity": "capacity", "image": "image", "input": "input"}
    assert set(ended(lanes, LaneStarted)) == {"capacity", "image", "input"}
    assert ended(lanes, LaneDone) == {lane: f"{lane} done" for lane in ("capacity", "image", "input")}
    assert {event.lane for event in lanes.events.of(LaneDone) if event.skipped} == {"image"}


def test_the_first_error_is_the_one_that_is_raised_and_the_others_stop_at_their_next_step(lanes: Lanes) -> None:
    steps = []

    def fails() -> Any:
        raise BuildError("no such requirement")

    def many_steps() -> Any:
        lanes.stop.wait(PATIENCE_S)
        steps.append("was in the middle of it")
        lanes.runner.check()
        steps.append("must not come")

    lanes.runner.start("capacity", "", many_steps)
    lanes.runner.start("image", "", fails)
    with pytest.raises(BuildError, match="no such requirement"):
        lanes.join()
    assert steps == ["was in the middle of it"]
    assert ended(lanes, LaneFailed) == {"image": "no such requirement", "capacity": "stopped"}


def test_a_later_error_hides_no_earlier_one(lanes: Lanes) -> None:
    def first() -> Any:
        raise BuildError("first")

    def second() -> Any:
        lanes.stop.wait(PATIENCE_S)
        raise AwsRunError("second, because of the first")

    lanes.runner.start("capacity", "", second)
    lanes.runner.start("image", "", first)
    with pytest.raises(BuildError, match="first"):
        lanes.join()


def test_the_capacity_lane_takes_its_last_step_before_the_error_is_heard(lanes: Lanes) -> None:
    """Else a teardown could miss what is made behind its back."""
    made = []

    def capacity() -> Any:
        lanes.stop.wait(PATIENCE_S)
        made.append("group")
        lanes.runner.check()

    def image() -> Any:
        raise BuildError("no")

    lanes.runner.start("capacity", "", capacity)
    lanes.runner.start("image", "", image)
    with pytest.raises(BuildError):
        lanes.join()
    assert made == ["group"]


def test_when_each_lane_began_and_ended_and_how_is_known_for_the_record() -> None:
    lanes = Lanes()
    clock = lanes.clock

    def quick() -> LaneResult[None]:
        return LaneResult(value=None, text="unchanged", skipped=True)

    def long() -> LaneResult[None]:
        clock.sleep(40.04)
        return LaneResult(value=None, text="requested")

    def fails() -> Any:
        clock.sleep(2)
        raise BuildError("no such requirement" * 100)

    clock.elapsed_s = 3
    for lane, work in (("input", quick), ("capacity", long)):
        lanes.runner.start(lane, "", work)  # type: ignore[arg-type]
        lanes.join()
    lanes.runner.start("image", "", fails)
    with pytest.raises(BuildError):
        lanes.join()
    assert lanes.runner.entries(START) == (
        LaneEntry(name="input", began_s=3.0, ended_s=3.0, how="same", text="unchanged"),
        LaneEntry(name="capacity", began_s=3.0, ended_s=43.0, how="done", text="requested"),
        LaneEntry(name="image", began_s=43.0, ended_s=45.0, how="failed", text=("no such requirement" * 100)[:200]),
    )


def test_a_lane_that_is_still_at_work_has_no_end_on_record(lanes: Lanes) -> None:
    go_on = threading.Event()

    def slow() -> Any:
        go_on.wait(PATIENCE_S)
        return LaneResult(value=None, text="")

    lanes.runner.start("image", "", slow)
    try:
        assert lanes.runner.entries(START) == (LaneEntry(name="image", began_s=0.0, ended_s=None, how="stopped"),)
    finally:
        go_on.set()
        lanes.join()


def test_an_error_of_ours_is_raised_as_it_is(lanes: Lanes) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("ours")

    lanes.runner.start("input", "", broken)
    with pytest.raises(ZeroDivisionError):
        lanes.join()


def test_a_stop_from_outside_ends_the_lanes(lanes: Lanes) -> None:
    def patient() -> Any:
        lanes.stop.wait(PATIENCE_S)
        lanes.runner.check()

    lanes.runner.start("input", "", patient)
    with pytest.raises(Stopped):
        lanes.join(lanes.stop.set)
    assert ended(lanes, LaneFailed) == {"input": "stopped"}


def test_the_lease_is_looked_after_while_a_lane_still_works(lanes: Lanes) -> None:
    ticks, enough = [], threading.Event()

    def tick() -> None:
        ticks.append(1)
        if len(ticks) >= 3:
            enough.set()

    def work() -> LaneResult[int]:
        assert enough.wait(PATIENCE_S)
        return LaneResult(value=1, text="")

    lanes.runner.start("image", "", work)
    assert lanes.join(tick) == {"image": 1}


def test_lanes_are_daemons_so_that_a_stuck_build_ends_with_the_command(lanes: Lanes) -> None:
    go = threading.Event()

    def work() -> LaneResult[bool]:
        return LaneResult(value=threading.current_thread().daemon and go.wait(PATIENCE_S), text="")

    lanes.runner.start("image", "", work)
    go.set()
    assert lanes.join() == {"image": True}


def is_waiting(frame: FrameType) -> bool:
    """Whether a thread waits for another within LaneRunner.join."""
    code = LaneRunner.join.__code__
    return frame.f_code.co_filename == threading.__file__ and any(one.f_code is code for one, _ in walk_stack(frame))


def test_after_ctrl_c_a_lane_is_waited_for_until_it_has_taken_its_last_step(lanes: Lanes) -> None:
    """Wherever the signal lands: in the middle of a wait for the lane, Python would call its thread ended."""
    begun, go_on, steps = threading.Event(), threading.Event(), []

    def work() -> LaneResult[None]:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        steps.append("the last one")
        return LaneResult(value=None, text="done")

    me = threading.main_thread().ident
    assert me == threading.get_ident()

    def press() -> None:
        assert begun.wait(PATIENCE_S)
        until(lambda: is_waiting(sys._current_frames()[me]))
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    presses = threading.Thread(target=press)
    try:
        lanes.runner.start("image", "begins", work)
        presses.start()
        with pytest.raises(KeyboardInterrupt):
            lanes.runner.join(lambda: None, every_s=PATIENCE_S)
    finally:
        signal.signal(signal.SIGINT, before)
        presses.join()
    assert lanes.runner.working == ("image",)
    go_on.set()
    lanes.runner.settle("image", PATIENCE_S)
    assert steps == ["the last one"]
