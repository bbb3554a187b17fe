"""DescribeInstanceTypes as AWS has it: the region's own types only, in pages. moto describes all types everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

_PAGE = 100


def table() -> Table:
    return {("ec2", "DescribeInstanceTypes"): describe}


def know_offerings(world: AccountState, region: str) -> None:
    """moto has none for the regions of China and GovCloud: they offer what us-east-1 offers, in their own zones."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    for kind, regions in INSTANCE_TYPE_OFFERINGS.items():
        if kind in ("availability-zone", "region") and region not in regions:
            zones = {zone.name for zone in world.moto("ec2", region).describe_availability_zones()}
            named = [{**row, "Location": row["Location"].replace("us-east-1", region)} for row in regions["us-east-1"]]
            regions[region] = [row for row in named if row["Location"] in {*zones, region}]


def describe(world: AccountState, call: Call) -> Mapping[str, Any]:
    p = call.params()
    ec2 = world.moto("ec2", call.region)
    names = [str(name) for name in p.get("InstanceTypes") or []]
    know_offerings(world, call.region)
    here = {one["InstanceType"] for one in ec2.describe_instance_type_offerings("region")}
    missing = [name for name in names if name not in here]
    if missing:
        raise Refusal("InvalidInstanceType", f"The following supplied instance types do not exist: [{missing[0]}]")
    if names and p.get("MaxResults"):
        raise Refusal("InvalidParameterCombination", "The parameter instanceTypes cannot be used with maxResults")
    filters = {str(one["Name"]): [str(value) for value in one["Values"]] for one in p.get("Filters") or []}
    if any(len(values) > 200 for values in filters.values()):
        raise Refusal("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
    rows = [row for row in ec2.describe_instance_types(names, filters) if row["InstanceType"] in here]
    start, size = int(p.get("NextToken") or 0), int(p.get("MaxResults") or _PAGE)
    page: dict[str, Any] = {"InstanceTypes": [dict(row) for row in rows[start : start + size]]}
    return {**page, "NextToken": str(start + size)} if start + size < len(rows) else page
