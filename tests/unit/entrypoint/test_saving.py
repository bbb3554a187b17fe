from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from aws_run_entrypoint.contract import EndReason
from aws_run_entrypoint.result import Result
from aws_run_entrypoint.saving import Saving

JOB: Any = SimpleNamespace(deadline=None, prefix="runs/r/", bucket=None)


def saving(deadline: float | None = None, stopped_at: float | None = None, window_s: float = 120) -> Saving:
    job: Any = SimpleNamespace(deadline=deadline)
    supervisor: Any = SimpleNamespace(stopped_at=stopped_at, stop_reason=EndReason.STOPPED if stopped_at else None)
    plan: Any = SimpleNamespace(window_s=lambda reason: window_s)
    return Saving(job, supervisor, plan, lambda text: None)


def left(saving: Saving, *, ran: bool = True) -> float:
    result = Result(JOB)
    result.command_started_at = 1.0 if ran else None
    return saving.until(result) - time.monotonic()


def test_saving_goes_on_for_a_quarter_of_an_hour_and_not_past_the_window_of_the_deadline() -> None:
    assert left(saving()) == pytest.approx(900, abs=60)
    assert left(saving(deadline=time.time() + 36000)) == pytest.approx(900, abs=60)
    assert left(saving(deadline=time.time() + 60)) == pytest.approx(60 + 270, abs=5)


def test_after_a_stop_there_is_the_rest_of_its_window() -> None:
    assert left(saving(deadline=time.time() + 36000, stopped_at=time.monotonic() - 90)) == pytest.approx(30, abs=20)
    assert left(saving(stopped_at=time.monotonic(), window_s=5000)) == pytest.approx(900, abs=60)


def test_where_no_command_was_run_nothing_is_waited_for() -> None:
    assert left(saving(), ran=False) <= 0


@pytest.mark.parametrize(
    ("reason", "code", "reason_then", "code_then"),
    [
        (EndReason.EXIT, 0, EndReason.SYNC_OUT_FAILED, 125),
        (EndReason.EXIT, 7, EndReason.SYNC_OUT_FAILED, 7),
        (EndReason.SPOT_NOTICE, 143, EndReason.SPOT_NOTICE, 143),
        (EndReason.SPOT_NOTICE, 0, EndReason.SPOT_NOTICE, 125),
        (EndReason.STOPPED, 143, EndReason.STOPPED, 143),
        (EndReason.DEADLINE, 124, EndReason.DEADLINE, 124),
        (EndReason.OUT_OF_MEMORY, 137, EndReason.OUT_OF_MEMORY, 137),
    ],
)
def test_a_failed_save_hides_no_other_reason(
    reason: EndReason, code: int, reason_then: EndReason, code_then: int
) -> None:
    result = Result(JOB)
    result.fail(code, reason, "")
    result.record_loss(125, "the outputs could not be saved: no")
    result.record_loss(125, "the checkpoint could not be saved: no")
    lost = "the outputs could not be saved: no; the checkpoint could not be saved: no"
    assert (result.reason, result.exit_code, result.detail, result.unsaved) == (reason_then, code_then, lost, lost)


def test_what_was_known_before_is_said_first() -> None:
    result = Result(JOB)
    result.fail(124, EndReason.DEADLINE, "the time limit was reached")
    result.record_loss(125, "the outputs could not be saved: no")
    assert result.detail == "the time limit was reached; the outputs could not be saved: no"
    assert result.unsaved == "the outputs could not be saved: no"
