"""The prices of the embedded AWS: a recorded set of AWS's list prices, with its date, and a spot market that moves.

Its Price List, its Spot history and its bill all come from here. The spot market is made up: no copy of a real one
would move while a test runs.
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib import resources
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.sim.hardware import spec_of

STEP = timedelta(hours=1)  # how often a spot price changes
_BASE_SHARE = Decimal("0.35")  # of the on-demand price
_SWING_SHARE = Decimal("0.10")
# A type that the set lacks, or a region: by size, so that a bill is never 0. The Price List does not have it.
_PER_VCPU, _PER_GIB, _PER_GPU = Decimal("0.034"), Decimal("0.0035"), Decimal("0.60")
_ELSEWHERE = "us-east-1"


@frozen
class PriceSet:
    """USD by region: instances by type for an hour, and the region's other prices by name."""

    recorded_on: str
    regions: Mapping[str, Mapping[str, Any]]
    instances: Mapping[str, Mapping[str, str]]

    def on_demand(self, region: str, name: str) -> Decimal | None:
        """None where the set does not have it."""
        usd = self.instances.get(region, {}).get(name)
        return None if usd is None else Decimal(usd)

    def charged(self, region: str, name: str) -> Decimal:
        """What the bill takes for an hour on demand. KeyError for a type that AWS does not have."""
        usd = self.on_demand(region, name)
        if usd is not None:
            return usd
        spec = spec_of(name)
        return spec.vcpu * _PER_VCPU + Decimal(spec.memory_mib) / 1024 * _PER_GIB + spec.gpus * _PER_GPU

    def spot(self, region: str, zone: str, name: str, at: datetime) -> Decimal:
        """The spot price in force at a moment: it changes each hour, differs by zone, and repeats for one moment."""
        step = int(at.timestamp() // STEP.total_seconds())
        level = zlib.crc32(f"{zone} {name} {step}".encode()) % 2001 - 1000  # -1000 to 1000
        share = _BASE_SHARE + _SWING_SHARE * level / 1000
        return (self.charged(region, name) * share).quantize(Decimal("0.0001"))

    def flat(self, region: str, name: str, arch: str | None = None) -> Decimal:
        """A price besides the instances', for the bill. A Fargate Spot price that the set lacks is Fargate's own; other
        gaps are filled from us-east-1."""
        for place in (region, _ELSEWHERE):
            value = self.regions.get(place, {}).get(name)
            value = value.get(arch) if isinstance(value, Mapping) else value
            if value is not None:
                return Decimal(value)
            if name.startswith("fargate_spot_"):
                return self.flat(place, name.replace("_spot_", "_"), arch)
        raise KeyError(name)


@functools.lru_cache(maxsize=1)
def price_set() -> PriceSet:
    document = json.loads((resources.files("aws_run.local.sim") / "price_set.json").read_text(encoding="utf-8"))
    return PriceSet(recorded_on=document["recorded_on"], regions=document["regions"], instances=document["instances"])


def step_start(at: datetime) -> datetime:
    """When the spot price that is in force at `at` began."""
    seconds = int(at.timestamp() // STEP.total_seconds()) * STEP.total_seconds()
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
