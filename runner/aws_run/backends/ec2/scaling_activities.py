"""Reading a group's scaling activities: is a machine coming, and if not, why? Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.infra.resource_types.group import LaunchRefusal

# Codes after which no waiting helps (aws-facts §2), each with what to try next.
_SPOT_HINT = "try --spot-policy auto, another region, or --instance-type with several types"
_TERMINAL: dict[str, str] = {
    "InsufficientInstanceCapacity": "try another region, more --instance-type choices, or --spot-policy auto",
    "MaxSpotInstanceCountExceeded": "raise the account's Spot quota (Service Quotas, EC2), or drop --spot",
    "VcpuLimitExceeded": "raise the account's vCPU quota for this family (Service Quotas, EC2), or ask for less",
    "UnfulfillableCapacity": _SPOT_HINT,
    "Unsupported": "this type is not offered in these zones: name another with --instance-type or other --subnets",
    "InsufficientFreeAddressesInSubnet": "the subnet is full: pass other --subnets",
    "MaxFleetCountExceeded": "too many fleets in this account: wait, or run " + quoted("gc"),
    "SpotMaxPriceTooLow": _SPOT_HINT,
    "FreeTierOnly": (
        "this account is on AWS's free plan, which has only a few types: name one with --instance-type (such as "
        "m7i-flex.large or c7i-flex.large), use --backend fargate, or upgrade the account's plan"
    ),
    "InvalidAMIID.NotFound": "the machine image is gone: try again, the newest one is looked up at each run",
}
# Of these, the ones that another hour may bring.
PASSES_WITH_TIME = frozenset({"InsufficientInstanceCapacity", "UnfulfillableCapacity", "SpotMaxPriceTooLow"})
# What the same refusals look like where AWS gives a sentence without a code.
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"do not have sufficient .* capacity|no .*capacity available", "InsufficientInstanceCapacity"),
    (r"requested more vCPU capacity than your current vCPU limit", "VcpuLimitExceeded"),
    (r"not eligible for Free Tier", "FreeTierOnly"),  # the launch's own code is InvalidParameterCombination
    (r"Max spot instance count exceeded", "MaxSpotInstanceCountExceeded"),
    (r"configuration is currently not supported|is not supported in your requested Availability Zone", "Unsupported"),
)
# These heal by themselves within about a minute: a role that was just made is not known everywhere yet.
_ENCODED = re.compile(r" *Encoded authorization failure message: \S+")  # a thousand letters that tell a reader nothing
_TRANSIENT = re.compile(r"Authentication Failure|Invalid IAM Instance Profile", re.IGNORECASE)


@frozen
class CapacityStatus:
    """`failed`: no machine will come by waiting. `healing`: a failure that goes away. `waiting`: nothing to say."""

    state: Literal["waiting", "launching", "healing", "failed"]
    code: str = ""
    text: str = ""
    hint: str = ""
    since: datetime | None = None  # when the newest instance came into service
    failures: int = 0  # launches that AWS has refused since the last one that went well


def capacity_status(activities: Sequence[Mapping[str, Any]], old: frozenset[str] = frozenset()) -> CapacityStatus:
    """`activities` as DescribeScalingActivities gives them, newest first. The newest one decides.

    `old`: ids of those that belong to what was asked for before (another market, a machine that was taken away).
    """
    activities = [activity for activity in activities if activity.get("ActivityId") not in old]
    for activity in activities:
        status = str(activity.get("StatusCode", ""))
        if str(activity.get("Description", "")).startswith("Terminating"):
            continue
        if status in ("Successful", "PreInService", "InProgress", "WaitingForInstanceId", "MidLifecycleAction"):
            since = activity.get("EndTime") if status == "Successful" else None
            return CapacityStatus(state="launching", text=str(activity.get("Description", "")), since=since)
        if status in ("Failed", "Cancelled"):
            failed = _judge_failure(str(activity.get("StatusMessage") or activity.get("Description") or ""))
            return replace(failed, failures=_failures(activities))
    return CapacityStatus(state="waiting")


def launch_status(refusals: Sequence[LaunchRefusal]) -> CapacityStatus:
    """What LaunchInstances has answered instead of a machine. The first refusal that no waiting helps decides."""
    each = [replace(_judge_failure(f"{one.code} - {one.text}"), failures=1) for one in refusals]
    return next((one for one in each if one.state == "failed"), each[0])


def _failures(activities: Sequence[Mapping[str, Any]]) -> int:
    codes = [str(activity.get("StatusCode", "")) for activity in activities]
    return next((index for index, code in enumerate(codes) if code == "Successful"), len(codes))


def _judge_failure(message: str) -> CapacityStatus:
    for code, hint in _TERMINAL.items():
        if re.search(rf"\b{re.escape(code)}\b", message):
            return CapacityStatus(state="failed", code=code, text=message, hint=hint)
    for pattern, code in _SENTENCES:
        if re.search(pattern, message, re.IGNORECASE):
            return CapacityStatus(state="failed", code=code, text=message, hint=_TERMINAL[code])
    # What we don't know may heal as the known transient ones do; how long that is waited for is the caller's choice.
    code = "transient" if _TRANSIENT.search(message) else "unknown"
    return CapacityStatus(state="healing", code=code, text=_ENCODED.sub("", message))
