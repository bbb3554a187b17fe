"""What AWS has refused a run, in sentences: "tried: g6.xlarge spot in us-east-1a: no capacity". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_run.backends.ec2.scaling_activities import CapacityStatus, capacity_status, launch_status
from aws_run.infra.resource_types.group import LaunchRefusal
from aws_run.pricing.receipt import MachineUse
from aws_run.runs.spec import Rung

_WORDS = {
    "InsufficientInstanceCapacity": "no capacity",
    "UnfulfillableCapacity": "no capacity",
    "SpotMaxPriceTooLow": "the spot price is above what the run pays at most",
    "Unsupported": "not offered there",
    "VcpuLimitExceeded": "over the account's quota of vCPUs",
    "MaxSpotInstanceCountExceeded": "over the account's spot quota",
}
# What AWS's sentences name: "sufficient m5.large capacity in the Availability Zone you requested (us-east-1a)".
_TYPE = re.compile(r"\b(?P<type>[a-z][a-z0-9-]*\.(?:\d+xlarge|metal[a-z0-9-]*|nano|micro|small|medium|large|xlarge))\b")
_ZONE = re.compile(r"\((?P<zone>[a-z]{2}(?:-[a-z]+)+-\d[a-z])\)")
_SHOWN = 3


def describe(rung: Rung) -> str:
    first = ", ".join(rung.instance_types[:_SHOWN])
    more = len(rung.instance_types) - _SHOWN
    return f"{first}{f' or {more} others' if more > 0 else ''} {_market(rung.spot)}"


def refusals(
    activities: Sequence[Mapping[str, Any]],
    old: frozenset[str],
    rung: Rung,
    zones: Sequence[str],
    status: CapacityStatus,
) -> list[str]:
    """Each type and zone that AWS's own sentences name, else all that the group asked for. At least one."""
    named: dict[str, None] = {}
    for activity in reversed(activities):
        one = capacity_status([activity], old)
        kind, zone = _TYPE.search(one.text), _ZONE.search(one.text)
        if one.state == "failed" and kind is not None and kind["type"] in rung.instance_types:
            where = zone["zone"] if zone is not None else ", ".join(zones)
            named[f"tried: {kind['type']} {_market(rung.spot)} in {where}: {_why(one)}"] = None
    return list(named) or [f"tried: {describe(rung)} in {', '.join(zones)}: {_why(status)}"]


def launch_refusals(refusals: Sequence[LaunchRefusal], rung: Rung) -> list[str]:
    """As LaunchInstances names them: each type that it tried, and where."""
    return [
        f"tried: {one.instance_type or describe(rung)} {_market(rung.spot)} in {one.zone}: {_why(launch_status([one]))}"
        for one in refusals
    ]


def passed_over(rungs: Sequence[Rung], machine: MachineUse, zones: Sequence[str]) -> Iterator[str]:
    """A group on demand tries its types in their order ("prioritized", Auto Scaling's guide): those before the one that
    it launched were not to be had."""
    rung = next((one for one in reversed(rungs) if not one.spot and machine.instance_type in one.instance_types), None)
    if rung is None:
        return
    for name in rung.instance_types[: rung.instance_types.index(machine.instance_type)]:
        yield f"tried: {name} on demand in {', '.join(zones)}: no capacity (AWS took {machine.instance_type})"


def _why(status: CapacityStatus) -> str:
    words = _WORDS.get(status.code, "")
    if status.state == "healing" or not status.code:
        return status.text
    return f"{words} ({status.code})" if words else status.code


def _market(spot: bool) -> str:
    return "spot" if spot else "on demand"
