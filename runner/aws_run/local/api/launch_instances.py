"""LaunchInstances: what a group's launch gives, or why it gives nothing, in the answer.

By Auto Scaling's guide, "Launch instances synchronously" and "Launching instances with synchronous provisioning".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.autoscaler import AutoScaler
from aws_run.local.sim.model import Group, Place
from aws_run.local.sim.state import AccountState
from aws_run.local.testing.launch_failures import MESSAGES

_TOKEN_LIVES = timedelta(hours=8)
_MOST = 100


@dataclass(kw_only=True)
class _Answer:
    request: Params
    at: datetime
    given: Params = field(default_factory=dict)


def table(scaler: AutoScaler) -> Table:
    return {("autoscaling", "LaunchInstances"): _LaunchInstances(scaler)}


class _LaunchInstances:
    def __init__(self, scaler: AutoScaler) -> None:
        self._scaler = scaler
        self._answers: dict[tuple[str, str, str], _Answer] = {}

    def __call__(self, world: AccountState, call: Call) -> Params:
        p = call.params()
        with world.lock:
            place = world.place(call.region)
            group = _group(place, str(p["AutoScalingGroupName"]))
            token = (world.account, place.region, str(p.get("ClientToken") or ""))
            known = self._answers.get(token)
            if known is not None and world.clock.now() - known.at < _TOKEN_LIVES:
                if known.request != p:
                    raise Refusal(
                        "IdempotentParameterMismatch", "The client token was used with other parameters before."
                    )
                return known.given
            answer = _Answer(request=p, at=world.clock.now(), given=self._launch(world, place, group, p))
            self._answers[token] = answer
            return answer.given

    def _launch(self, world: AccountState, place: Place, group: Group, p: Params) -> Params:
        count = int(p["RequestedCapacity"])
        if count > _MOST:
            raise Refusal("ValidationError", f"At most {_MOST} instances can be launched by one call.")
        _refuse_two_markets(group)
        subnet, zone = _where(world, place, group, p)
        if len(group.instances) + count > group.max_size:
            raise Refusal(
                "ValidationError",
                f"The requested capacity of {count} would exceed the group's maximum size of {group.max_size}.",
            )
        retry = p.get("RetryStrategy") == "retry-with-group-configuration"
        instances: list[Params] = []
        errors: list[Params] = []
        for _ in range(count):
            launched = self._scaler.launch_now(place, group, subnet, retry=retry)
            at = {
                "MarketType": "Spot" if launched.spot else "OnDemand",
                "AvailabilityZone": zone,
                **({"SubnetId": subnet} if subnet else {}),
            }
            if launched.instance is not None:
                kind = launched.instance.type
                instances.append({**at, "InstanceType": kind, "InstanceIds": [launched.instance.id]})
                continue
            code = _code(launched.refusal)
            errors += [
                {**at, "InstanceType": kind, "ErrorCode": code, "ErrorMessage": launched.refusal}
                for kind in launched.types or ("",)
            ]
        return {
            "AutoScalingGroupName": group.name,
            "ClientToken": p.get("ClientToken"),
            "Instances": instances,
            "Errors": errors,
        }


def _group(place: Place, name: str) -> Group:
    group = place.groups.get(name)
    if group is None:
        raise Refusal("ValidationError", f"AutoScalingGroup name not found - no such group: {name}")
    if group.deleting:
        raise Refusal("ValidationError", "The AutoScaling group may not be modified while it is pending delete")
    return group


def _refuse_two_markets(group: Group) -> None:
    distribution = (group.mixed or {}).get("InstancesDistribution") or {}
    above = distribution.get("OnDemandPercentageAboveBaseCapacity")
    share, base = int(100 if above is None else above), int(distribution.get("OnDemandBaseCapacity") or 0)
    if group.mixed and (0 < share < 100 or (base and share == 0)):
        raise Refusal(
            "ValidationError",
            "LaunchInstances supports mixed instances policies with fully On-Demand or fully Spot options only.",
        )


def _where(world: AccountState, place: Place, group: Group, p: Params) -> tuple[str | None, str]:
    """The subnet and the zone of the launch."""
    subnets, zones = list(p.get("SubnetIds") or ()), list(p.get("AvailabilityZones") or ())
    if len(subnets) > 1 or len(zones) > 1:
        raise Refusal("ValidationError", "LaunchInstances takes one Availability Zone or subnet.")
    ec2: Any = world.moto("ec2", place.region)
    by_subnet = {one: str(ec2.get_subnet(one).availability_zone) for one in group.subnets}
    if any(one not in by_subnet for one in subnets) or any(one not in group.azs for one in zones):
        raise Refusal("ValidationError", "The Availability Zone or subnet is not one of the AutoScalingGroup.")
    if not subnets and not zones and len(group.azs) > 1:
        raise Refusal(
            "ValidationError",
            "Either AvailabilityZones or SubnetIds must be specified for groups with multiple Availability Zones.",
        )
    if subnets:
        zone = by_subnet[subnets[0]]
        if zones and zones != [zone]:
            raise Refusal("ValidationError", "The subnet is not in the Availability Zone.")
        return subnets[0], zone
    zone = zones[0] if zones else group.azs[0]
    return next((one for one, at in by_subnet.items() if at == zone), None), zone


def _code(refusal: str) -> str:
    """The code of one of our sentences."""
    starts = {code: text.partition("{")[0] for code, text in MESSAGES.items()}
    return next((code for code, start in starts.items() if refusal.startswith(start)), "ValidationError")
