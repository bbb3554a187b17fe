"""Launches that fail because a test wants them to, in AWS's own words. Pure.

A rule is `WHAT[=CODE][#COUNT]`. WHAT: `*`, an instance type, or either after `spot:` or `on-demand:`; or `FARGATE` or
`FARGATE_SPOT`, whose tasks then find no place: they stop before they start, or with the code NotAccepted are among
RunTask's `failures`. COUNT: for that many launches; without it for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RULE = re.compile(r"^(?P<what>[^=#]+)(?:=(?P<code>[A-Za-z.]+))?(?:#(?P<count>\d+))?$")
_TAIL = "Launching EC2 instance failed."
MESSAGES = {
    "InsufficientInstanceCapacity": (
        "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient "
        "{type} "
        "capacity in the Availability Zone you requested ({az}). Our system will be working on provisioning additional "
        "capacity. "
    ),
    "UnfulfillableCapacity": (
        "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request "
        "configuration. Please adjust your request and try again. "
    ),
    "VcpuLimitExceeded": (
        "You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that "
        "the "
        "specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an "
        "adjustment to this limit. "
    ),
    "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded. ",
    "Unsupported": (
        "Your requested instance type ({type}) is not supported in your requested Availability Zone ({az}). Please "
        "retry "
        "your request by not specifying an Availability Zone. "
    ),
    "InsufficientFreeAddressesInSubnet": (
        "InsufficientFreeAddressesInSubnet - There are not enough free addresses in the subnet to satisfy the "
        "requested "
        "number of instances. "
    ),
    "MaxFleetCountExceeded": "MaxFleetCountExceeded - The maximum number of fleets in the region has been reached. ",
    "SpotMaxPriceTooLow": "Could not launch Spot Instances. SpotMaxPriceTooLow - Your Spot request price is too low. ",
    "AuthenticationFailure": "Authentication Failure. ",
    "InvalidInstanceProfile": "Invalid IAM Instance Profile name. ",
    # An account on the free plan (aws-samples/eks-workshop-v2#1644).
    "FreePlan": (
        "InvalidParameterCombination - The specified instance type is not eligible for Free Tier. For a list of Free "
        "Tier instance types, run 'describe-instance-types' with the filter 'free-tier-eligible=true'. "
    ),
    # Of Fargate: in RunTask's `failures`, instead of a task that stops.
    "NotAccepted": "Capacity is unavailable at this time. Please try again later or in a different availability zone",
    # A new account's first launch in a region.
    "PendingVerification": (
        "Your request for accessing resources in this region is being validated, and you will not be able to launch "
        "additional resources in this region until the validation is complete. "
    ),
}


@dataclass
class Rule:
    what: str
    code: str | None
    left: int | None  # None: for ever

    def matches(self, kind: str, market: str) -> bool:
        return self.left != 0 and self.what in ("*", kind, f"{market}:*", f"{market}:{kind}")


class Shortages:
    """The rules in force; `take` uses one up."""

    def __init__(self, rules: tuple[str, ...] = ()) -> None:
        self.rules = [parse(rule) for rule in rules]

    def launchable(self, types: list[str], market: str) -> list[str]:
        return [t for t in types if not any(r.matches(t, market) for r in self.rules)]

    def take(self, kind: str, market: str, az: str) -> str:
        """AWS's message for a launch of `kind` that a rule forbids."""
        rule = next(r for r in self.rules if r.matches(kind, market))
        if rule.left is not None:
            rule.left -= 1
        code = rule.code or ("UnfulfillableCapacity" if market == "spot" else "InsufficientInstanceCapacity")
        return MESSAGES[code].format(type=kind, az=az) + _TAIL

    def take_fargate(self, provider: str, *, accepted: bool) -> bool:
        """Whether a Fargate task of this provider (FARGATE, FARGATE_SPOT) finds no place, before or after RunTask has
        accepted it."""
        for rule in self.rules:
            if rule.left != 0 and rule.what == provider and accepted == (rule.code != "NotAccepted"):
                rule.left = None if rule.left is None else rule.left - 1
                return True
        return False

    def texts(self) -> list[str]:
        return [f"{r.what}={r.code or 'default'}#{'∞' if r.left is None else r.left}" for r in self.rules]


def parse(text: str) -> Rule:
    """ValueError for a rule that is none."""
    match = _RULE.match(text)
    if match is None or (match["code"] and match["code"] not in MESSAGES):
        raise ValueError(f"{text!r} is no rule; codes are {', '.join(MESSAGES)}")
    return Rule(what=match["what"], code=match["code"], left=int(match["count"]) if match["count"] else None)
