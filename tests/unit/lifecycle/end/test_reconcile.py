"""Finishing a run whose client is gone: when a run is over, how it is judged, and what is written for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.fakes import START, refused
from tests.unit.lifecycle.memory_run import KEYS, MemoryRun

from aws_run.backends.executor import TaskPhase
from aws_run.clock import iso
from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.lifecycle.end import reconcile
from aws_run.lifecycle.run_stage import find_task, is_over, run_stage
from aws_run.lifecycle.what_ran import seconds_of
from aws_run.runs.outcome import OutcomeReason


def finish(run: MemoryRun) -> None:
    reconcile.reconcile(run.context, run.store, run.writer, find_task(run.context, run.writer.record))


def container_time(moment: datetime) -> str:
    """As the entrypoint writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


@pytest.mark.parametrize(("minutes", "over"), [(0, False), (19, False), (21, True)])
def test_a_run_without_a_task_is_over_twenty_minutes_after_its_last_sign_of_life(minutes: int, over: bool) -> None:
    run = MemoryRun()
    run.clock.elapsed_s = minutes * 60
    assert is_over(run.context, run.record) == (over, None)


def test_a_sign_of_life_holds_for_another_twenty_minutes() -> None:
    run = MemoryRun()
    run.writer.change(lambda r: replace(r, renewed_at=iso(START + timedelta(minutes=15))), now=True)
    run.clock.elapsed_s = 30 * 60
    assert is_over(run.context, run.record)[0] is False


@pytest.mark.parametrize(("detached", "seconds", "over"), [(False, 10, False), (False, 40, True), (True, 0, True)])
def test_a_client_that_is_there_has_half_a_minute_for_a_task_that_ended(
    detached: bool, seconds: int, over: bool
) -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.writer.change(lambda r: replace(r, detached=detached), now=True)
    run.run_task_to_its_end()
    run.clock.elapsed_s = seconds
    assert is_over(run.context, run.record)[0] is over


def test_a_run_that_is_seen_hours_after_its_end_ran_as_long_as_its_task() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.clock.elapsed_s = 60
    run.run_task_to_its_end()
    run.save_result(reason="completed", exit_code=0)
    run.clock.elapsed_s = 3 * 3600
    finish(run)
    assert run.record.ended_at == iso(START + timedelta(seconds=60))
    assert seconds_of(run.record) == 0
    assert run.record.stopped_at == iso(START + timedelta(hours=3)), "whoever removes it is at it since then"


def test_a_running_task_is_not_over_and_is_returned() -> None:
    run = MemoryRun(moves=False)
    handle = run.start_task()
    over, state = is_over(run.context, run.record)
    assert not over
    assert state is not None
    assert (state.handle, state.phase) == (handle, TaskPhase.WAITING)


@pytest.mark.parametrize(("minutes", "place_is_gone", "over"), [(5, False, False), (5, True, True), (11, False, True)])
def test_an_accepted_task_that_is_unknown_now_is_forgotten_ten_minutes_later_or_with_its_place(
    minutes: int, place_is_gone: bool, over: bool
) -> None:
    run = MemoryRun()
    handle = run.start_task()
    run.service.tasks.clear()
    if place_is_gone:
        run.service.gone.add(handle.place)
    run.clock.elapsed_s = minutes * 60
    assert is_over(run.context, run.record) == (over, None)


@pytest.mark.parametrize(
    ("seconds_since_its_end", "stage"),
    [(0, "ending"), (119, "ending"), (121, "abandoned"), (-60, "ending"), (-3600, "abandoned")],
)
def test_a_run_that_was_noted_as_stopped_is_being_ended_for_two_minutes(seconds_since_its_end: int, stage: str) -> None:
    run = MemoryRun()
    stopped_at = iso(START - timedelta(seconds=seconds_since_its_end))
    run.writer.change(lambda r: replace(r, state="stopped", stopped_at=stopped_at), now=True)
    assert run_stage(run.context, run.store, run.record)[0] == stage


def test_what_looks_over_is_judged_again_by_the_record_as_it_is_now() -> None:
    run = MemoryRun()
    stale = run.record
    run.writer.change(lambda r: replace(r, state="stopped", stopped_at=iso(START + timedelta(minutes=30))), now=True)
    run.clock.elapsed_s = 30 * 60 + 5
    assert is_over(run.context, stale)[0] is True
    assert run_stage(run.context, run.store, stale)[0] == "ending"


def test_a_run_that_ended_by_itself_gets_its_outcome_its_log_and_its_teardown() -> None:
    run = MemoryRun(moves=False)
    run.service.exit_code = 3
    run.start_task()
    run.run_task_to_its_end()
    finish(run)
    outcome = run.record.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code) == (OutcomeReason.EXIT, 3)
    assert run.bucket.objects[KEYS.log][0] == b"hello from memory\n"
    assert run.record.state == "removed"


