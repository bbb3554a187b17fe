"""What `ps` shows of a run whose record says that it goes on: its task is looked at, and nothing is changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import refused
from tests.unit.lifecycle.memory_run import MemoryRun, detached

from aws_run.lifecycle.run_status import looked_at
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_detached_run_that_has_ended_shows_as_ended_and_how_long_it_ran(exit_code: int) -> None:
    run = detached(exit_code=exit_code)
    run.service.step("memory-1")
    run.service.step("memory-1")
    run.clock.elapsed_s += 7
    run.service.step("memory-1")
    run.clock.elapsed_s += 600
    before = run.record
    seen = looked_at(run.context, before)
    assert (seen.phase, seen.exit_code, seen.ran_s) == ("ended", exit_code, 7)
    assert run.record == before  # settling it is for the commands that are about it


def test_a_task_that_nobody_knows_any_more_has_ended_too() -> None:
    run = detached()
    run.service.tasks.clear()
    run.clock.elapsed_s += 3 * 3600
    seen = looked_at(run.context, run.record)
    assert (seen.phase, seen.exit_code, seen.ran_s) == ("ended", None, None)


def test_a_run_whose_client_is_there_is_ending() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.run_task_to_its_end()
    assert looked_at(run.context, run.record).phase == "ending"


def test_a_run_that_goes_on_shows_as_running() -> None:
    run = detached()
    run.service.step("memory-1")
    run.service.step("memory-1")
    seen = looked_at(run.context, run.record)
    assert (seen.phase, seen.exit_code) == ("running", None)
    assert seen.so_far is not None


def test_a_run_that_is_finished_by_its_record_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    run = detached()
    ended = run.record.with_outcome(Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished"))
    monkeypatch.setattr(run.backend.executor, "find", lambda record: pytest.fail("a request too many"))
    assert looked_at(run.context, ended).phase == "succeeded"
    assert looked_at(run.context, replace(run.record, tasks=())).phase == "running"


def test_what_can_t_be_looked_at_shows_as_it_was_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    run = detached()

    def denied(record: object) -> None:
        raise refused("AccessDeniedException")

    monkeypatch.setattr(run.backend.executor, "find", denied)
    assert looked_at(run.context, run.record).phase == "running"
