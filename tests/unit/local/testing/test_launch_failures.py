from __future__ import annotations

import pytest

from aws_run.local.testing.launch_failures import Shortages, parse


def test_a_rule_for_a_type_leaves_the_others() -> None:
    shortages = Shortages(("g5.xlarge",))
    assert shortages.launchable(["g5.xlarge", "g6.xlarge"], "spot") == ["g6.xlarge"]


def test_a_rule_for_a_market_holds_there_alone() -> None:
    shortages = Shortages(("spot:*",))
    assert shortages.launchable(["m5.large"], "spot") == []
    assert shortages.launchable(["m5.large"], "on-demand") == ["m5.large"]
    assert "UnfulfillableCapacity" in shortages.take("m5.large", "spot", "us-east-1a")


def test_a_counted_rule_wears_off() -> None:
    shortages = Shortages(("*=AuthenticationFailure#1",))
    assert shortages.take("m5.large", "on-demand", "a") == "Authentication Failure. Launching EC2 instance failed."
    assert shortages.launchable(["m5.large"], "on-demand") == ["m5.large"]


def test_fargate_has_rules_of_its_own() -> None:
    shortages = Shortages(("FARGATE_SPOT",))
    assert shortages.take_fargate("FARGATE_SPOT", accepted=True)
    assert not shortages.take_fargate("FARGATE_SPOT", accepted=False)
    assert not shortages.take_fargate("FARGATE", accepted=True)


def test_a_code_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="is no rule"):
        parse("*=Whatever")
