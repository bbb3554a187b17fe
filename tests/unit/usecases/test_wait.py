"""`wait` lasts until a run has ended, a bad minute of AWS included."""

from __future__ import annotations

import pytest
from tests.unit.fakes import refused
from tests.unit.lifecycle.memory_run import LookedAtRun

from aws_run.aws.errors import NETWORK_HINT
from aws_run.errors import AwsCallError, OutOfReachError
from aws_run.events import JobLimits, Notice, StatusChanged
from aws_run.lifecycle.end import reconcile
from aws_run.lifecycle.follow.until_end import InterruptedAfterEnd
from aws_run.usecases.wait import wait

OFFLINE = AwsCallError("no answer", code="ConnectionError", operation="DescribeTasks", hint=NETWORK_HINT)


@pytest.fixture
def run() -> LookedAtRun:
    return LookedAtRun(exit_code=3)


def test_the_phases_are_told_and_the_exit_code_is_the_runs(run: LookedAtRun) -> None:
    assert wait(run.context, None, "demo").exit_code == 3
    assert [event.status for event in run.events.of(StatusChanged)] == ["starting", "running"]
    assert len(run.events.of(JobLimits)) == 1
    assert run.record.state == "removed"


def test_a_minute_without_network_ends_no_wait(run: LookedAtRun) -> None:
    def then(look: int) -> None:
        if run.clock.elapsed_s < 60:
            raise OFFLINE

    run.then = then
    assert wait(run.context, None, "demo").exit_code == 3
    assert [notice.text for notice in run.events.of(Notice)][:1] == ["no answer; the run goes on"]


def test_a_quarter_of_an_hour_without_an_answer_ends_it_and_says_that_the_run_goes_on(run: LookedAtRun) -> None:
    def then(look: int) -> None:
        raise OFFLINE

    run.then = then
    with pytest.raises(OutOfReachError, match=f"The run {run.record.run_id} goes on") as raised:
        wait(run.context, None, "demo")
    assert 15 * 60 <= run.clock.elapsed_s < 16 * 60
    assert raised.value.exit_code == 125


@pytest.mark.parametrize(("first", "waits"), [(1, False), (2, True)])
def test_a_refusal_is_waited_out_only_where_looking_was_allowed_before(
    run: LookedAtRun, first: int, waits: bool
) -> None:
    def then(look: int) -> None:
        if look >= first:
            raise refused("AccessDeniedException")

    run.then = then
    with pytest.raises(OutOfReachError):
        wait(run.context, None, "demo")
    assert (run.clock.elapsed_s > 4 * 60) is waits


def test_what_ends_the_run_is_tried_again_too(run: LookedAtRun, monkeypatch: pytest.MonkeyPatch) -> None:
    tries, ends = 0, reconcile.reconcile

    def fails_once(*args: object) -> object:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OFFLINE
        return ends(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "reconcile", fails_once)
    assert wait(run.context, None, "demo").exit_code == 3
    assert tries == 2
    assert "no answer; trying again" in [notice.text for notice in run.events.of(Notice)]


def test_ctrl_c_while_an_ended_run_is_finished_does_not_mean_that_it_goes_on(
    run: LookedAtRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, "reconcile", interrupted)
    with pytest.raises(InterruptedAfterEnd):
        wait(run.context, None, "demo")
