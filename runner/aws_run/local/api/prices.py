"""Prices as the Pricing API and the Spot price history give them, from the same numbers as the bill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_run.local.http.protocol import Call, Params
from aws_run.local.http.routes import Table
from aws_run.local.sim.billing import hourly_usd
from aws_run.local.sim.hardware import known
from aws_run.local.sim.state import AccountState


def table() -> Table:
    return {("pricing", "GetProducts"): products, ("ec2", "DescribeSpotPriceHistory"): spot_history}


def products(world: AccountState, call: Call) -> Mapping[str, Any]:
    """Linux on-demand instances, by the `instanceType` filter; nothing without one."""
    p = call.params()
    wanted = {f["Field"]: f["Value"] for f in p.get("Filters") or []}
    kind = str(wanted.get("instanceType", ""))
    rows = [_product(kind, wanted)] if p.get("ServiceCode") == "AmazonEC2" and kind and known(kind) else []
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(row) for row in rows]}


def spot_history(world: AccountState, call: Call) -> Mapping[str, Any]:
    """One price a zone for each type, with a time stamp before the requested start, as AWS includes it."""
    p = call.params()
    ec2 = world.moto("ec2", call.region)
    zones = sorted(zone.name for zone in ec2.describe_availability_zones())
    wanted = [f["Values"] for f in p.get("Filters") or [] if f["Name"] == "availability-zone"]
    zones = [z for z in zones if not wanted or z in wanted[0]]
    zones = [z for z in zones if not p.get("AvailabilityZone") or z == p["AvailabilityZone"]]
    moment = p.get("StartTime") or world.clock.now()
    return {
        "SpotPriceHistory": [
            {
                "InstanceType": kind,
                "ProductDescription": "Linux/UNIX",
                "SpotPrice": f"{hourly_usd(str(kind), spot=True) * (1 + n / 50):.6f}",
                "AvailabilityZone": zone,
                "Timestamp": moment,
            }
            for kind in p.get("InstanceTypes") or []
            if known(str(kind))
            for n, zone in enumerate(zones)
        ]
    }


def _product(kind: str, wanted: Params) -> Params:
    price = f"{hourly_usd(kind, spot=False):.10f}"
    return {
        "product": {"productFamily": "Compute Instance", "attributes": {"operatingSystem": "Linux", **wanted}},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {"T": {"priceDimensions": {"D": {"unit": "Hrs", "pricePerUnit": {"USD": price}}}}}},
    }
