"""Burstable types (T2, T3, T3a, T4g), which nobody gets without naming them. Pure.

Alone they are started in standard mode: without credits they slow down, and never cost more than their price. In a
group with other types EC2 takes no such setting. There they run as AWS starts them, unlimited, where a processor above
its baseline is billed as well, so they count as what they cost at full load.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal

from aws_run.pricing.prices import Rate

_FAMILY = re.compile(r"^(t2|t3a?|t4g)\.")
# What each vCPU may use for nothing (EC2 user guide, burstable performance instances), and what the rest costs an hour.
_BASELINE = {
    "nano": "0.05", "micro": "0.10", "small": "0.20", "medium": "0.20", "large": "0.30", "xlarge": "0.40",
    "2xlarge": "0.40",
}  # fmt: skip
_SURPLUS_USD_PER_VCPU_HOUR = {"t4g": Decimal("0.04")}
_SURPLUS_USD = Decimal("0.05")


def is_burstable(name: str) -> bool:
    return _FAMILY.match(name) is not None


def at_full_load(rates: Mapping[str, Rate], vcpus: Mapping[str, int], group: Collection[str]) -> Mapping[str, Rate]:
    """`rates` where those of the burstable types of `group` are for processors that are busy all the time, unless the
    group has no other types. T2 is in standard mode wherever it is started."""
    if all(map(is_burstable, group)):
        return rates
    loaded = {name: _loaded(name, rates[name], vcpus[name]) for name in group if name in rates and is_burstable(name)}
    return {**rates, **loaded}


def _loaded(name: str, rate: Rate, vcpu: int) -> Rate:
    family, _, size = name.partition(".")
    if family == "t2":
        return rate
    surplus = _SURPLUS_USD_PER_VCPU_HOUR.get(family, _SURPLUS_USD)
    usd = rate.usd + vcpu * (1 - Decimal(_BASELINE.get(size, "0.40"))) * surplus
    return replace(rate, usd=usd, source=f"{rate.source}, CPU credits at full load")