def test_a_task_that_nobody_knows_any_more_is_judged_by_what_its_container_wrote() -> None:
    run = MemoryRun()
    run.start_task()
    run.service.tasks.clear()
    run.save_result(reason="exit", exit_code=0, attempt=1)
    finish(run)
    outcome = run.record.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code) == (OutcomeReason.EXIT, 0)


def test_a_run_without_task_and_result_is_lost_and_never_a_success() -> None:
    run = MemoryRun()
    finish(run)
    outcome = run.record.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code) == (OutcomeReason.LOST, 125)


def test_an_outcome_that_its_client_noted_stays_and_the_log_with_it() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.run_task_to_its_end()
    finish(run)
    first = run.record.outcome
    run.bucket.objects.pop(KEYS.log)
    run.save_result(reason="exit", exit_code=9, attempt=1)
    finish(run)
    assert run.record.outcome == first
    assert KEYS.log not in run.bucket.objects


def test_a_result_that_cannot_be_read_is_told_and_the_removal_goes_on() -> None:
    run = MemoryRun()
    run.start_task()
    run.service.tasks.clear()
    run.bucket.deny(KEYS.result)
    finish(run)
    assert any("result could not be read" in notice.text for notice in run.events.of(Notice))
    assert run.record.state == "removed"


def test_stopping_waits_until_the_task_has_saved_what_it_has() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    state = reconcile.stop(run.context, run.writer, "cancelled")
    assert state is not None
    assert state.stopped


def test_stopping_records_a_task_that_only_its_service_knows() -> None:
    run = MemoryRun(moves=False)
    handle = run.backend.executor.start(run.request())  # the client died before it could record it
    run.backend.on_task_accepted(run.spec, handle, run.spec.deadline, run.events.emit)
    assert run.record.handle is None
    reconcile.stop(run.context, run.writer, "cancelled")
    run.writer.flush()
    assert run.record.handle == handle


def test_a_task_that_never_stops_is_waited_for_within_bounds() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.backend.executor.stop = lambda handle, reason: None  # type: ignore[method-assign]
    state = reconcile.stop(run.context, run.writer, "cancelled")
    assert state is not None
    assert not state.stopped
    assert run.clock.elapsed_s <= run.backend.executor.stop_within_s + 31


def test_a_stop_that_is_refused_is_told_and_raises_nothing() -> None:
    run = MemoryRun(moves=False)
    run.start_task()

    def refuse(handle: object, reason: str) -> None:
        raise refused("AccessDeniedException", operation="StopTask")

    run.backend.executor.stop = refuse  # type: ignore[method-assign]
    assert reconcile.stop(run.context, run.writer, "cancelled") is None
    (notice,) = run.events.of(Notice)
    assert notice.level == "warning"
    assert "removing what it runs on" in notice.text


def test_a_backend_of_a_later_version_is_refused_with_what_helps() -> None:
    run = MemoryRun()
    with pytest.raises(AwsRunError, match="'quantum'") as raised:
        find_task(run.context, replace(run.record, backend="quantum"))
    assert "pip install -U" in (raised.value.hint or "")


def test_a_run_that_is_seen_late_ended_when_its_task_did() -> None:
    run = MemoryRun(moves=False)
    run.start_task()
    run.writer.change(lambda r: replace(r, detached=True), now=True)
    run.run_task_to_its_end()
    run.clock.elapsed_s += 3000
    finish(run)
    assert run.record.ended_at == iso(START)
    # When it was noted is another time: for two minutes from then on its client may be at its removal.
    assert run.record.stopped_at == iso(START + timedelta(seconds=3000))
    assert seconds_of(run.record) == 0


def test_a_run_whose_task_nobody_knows_any_more_ended_when_its_container_wrote_its_result() -> None:
    run = MemoryRun()
    run.start_task()
    run.service.tasks.clear()
    run.clock.elapsed_s = 2 * 3600
    began, ended = START + timedelta(minutes=2), START + timedelta(minutes=5)
    run.save_result(exit_code=0, attempt=1, started_at=container_time(began), finished_at=container_time(ended))
    finish(run)
    assert (run.record.started_at, run.record.ended_at) == (iso(began), iso(ended))
    assert seconds_of(run.record) == 180


@pytest.mark.parametrize("finished_at", ["1999-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", "soon", 7, None])
def test_a_time_that_the_task_can_t_have_ended_at_is_not_believed(finished_at: object) -> None:
    run = MemoryRun()
    run.start_task()
    run.service.tasks.clear()
    run.clock.elapsed_s = 2 * 3600
    run.save_result(exit_code=0, attempt=1, started_at="1999-01-01T00:00:00.000Z", finished_at=finished_at)
    finish(run)
    assert run.record.ended_at == iso(START + timedelta(hours=2))
    assert seconds_of(run.record) is None
