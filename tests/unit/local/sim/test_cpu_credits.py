"""CPU credits of burstable instances, by the figures of the EC2 User Guide's "Unlimited mode examples"."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal as D
from typing import Any

import pytest

from aws_run.local.sim.cpu_credits import surplus_usd, unlimited

BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def charged(kind: str, hours: float, *busy: tuple[float, float]) -> D:
    at = [(BEGAN + timedelta(hours=first), BEGAN + timedelta(hours=last)) for first, last in busy]
    return surplus_usd(kind, 2, BEGAN, BEGAN + timedelta(hours=hours), at)


@pytest.mark.parametrize(
    ("kind", "hours", "busy", "usd"),
    [
        ("t3.medium", 1, [(0, 1)], D("1.6") * D("0.05")),  # 2 vCPUs, each 80 % above its baseline
        ("t4g.medium", 1, [(0, 1)], D("1.6") * D("0.04")),
        ("t3.medium", 1, [], D(0)),
        ("t3.medium", 5, [(4, 5)], D(0)),  # 1.6 vCPU-hours, earned in the four hours before
        ("t3.medium", 5, [(0, 1)], D(0)),  # or in the four hours after: surplus is paid down before it is charged
        ("t3.medium", 3, [(0, 1)], D("0.8") * D("0.05")),
        ("t3.medium", 4, [(0, 3), (2, 4), (9, 10)], D("6.4") * D("0.05")),  # tasks at once, and one of another day
        # It holds 24 hours' credits at most: 9.6 vCPU-hours, though it was idle for 100 hours.
        ("t3.medium", 110, [(100, 110)], (D(16) - D("9.6")) * D("0.05")),
        # What is above 24 hours' worth is charged at once, and no idle hour pays that back.
        ("t3.medium", 34, [(0, 10)], (D(16) - D("9.6")) * D("0.05")),
        ("t3.nano", 1, [(0, 1)], D("1.9") * D("0.05")),
        ("t3.2xlarge", 1, [(0, 1)], D("1.2") * D("0.05")),
    ],
)
def test_what_was_spent_and_not_earned_is_charged(
    kind: str, hours: float, busy: list[tuple[float, float]], usd: D
) -> None:
    assert charged(kind, hours, *busy) == usd


@pytest.mark.parametrize(
    ("kind", "data", "is_unlimited"),
    [
        ("t3.medium", {}, True),
        ("t3a.large", {}, True),
        ("t4g.nano", {}, True),
        ("t2.micro", {}, False),
        ("t2.micro", {"CreditSpecification": {"CpuCredits": "unlimited"}}, True),
        ("t3.medium", {"CreditSpecification": {"CpuCredits": "standard"}}, False),
        ("m7i.large", {}, False),
        ("trn1.2xlarge", {}, False),
    ],
)
def test_an_instance_is_launched_as_its_template_or_its_familys_default_says(
    kind: str, data: dict[str, Any], is_unlimited: bool
) -> None:
    assert unlimited(kind, data) is is_unlimited
