"""`attach` shows what the submitting terminal shows, at any time of a run, and ends none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fakes import refused
from tests.unit.lifecycle.memory_run import KEYS, LookedAtRun

from aws_run.clock import iso
from aws_run.errors import AwsCallError, OutOfReachError, TransferError
from aws_run.events import JobLimits, LogLine, Notice, StatusChanged
from aws_run.lifecycle.follow.until_end import InterruptedAfterEnd
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases import attach as attaching
from aws_run.usecases.attach import Attached, attach


class Attachable(LookedAtRun):
    def __init__(self, monkeypatch: pytest.MonkeyPatch, into: Path) -> None:
        super().__init__()
        self.into, self.fetched = into, 0
        self.fails: TransferError | None = None
        self.context = replace(self.context, storage=lambda name: self)  # type: ignore[arg-type,return-value]
        monkeypatch.setattr(attaching, "pull_output", self._pull)

    def _pull(self, bucket: object, run_id: str, into: Path, **_: Any) -> None:
        self.fetched += 1
        assert into == self.into
        if self.fails:
            raise self.fails

    def attach(self) -> Attached:
        return attach(self.context, None, "demo", into=self.into, cost_label="cost")

    @property
    def lines(self) -> list[str]:
        return [event.text for event in self.events.of(LogLine)]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Attachable:
    return Attachable(monkeypatch, tmp_path / "out")


@pytest.mark.parametrize("exit_code", [0, 7])
def test_a_run_is_followed_to_its_end_with_its_own_exit_code(run: Attachable, exit_code: int) -> None:
    run.service.exit_code = exit_code
    done = run.attach()
    assert (done.exit_code, done.view.exit_code, run.fetched) == (exit_code, exit_code, 1)
    assert run.lines == ["hello from memory"]
    assert [event.status for event in run.events.of(StatusChanged)][-1] == "fetching"
    assert run.record.state == "removed"
    assert done.view.output_dir == run.into
    assert (done.view.next_commands == ()) is (exit_code == 0)


def test_time_and_cost_count_from_where_the_task_began_not_from_where_the_terminal_came(run: Attachable) -> None:
    for _ in range(2):  # it runs already
        run.service.step(next(iter(run.service.tasks)))
    began = run.clock.now()
    run.clock.sleep(600)
    run.service.moves = False

    def then(look: int) -> None:
        run.service.moves = look > 2

    run.then = then
    run.attach()
    assert run.events.of(JobLimits)[0].began == began


def test_of_a_run_that_has_ended_the_saved_log_and_the_results_are_shown(run: Attachable) -> None:
    run.attach()
    run.events.clear()
    done = run.attach()
    assert (run.lines, run.fetched, done.exit_code) == (["hello from memory"], 2, 0)


def test_a_run_without_a_log_says_so(run: Attachable) -> None:
    run.attach()
    del run.bucket.objects[KEYS.log]
    run.events.clear()
    run.attach()
    assert "no log" in run.events.of(Notice)[0].text


def test_another_attempt_of_the_run_is_followed_too(run: Attachable) -> None:
    run.then = run.lose_its_machine
    assert run.attach().exit_code == 0
    assert run.lines == ["hello from memory", "hello from memory"]
    assert "ending" in [event.status for event in run.events.of(StatusChanged)]


def test_a_log_that_can_t_be_read_keeps_nobody_from_the_results(run: Attachable) -> None:
    run.attach()
    run.bucket.deny(KEYS.log)
    run.events.clear()
    done = run.attach()
    assert (done.exit_code, run.fetched) == (0, 2)
    assert any("the log could not be read" in notice.text for notice in run.events.of(Notice))


def test_the_cost_that_can_t_be_read_costs_no_exit_code(run: Attachable) -> None:
    """Another terminal ends the run, and notes its cost after that."""
    run.run_task_to_its_end()
    outcome = Outcome(exit_code=7, reason=OutcomeReason.EXIT, sentence="the job failed")
    run.writer.change(lambda record: record.with_outcome(outcome, stopped_at=iso(run.clock.now())), now=True)
    read = run.aws._script["get_object"][0]
    reads = 0

    def fails_after_the_end(**request: Any) -> Any:
        nonlocal reads
        reads += run.fetched
        if reads == 1:
            raise refused("AccessDenied")
        return read(**request)

    run.aws.on("get_object", fails_after_the_end)
    assert (run.attach().exit_code, reads > 1) == (7, True)


def test_outputs_that_do_not_come_down_make_a_good_run_no_success(run: Attachable) -> None:
    run.fails = TransferError("the disk is full")
    done = run.attach()
    assert (done.exit_code, "the disk is full" in done.view.status) == (TransferError.exit_code, True)
    assert any(
        notice.hint == "`aws-run pull demo-20260102-030405-abcd` tries again" for notice in run.events.of(Notice)
    )


def test_a_terminal_that_aws_shuts_out_leaves_the_run_alone_and_says_how_to_come_back(run: Attachable) -> None:
    def then(look: int) -> None:
        raise AwsCallError("denied", code="AccessDeniedException", operation="describe_tasks")

    run.then = then
    with pytest.raises(OutOfReachError) as raised:
        run.attach()
    assert f"aws-run attach {run.record.run_id}" in str(raised.value.hint)
    assert run.record.outcome is None


def test_a_bad_minute_of_aws_is_waited_out_between_two_attempts_too(run: Attachable) -> None:
    def then(look: int) -> None:
        run.lose_its_machine(look)
        if look in (4, 5):
            raise refused("ServiceUnavailable")

    run.then = then
    assert run.attach().exit_code == 0
    assert run.lines == ["hello from memory", "hello from memory"]


def test_ctrl_c_while_the_results_come_down_is_one_at_a_run_that_has_ended(
    run: Attachable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(attaching, "pull_output", interrupted)
    with pytest.raises(InterruptedAfterEnd):
        run.attach()


def test_ctrl_c_ends_nothing(run: Attachable) -> None:
    def then(look: int) -> None:
        if look == 3:
            raise KeyboardInterrupt

    run.then = then
    with pytest.raises(KeyboardInterrupt) as raised:
        run.attach()
    assert raised.type is KeyboardInterrupt
    assert (run.record.outcome, run.fetched) == (None, 0)
    assert not any(task.end for task in run.service.tasks.values())
