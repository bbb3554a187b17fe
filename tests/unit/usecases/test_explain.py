"""What `explain` gives to be typed helps with what went wrong."""

from __future__ import annotations

import pytest
from tests.unit.fakes import record

from aws_run.runs.record import HardwareEntry, Outcome
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
    outcome = Outcome(exit_code=125, reason="capacity", sentence=sentence)
    found = _ended(record(hardware=hardware), outcome, "")
    assert helps in found.command
    assert sentence in found.sentence
