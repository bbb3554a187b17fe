"""What `explain` gives to be typed helps with what went wrong."""

from __future__ import annotations

import pytest
from tests.unit.fakes import record

from aws_run.cli.results_next import why_command
from aws_run.lifecycle.end.ending import next_commands
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import HardwareEntry, LeftBehind, LeftFile, Outcome
from aws_run.usecases.explain import _ended


@pytest.mark.parametrize(
    ("sentence", "spot", "helps"),
    [
        ("AWS has no machine for this run: VcpuLimitExceeded (t3.medium)", False, "aws-run check"),
        ("AWS has no machine for this run: MaxSpotInstanceCountExceeded", True, "--spot-policy auto"),
        ("AWS has no machine for this run: UnfulfillableCapacity", True, "--spot-policy auto"),
        ("AWS has no machine for this run: InsufficientInstanceCapacity", False, "--instance-type"),
    ],
)
def test_a_run_without_a_machine_gets_the_help_that_fits(sentence: str, spot: bool, helps: str) -> None:
    hardware = HardwareEntry(backend="ec2", description="x", vcpu=2, memory_mib=4096, spot=spot)
    code = sentence.partition(": ")[2].split()[0]
    outcome = Outcome(exit_code=125, reason=OutcomeReason.CAPACITY, sentence=sentence, stop_code=code)
    found = _ended(record(hardware=hardware), outcome, "")
    assert helps in found.command
    assert sentence in found.sentence


@pytest.mark.parametrize(("spot", "helps"), [(True, "--spot-policy auto"), (False, "aws-run logs")])
def test_only_a_spot_machine_that_went_is_helped_by_another_market(spot: bool, helps: str) -> None:
    hardware = HardwareEntry(backend="ec2", description="x", vcpu=2, memory_mib=4096, spot=spot)
    outcome = Outcome(exit_code=125, reason=OutcomeReason.INTERRUPTION, sentence="the machine was ended")
    assert helps in _ended(record(hardware=hardware), outcome, "").command


def test_a_success_that_saved_nothing_is_not_nothing_wrong() -> None:
    left = LeftBehind(files=1, bytes=8, named=(LeftFile(name="result.csv", bytes=8),))
    outcome = Outcome(
        exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished", saved_files=0, left_behind=left
    )
    found = _ended(record(), outcome, "")
    assert "Nothing is wrong" not in found.sentence
    assert "result.csv (8 B)" in found.sentence
    assert "aws-run logs" in found.command


@pytest.mark.parametrize(
    ("vcpu", "memory_mib", "command"),
    [
        (2, 8192, "aws-run submit … --memory 16GB"),
        (0.25, 2048, "aws-run submit … --cpu 0.25+ --memory 4GB"),
        (4, 30 * 1024, "aws-run submit … --cpu 4+ --memory 60GB"),
    ],
)
def test_more_memory_after_out_of_memory_is_had_and_takes_no_processors_away(
    vcpu: float, memory_mib: int, command: str
) -> None:
    hardware = HardwareEntry(backend="fargate", description="x", vcpu=vcpu, memory_mib=memory_mib)
    outcome = Outcome(exit_code=137, reason=OutcomeReason.OUT_OF_MEMORY, sentence="the job ran out of memory")
    found = _ended(record(hardware=hardware), outcome, "")
    assert found.command == command


@pytest.mark.parametrize("reason", [reason for reason in OutcomeReason if not reason.has_log])
def test_nobody_is_sent_to_a_log_that_there_is_not(reason: OutcomeReason) -> None:
    outcome = Outcome(exit_code=125, reason=reason, sentence="the machine failed")
    assert "aws-run logs" not in _ended(record(), outcome, "").command
    assert next_commands(outcome, "demo") == ("aws-run explain demo",) or reason is OutcomeReason.BUCKET_GONE
    assert why_command(record(outcome=outcome)).startswith("aws-run explain ")


@pytest.mark.parametrize(("capped", "helps"), [(True, "--max-cost MORE"), (False, "--timeout 8h")])
def test_a_job_that_the_cap_ended_is_helped_by_more_money_alone(capped: bool, helps: str) -> None:
    outcome = Outcome(exit_code=124, reason=OutcomeReason.DEADLINE, sentence="the job was stopped")
    assert _ended(record(capped=capped), outcome, "").command == f"aws-run submit … {helps}"
