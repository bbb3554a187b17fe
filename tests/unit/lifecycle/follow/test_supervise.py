"""An accepted run and the client that follows it: attempts, Ctrl-C, and an end whatever is raised."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.backends.memory import MemoryTask
from tests.unit.fakes import RUN, START, job, refused
from tests.unit.lifecycle.memory_run import KEYS, MemoryRun
from tests.waiting import PATIENCE_S, until

from aws_run.backends.executor import EndCause, TaskEnd, TaskHandle, TaskState
from aws_run.config import Retry
from aws_run.errors import AwsRunError, CapacityError, InterruptedRunError, OutOfReachError
from aws_run.events import Notice, StatusChanged
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.lifecycle.follow import output_fetcher
from aws_run.lifecycle.follow.supervise import RunSupervisor
from aws_run.lifecycle.start.preflight import RunPlan
from aws_run.lifecycle.start.provision import AcceptedTask
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome


class Supervised(MemoryRun):
    """`then` is called at each look at the task, with the number of the look."""

    def __init__(self, *, retries: int = 0, exit_code: int = 0, **changes: Any) -> None:
        retry = Retry(on=("interruption",), max=retries)
        super().__init__(job=job(retry=retry), **changes)
        self.service.exit_code = exit_code
        self.looks = 0
        self.then: Callable[[int], None] = lambda look: None
        self.answer: Literal["cancel", "detach"] = "cancel"
        self.asked_the_user = 0
        look = self.backend.executor.state

        def state(handle: TaskHandle) -> TaskState | None:
            self.looks += 1
            self.then(self.looks)
            return look(handle)

        self.backend.executor.state = state  # type: ignore[method-assign]

    def follow(self, output: Path | None = None) -> SubmitResult:
        handle = self.start_task()
        accepted = AcceptedTask(handle=handle, request=self.request(), job=self.spec.job, capped=False)
        run = RunPlan(spec=self.spec, kept=(), shared=(), roles=(), stages=(), output=output)
        supervisor = RunSupervisor(
            self.context,
            backend=self.backend,
            run=run,
            store=self.store,
            writer=self.writer,
            accepted=accepted,
            on_interrupt=self._ask,
            cost_label="cost",
        )
        return supervisor.run_to_completion()

    def _ask(self) -> Literal["cancel", "detach"]:
        self.asked_the_user += 1
        return self.answer

    @property
    def outcome(self) -> Outcome:
        outcome = self.record.outcome
        assert outcome is not None
        return outcome

    def interrupts_first(self, tasks: int) -> None:
        """The service takes its machine back under the first so many tasks, once they run."""

        def take_back(task: MemoryTask) -> None:
            name = next(name for name, one in self.service.tasks.items() if one is task)
            if int(name.rpartition("-")[2]) <= tasks:
                task.end = TaskEnd(cause=EndCause.INTERRUPTED, text="spot capacity was taken back")

        on_accepted = self.backend.on_task_accepted

        def accepted(*args: Any) -> None:
            on_accepted(*args)
            saves = self.service.on_exit

            def on_exit(task: MemoryTask) -> None:
                take_back(task)
                assert task.end is not None
                if task.end.cause is not EndCause.INTERRUPTED:
                    saves(task)

            self.service.on_exit = on_exit

        self.backend.on_task_accepted = accepted  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("exit_code", [0, 7])
def test_the_jobs_own_exit_code_is_the_runs_and_everything_is_removed(exit_code: int) -> None:
    run = Supervised(exit_code=exit_code)
    result = run.follow()
    assert result.exit_code == exit_code
    assert (run.outcome.reason, run.record.state) == (OutcomeReason.EXIT, "removed")
    assert run.bucket.objects[KEYS.log][0] == b"hello from memory\n"


def test_a_task_whose_machine_was_taken_back_gets_another_attempt_with_a_new_token() -> None:
    run = Supervised(retries=2)
    run.interrupts_first(1)
    assert run.follow().exit_code == 0
    first, second = run.record.tasks[0].attempts
    assert first.outcome is not None
    assert (first.outcome.reason, second.number) == (OutcomeReason.INTERRUPTION, 2)
    assert first.started_at is not None, "the report's timeline shows every attempt that ran"
    assert len({task.token for task in run.service.tasks.values()}) == 2
    assert any("starting attempt 2" in notice.text for notice in run.events.of(Notice))


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (3, 4)])
def test_no_more_attempts_than_the_job_allows(retries: int, attempts: int) -> None:
    run = Supervised(retries=retries)
    run.interrupts_first(100)
    assert run.follow().exit_code == 125
    assert len(run.service.tasks) == attempts
    assert run.record.state == "removed"


def test_no_attempt_is_started_in_the_last_minute_before_the_deadline() -> None:
    run = Supervised(retries=5)
    run.interrupts_first(100)

    def near_the_deadline(look: int) -> None:
        run.clock.elapsed_s = max(run.clock.elapsed_s, (run.spec.deadline - START).total_seconds() - 59)

    run.then = near_the_deadline
    run.follow()
    assert len(run.service.tasks) == 1


def test_a_job_that_failed_by_itself_is_not_tried_again() -> None:
    run = Supervised(retries=3, exit_code=1)
    assert run.follow().exit_code == 1
    assert len(run.service.tasks) == 1


def test_an_attempt_that_cannot_be_started_ends_the_run_with_both_sentences() -> None:
    run = Supervised(retries=3)
    run.interrupts_first(1)
    start = run.backend.executor.start

    def refuse_the_second(request: Any, check: Callable[[], None] = lambda: None) -> TaskHandle:
        if request.attempt > 1:
            raise CapacityError("no capacity left")
        return start(request, check)

    run.backend.executor.start = refuse_the_second  # type: ignore[method-assign]
    assert run.follow().exit_code == 125
    assert "another attempt could not be started: no capacity left" in run.outcome.sentence
    assert run.record.state == "removed"


def raises(error: BaseException, at: int = 2) -> Callable[[int], None]:
    def then(look: int) -> None:
        if look == at:
            raise error

    return then


def test_ctrl_c_stops_the_job_and_the_run_ends_interrupted() -> None:
    run = Supervised()
    run.then = raises(KeyboardInterrupt())
    assert run.follow().exit_code == 130
    assert run.asked_the_user == 1
    (task,) = run.service.tasks.values()
    assert task.end == TaskEnd(cause=EndCause.STOPPED, exit_code=143, text="aws-run: interrupted")
    assert (run.outcome.reason, run.record.state) == (OutcomeReason.INTERRUPTED, "removed")


def test_ctrl_c_answered_with_detach_leaves_the_run_as_it_is() -> None:
    run = Supervised()
    run.then, run.answer = raises(KeyboardInterrupt()), "detach"
    result = run.follow()
    assert result.exit_code == 0
    assert f"aws-run attach {run.spec.run_id}" in result.view.next_commands
    assert (run.record.detached, run.record.state, run.record.outcome) == (True, "running", None)
    assert [task.end for task in run.service.tasks.values()] == [None]


def test_ctrl_c_at_the_question_leaves_the_run_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Supervised()
    run.then = raises(KeyboardInterrupt())

    def again() -> Literal["cancel", "detach"]:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_ask", again)
    with pytest.raises(InterruptedRunError) as left:
        run.follow()
    assert left.value.message.startswith(f"Left as it is: {RUN} goes on in AWS")
    assert left.value.hint == f"`aws-run attach {RUN}` follows it, `aws-run cancel {RUN}` ends it"
    assert (run.record.state, run.record.outcome) == ("running", None)
    assert [task.end for task in run.service.tasks.values()] == [None]


def test_a_second_ctrl_c_while_the_job_stops_leaves_at_once_and_names_the_way_back() -> None:
    run = Supervised()

    def twice(look: int) -> None:
        if look >= 2:
            raise KeyboardInterrupt

    run.then = twice
    with pytest.raises(InterruptedRunError) as raised:
        run.follow()
    assert raised.value.hint == f"aws-run cleanup {run.spec.run_id}"


def test_a_stop_that_fails_at_ctrl_c_is_told_and_the_teardown_takes_the_machine() -> None:
    run = Supervised()
    run.then = raises(KeyboardInterrupt())

    def refuse(handle: TaskHandle, reason: str) -> None:
        raise refused("AccessDeniedException", operation="StopTask")

    run.backend.executor.stop = refuse  # type: ignore[method-assign]
    assert run.follow().exit_code == 130
    assert any("could not be stopped" in notice.text for notice in run.events.of(Notice))
    assert run.record.state == "removed"


@pytest.mark.parametrize("error", [RecursionError("too deep"), ValueError("a fault of ours"), MemoryError()])
def test_a_fault_of_ours_ends_in_a_teardown(error: Exception) -> None:
    run = Supervised()
    run.then = raises(error)
    assert run.follow().exit_code == 125
    assert (run.outcome.reason, run.record.state) == (OutcomeReason.LOST, "removed")


def test_a_run_without_capacity_ends_with_that_reason_and_its_hint() -> None:
    run = Supervised()
    run.then = raises(CapacityError("no machine", hint="another type"))
    assert run.follow().exit_code == 125
    assert (run.outcome.reason, run.outcome.sentence) == (OutcomeReason.CAPACITY, "no machine (another type)")


def test_an_aws_out_of_reach_leaves_the_run_and_says_how_to_come_back() -> None:
    run = Supervised()
    run.then = lambda look: raises(refused("ConnectionError"), look)(look) if look >= 2 else None
    with pytest.raises(OutOfReachError) as raised:
        run.follow()
    assert f"aws-run attach {run.spec.run_id}" in (raised.value.hint or "")
    assert run.record.state == "running"


def test_an_outcome_that_another_terminal_noted_is_this_ones_too() -> None:
    run = Supervised()
    theirs = Outcome(exit_code=130, reason=OutcomeReason.STOPPED, sentence="cancelled by ann")

    def cancelled_elsewhere(look: int) -> None:
        if look == 2:
            there, etag = run.store.read(run.spec.run_id)
            run.store.replace(replace(there.with_outcome(theirs), state="stopped"), etag)
            raise AwsRunError("the cluster is gone")

    run.then = cancelled_elsewhere
    result = run.follow()
    assert (result.exit_code, result.view.status) == (130, "cancelled by ann")


def test_a_capped_job_that_ran_into_its_deadline_says_that_the_cap_ended_it() -> None:
    run = Supervised()
    handle = run.start_task()
    run.service.step(handle.id)
    run.service.step(handle.id)
    run.service.tasks[handle.id].end = None

    def deadline(task: MemoryTask) -> None:
        task.end = TaskEnd(cause=EndCause.EXITED, exit_code=124)
        run.save_result(reason="deadline", exit_code=124, attempt=1)

    run.service.on_exit = deadline
    accepted = AcceptedTask(handle=handle, request=run.request(), job=run.spec.job, capped=True)
    supervisor = RunSupervisor(
        run.context,
        backend=run.backend,
        run=RunPlan(spec=run.spec, kept=(), shared=(), roles=(), stages=()),
        store=run.store,
        writer=run.writer,
        accepted=accepted,
        on_interrupt=lambda: "cancel",
        cost_label="cost",
    )
    assert supervisor.run_to_completion().exit_code == 124
    assert run.outcome.sentence == "the job was stopped where --max-cost ends it"


def test_each_status_is_shown_once_an_attempt() -> None:
    run = Supervised(retries=1)
    run.interrupts_first(1)
    run.follow()
    assert [event.status for event in run.events.of(StatusChanged)] == ["STARTING", "RUNNING", "STOPPED"] * 2


NO_BUCKET: Any = None  # nothing is read from it


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("gone", [True, False])
def test_ctrl_c_in_the_download_ends_it_and_the_run_ends_with_its_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    run = Supervised()

    def pull(*_: Any, cancel: threading.Event, **__: Any) -> None:
        if gone:
            until(lambda: run.record.state == "removed")
        press()
        assert cancel.wait(PATIENCE_S)
        raise InterruptedRunError("it was cancelled")

    run.context = replace(run.context, storage=lambda _: NO_BUCKET)
    monkeypatch.setattr(output_fetcher, "pull_output", pull)
    done = run.follow(tmp_path / "out")
    assert (done.exit_code, done.fetched) == (130, False)
    assert done.view.status == (
        f"the job finished; the outputs are not all in {tmp_path / 'out'}: the download was interrupted"
    )
    assert done.view.next_commands == (f"aws-run pull {RUN}",)
    assert (run.outcome.exit_code, run.record.state) == (0, "removed")
    assert run.record.receipt is not None
    told = [event.text for event in run.events.of(Notice)]
    assert told == ["the download ends here; what the run used is still removed; press Ctrl-C again to leave at once"]


def test_who_leaves_the_download_of_a_run_that_is_gone_is_sent_to_pull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Supervised()
    over = threading.Event()

    def pull(*_: Any, cancel: threading.Event, **__: Any) -> None:
        until(lambda: run.record.receipt is not None)
        press()
        assert cancel.wait(PATIENCE_S)
        until(lambda: bool(run.events.of(Notice)))
        press()
        over.wait(PATIENCE_S)

    run.context = replace(run.context, storage=lambda _: NO_BUCKET)
    monkeypatch.setattr(output_fetcher, "pull_output", pull)
    try:
        with pytest.raises(InterruptedRunError) as left:
            run.follow(tmp_path / "out")
    finally:
        over.set()
    assert left.value.message == f"Left at once: {RUN} has ended and what it used is gone; its outputs are not all here"
    assert left.value.hint == f"aws-run pull {RUN}"
