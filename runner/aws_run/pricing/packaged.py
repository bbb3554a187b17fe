"""The last resort where AWS's price list and catalogue can't be read: a small table with its date and its sources.

Its prices are of three regions. In any other there are none here: another region's price is no price.
"""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from importlib import resources
from typing import Any

from aws_run.frozen import frozen
from aws_run.pricing.catalogue import InstanceType
from aws_run.pricing.prices import Rate, RegionRates

LABEL = "aws-run's packaged table"


@frozen
class Packaged:
    """`priced_on`: an ISO date."""

    priced_on: str
    types: tuple[InstanceType, ...]
    usd_per_hour: dict[str, dict[str, Decimal]]  # type -> region -> on-demand
    regions: dict[str, dict[str, Any]]

    def on_demand(self, name: str, region: str) -> Rate | None:
        usd = self.usd_per_hour.get(name, {}).get(region)
        return None if usd is None else self._rate(usd)

    def region_rates(self, region: str) -> RegionRates:
        """Without any price for a region that the table has not."""
        known: dict[str, Any] = {
            name: {arch: self._rate(Decimal(usd)) for arch, usd in value.items()}
            if isinstance(value, dict)
            else self._rate(Decimal(value))
            for name, value in self.regions.get(region, {}).items()
        }
        return RegionRates(region=region, **known)

    def _rate(self, usd: Decimal) -> Rate:
        return Rate(usd=usd, source=LABEL, as_of=self.priced_on)


@functools.lru_cache(maxsize=1)
def load() -> Packaged:
    document = json.loads((resources.files("aws_run.pricing") / "packaged.json").read_text(encoding="utf-8"))
    types, prices = [], {}
    for name, row in document["types"].items():
        by_region = row.pop("usd_per_hour")
        prices[name] = {region: Decimal(usd) for region, usd in by_region.items()}
        types.append(InstanceType(name=name, **row))
    return Packaged(
        priced_on=document["priced_on"], types=tuple(types), usd_per_hour=prices, regions=document["regions"]
    )
