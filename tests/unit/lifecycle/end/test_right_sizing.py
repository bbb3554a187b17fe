"""From the container's result to what would have been enough, in the record of a run that ended well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.fakes import Events, FakeAws, FakeClock, fargate_backend, job, record, refused
from tests.unit.lifecycle.memory_run import MemoryRun

from aws_run.cli.commands.status import money_rows
from aws_run.lifecycle.end import reconcile
from aws_run.lifecycle.end.right_sizing import smaller_for
from aws_run.lifecycle.receipt_views import receipt_view, use_view
from aws_run.lifecycle.run_status import RunStatus
from aws_run.report.text import receipt_footer
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import EstimateEntry, HardwareEntry, Outcome, Receipt, Record, UsedEntry

SUBNETS = {"Subnets": [{"SubnetId": "s", "AvailabilityZone": "us-east-1a", "VpcId": "v", "MapPublicIpOnLaunch": True}]}
WELL = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="it finished")


def ended(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "backend": "fargate", "job": job().to_json(), "outcome": WELL, "cost_usd": "0.157080",
        "hardware": HardwareEntry(backend="fargate", description="", vcpu=2, memory_mib=16384, disk_gib=20),
        "used": UsedEntry(samples=600, peak_memory_bytes=int(2.1 * 1024**3), peak_cpu_percent=100),
        "receipt": Receipt(total_usd="0.15708", billed_s="3600"),
    }  # fmt: skip
    return record(**{**values, **changes})


def looked(at: Record, aws: FakeAws | None = None) -> tuple[Any, Events]:
    events = Events()
    aws = aws or FakeAws().on("describe_subnets", SUBNETS)
    return smaller_for(at, fargate_backend(aws, FakeClock()), events.emit), events


def test_what_would_have_been_enough_is_in_the_receipt() -> None:
    found, _ = looked(ended())
    assert found is not None
    view = receipt_view(replace(ended(), smaller=found), label="cost")
    assert view is not None
    assert (
        "peak 2.1 GiB of 16.0 GiB of memory, 1.0 of 2 vCPU; `--cpu 2+ --memory 4GB` (Fargate, 2 vCPU, 4 GB) would have "
        "cost $0.1037 instead of $0.1571" in receipt_footer(view)
    )


def test_counters_of_more_than_the_job_are_not_shown_as_its_own() -> None:
    whole = ended(used=UsedEntry(samples=600, peak_memory_bytes=23 * 1024**3, peak_cpu_percent=100))
    assert use_view(whole) is None
    assert use_view(ended()) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"used": None},
        {"receipt": None},
        {"receipt": Receipt(total_usd=None, billed_s="3600")},
        {"outcome": Outcome(exit_code=137, reason=OutcomeReason.OUT_OF_MEMORY, sentence="it ran out of memory")},
        {"job": None},
        {"hardware": None},
    ],
)
def test_a_run_that_failed_or_was_not_measured_gets_no_suggestion(changes: dict[str, Any]) -> None:
    assert looked(ended(**changes))[0] is None


def test_an_aws_that_refuses_costs_the_suggestion_and_nothing_else() -> None:
    found, events = looked(ended(), FakeAws().on("describe_subnets", refused("AccessDenied")))
    assert found is None
    assert [event.level for event in events] == ["debug"]


def test_what_the_container_measured_is_noted_by_whoever_finishes_the_run() -> None:
    run = MemoryRun()
    run.start_task()
    run.run_task_to_its_end()
    run.save_result(exit_code=0, reason="exit", used={"samples": 40, "peak_memory_bytes": 5, "peak_cpu_percent": 7})
    reconcile.reconcile(run.context, run.store, run.writer, run.backend.executor.find(run.record))
    assert run.record.used == UsedEntry(samples=40, peak_memory_bytes=5, peak_cpu_percent=7)


def test_a_use_that_no_container_writes_is_not_believed() -> None:
    run = MemoryRun()
    run.start_task()
    run.run_task_to_its_end()
    run.save_result(exit_code=0, reason="exit", used={"samples": -1})
    reconcile.reconcile(run.context, run.store, run.writer, run.backend.executor.find(run.record))
    assert run.record.used is None


def test_status_shows_the_estimate_the_use_and_what_is_left_out() -> None:
    estimate = EstimateEntry(usd="0.1", low_usd="0.05", high_usd="0.2", billed_s="2000", runs=4)
    found, _ = looked(ended())
    rows = dict(
        money_rows(
            RunStatus(record=ended(estimate=estimate, smaller=found), phase="succeeded", exit_code=0), label="cost"
        )
    )
    assert rows["estimate"] == "$0.1000, between $0.0500 and $0.2000, by 4 earlier runs; it cost 57 % more"
    assert rows["used"].startswith("peak 2.1 GiB of 16.0 GiB of memory")
    assert "would have cost $0.1037 instead of $0.1571" in rows["used"]
    assert rows["receipt"].startswith("not included: data transfer")
    assert money_rows(RunStatus(record=record(), phase="starting", exit_code=None), label="cost") == []
