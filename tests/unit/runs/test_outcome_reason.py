"""One enum of reasons: everything that the container writes is in it, and each says what it implies."""

from __future__ import annotations

import json

import pytest

from aws_run.contract import EndReason
from aws_run.runs.outcome import OutcomeReason, reason_of


def test_every_reason_of_the_container_is_one_of_a_run() -> None:
    assert {reason.value for reason in EndReason} <= {reason.value for reason in OutcomeReason}


@pytest.mark.parametrize("reason", list(OutcomeReason))
def test_each_reason_says_what_it_implies(reason: OutcomeReason) -> None:
    assert reason.exit_code in (None, 124, 125, 130)
    assert reason.help.startswith("aws-run ")
    assert json.dumps(reason) == f'"{reason}"'
    assert reason_of(str(reason)) is reason


def test_only_a_machine_that_aws_took_back_is_worth_another_attempt() -> None:
    retryable = {reason for reason in OutcomeReason if reason.retryable}
    assert retryable == {OutcomeReason.INTERRUPTION, OutcomeReason.SPOT_NOTICE}


def test_a_reason_of_a_newer_version_is_unknown() -> None:
    assert reason_of("invented-later") is OutcomeReason.UNKNOWN
