"""What things cost in one region, as values, and the port through which prices come. Money is Decimal, in USD."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Protocol

from aws_run.frozen import frozen

HOURS_A_MONTH = 730  # what AWS divides a GB-month's price by
FARGATE_FREE_STORAGE_GIB = 20


@frozen
class Rate:
    """One price. Its unit is in the name of what holds it. `source`: who says so; `as_of`: an ISO date."""

    usd: Decimal
    source: str
    as_of: str


def _none() -> Mapping[str, Rate]:
    return {}


@frozen
class RegionRates:
    """A region's prices besides its instances'. None and a missing architecture: not known. Fargate's are by
    architecture; its Spot prices are in no API of AWS."""

    region: str
    fargate_vcpu_hour: Mapping[str, Rate] = field(default_factory=_none)
    fargate_gb_hour: Mapping[str, Rate] = field(default_factory=_none)
    fargate_spot_vcpu_hour: Mapping[str, Rate] = field(default_factory=_none)
    fargate_spot_gb_hour: Mapping[str, Rate] = field(default_factory=_none)
    fargate_storage_gb_hour: Rate | None = None
    gp3_gb_month: Rate | None = None
    public_ipv4_hour: Rate | None = None
    nat_gateway_hour: Rate | None = None
    nat_gateway_gb: Rate | None = None


class Prices(Protocol):
    """Prices of one region. Nothing is raised for a price that can't be read: it is missing, or from the packaged
    table, which its source says."""

    def region_rates(self) -> RegionRates: ...

    def on_demand(self, names: Collection[str]) -> Mapping[str, Rate]:
        """USD an hour of a Linux instance of each type. A price that is not known is missing."""
        ...

    def spot(self, names: Collection[str]) -> Mapping[tuple[str, str], Rate]:
        """The current spot price in USD an hour, by type and zone. Empty where AWS does not say."""
        ...

    @property
    def note(self) -> str | None:
        """A sentence for the plan where the prices are not AWS's own of today."""
        ...
