"""What a run is going to cost by the runs before it: median and range, by hardware, within its limits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fakes import BUCKET, FakeAccount, record

from aws_run.aws.cache import MemoryCache
from aws_run.lifecycle import history
from aws_run.pricing.estimate import PastRun, estimate, past_from_json, size_of
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import EstimateEntry, HardwareEntry, Outcome, Receipt, Record, dump

SMALL = HardwareEntry(backend="fargate", description="", vcpu=1, memory_mib=2048)
LARGE = HardwareEntry(backend="ec2", description="", vcpu=8, memory_mib=30_000, instance_types=("m7i.2xlarge",))


def past(billed_s: float, job_s: float = 100.0, hardware: HardwareEntry = SMALL, run_id: str = "r") -> PastRun:
    return PastRun(run_id=run_id, hardware=size_of(hardware), billed_s=billed_s, job_s=job_s)


def expected(*runs: PastRun, hardware: HardwareEntry = SMALL, **more: Any) -> EstimateEntry | None:
    values = {"usd_per_hour": Decimal(36), "boot_s": 30.0, "most_s": 7200.0}  # a cent a second
    return estimate(runs, hardware, **{**values, **more})


def test_the_median_and_the_range_of_what_runs_on_such_hardware_were_billed() -> None:
    found = expected(past(100), past(400), past(200), past(9, hardware=LARGE))
    assert found is not None
    assert (Decimal(found.usd), Decimal(found.low_usd), Decimal(found.high_usd)) == (Decimal(2), Decimal(1), Decimal(4))
    assert (found.runs, found.same_hardware, found.billed_s) == (3, True, "200.000")


def test_on_other_hardware_the_jobs_own_time_counts_and_the_boot_is_added() -> None:
    found = expected(past(500, 100), past(900, 300), hardware=LARGE, boot_s=50.0)
    assert found is not None
    assert (Decimal(found.usd), found.same_hardware, found.runs) == (Decimal("2.50"), False, 2)


def test_a_minute_is_billed_at_the_least_and_no_more_than_the_run_may_take() -> None:
    found = expected(past(10), past(8000), past(9000))
    assert found is not None
    assert (Decimal(found.low_usd), Decimal(found.high_usd)) == (Decimal("0.60"), Decimal(72))


def test_without_an_earlier_run_or_a_price_there_is_none() -> None:
    assert expected() is None
    assert expected(past(100), usd_per_hour=None) is None


def test_what_aws_billed_of_earlier_receipts_corrects_it() -> None:
    found = expected(past(100), factor=Decimal("1.25"))
    assert found is not None
    assert (Decimal(found.usd), found.factor) == (Decimal("1.25"), "1.25")


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=12))
def test_the_median_is_within_the_range(seconds: list[float]) -> None:
    found = expected(*map(past, seconds))
    assert found is not None
    assert 0 < Decimal(found.low_usd) <= Decimal(found.usd) <= Decimal(found.high_usd) <= 72


@pytest.mark.parametrize("value", [None, {}, {"run_id": "a", "hardware": "b", "billed_s": "x", "job_s": 1}, [], 5])
def test_a_row_that_was_not_written_so_is_left_out(value: Any) -> None:
    assert past_from_json(value) is None
    assert past_from_json(past(3).to_json()) == past(3)


# -- from records, and kept on the machine -----------------------------------------------------------------------------


def ended(number: int, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "run_id": f"demo-20260101-{number:02}0000-0001", "created_at": f"2026-01-01T{number:02}:00:00Z",
        "deadline": "2026-01-02T05:04:05Z", "hardware": SMALL, "state": "removed", "backend": "fargate",
        "outcome": Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished"), "cost_usd": "0.01",
        "receipt": Receipt(total_usd="0.01", billed_s=f"{100 + number}"), "stopped_at": f"2026-01-01T{number:02}:01:40Z",
        "started_at": f"2026-01-01T{number:02}:00:00Z",
    }  # fmt: skip
    return record(**{**values, **changes})


def account(*records: Record) -> FakeAccount:
    made = FakeAccount()
    for one in records:
        made.aws.call("s3", "put_object", Bucket=BUCKET, Key=f"runs/{one.run_id}/run.json", Body=dump(one))
    made.aws.calls.clear()
    kept = MemoryCache(clock=made.clock)
    made.context = replace(made.context, cache=lambda: kept)
    return made


def test_the_newest_runs_are_read_once_a_day_and_no_request_is_made_after_that() -> None:
    made = account(*(ended(number) for number in range(20)))
    first = history.earlier_runs(made.context, made.store, "demo")
    assert [one.billed_s for one in first] == [float(100 + number) for number in range(19, 7, -1)]
    assert len(made.aws.operations) == 13
    assert history.earlier_runs(made.context, made.store, "demo") == first
    assert len(made.aws.operations) == 13
    made.clock.sleep(86_401)
    history.earlier_runs(made.context, made.store, "demo")
    assert len(made.aws.operations) == 26


def test_a_run_that_this_machine_saw_end_is_added_without_a_request() -> None:
    made = account(ended(1))
    history.earlier_runs(made.context, made.store, "demo")
    before = len(made.aws.operations)
    history.note_run(made.context, ended(2))
    history.note_run(made.context, ended(2))
    found = history.earlier_runs(made.context, made.store, "demo")
    assert [one.billed_s for one in found] == [102.0, 101.0]
    assert len(made.aws.operations) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome(exit_code=1, reason=OutcomeReason.EXIT, sentence="it failed")},
        {"outcome": None},
        {"receipt": None},
        {"receipt": Receipt(total_usd=None, billed_s="5")},
        {"receipt": Receipt(total_usd="1", billed_s=None)},
        {"stopped_at": None},
    ],
)
def test_a_run_that_failed_or_was_not_measured_tells_nothing(changes: dict[str, Any]) -> None:
    assert history.past_run(ended(1, **changes)) is None


def test_an_account_that_can_not_be_read_gives_no_estimate_and_no_error() -> None:
    made = account(ended(1))
    made.bucket.deny("runs/demo-20260101-010000-0001/run.json")
    assert history.earlier_runs(made.context, made.store, "demo") == ()
