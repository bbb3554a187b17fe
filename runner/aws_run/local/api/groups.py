"""The Auto Scaling API, with AWS's refusals; `sim.autoscaler` moves what it describes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from typing import Any

from aws_run.local.api.groups_json import activity_json, group_json, instance_json
from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Handler, Table
from aws_run.local.sim.autoscaler import AutoScaler
from aws_run.local.sim.hardware import known
from aws_run.local.sim.launch import LaunchFailed, launch_data
from aws_run.local.sim.model import Group, Place, ScheduledAction
from aws_run.local.sim.state import AccountState

PROCESSES = (
    "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
    "ReplaceUnhealthy", "ScheduledActions",
)  # fmt: skip


def table(scaler: AutoScaler) -> Table:
    api = _Api(scaler)
    names = [n for n in dir(api) if n[0].isupper()]
    return {("autoscaling", name): _locked(getattr(api, name)) for name in names}


def _locked(method: Any) -> Handler:
    def handler(world: AccountState, call: Call) -> Mapping[str, Any]:
        with world.lock:
            return dict(method(world, world.place(call.region), call.params()) or {})

    return handler


def _group(place: Place, params: Params) -> Group:
    name = str(params.get("AutoScalingGroupName"))
    group = place.groups.get(name)
    if group is None:
        raise Refusal("ValidationError", f"AutoScalingGroup name not found - no such group: {name}")
    return group


_NOT_MODIFIED = "The AutoScaling group may not be modified while it is pending delete"
_NOT_SUSPENDED = "Processes may not be suspended while the AutoScaling group is pending delete"
_NOT_RESUMED = "Processes may not be resumed while the AutoScaling group is pending delete"


def _changeable(place: Place, params: Params, refusal: str = _NOT_MODIFIED) -> Group:
    """The group that the call names; `refusal` if it is being deleted."""
    group = _group(place, params)
    if group.deleting:
        raise Refusal("ValidationError", refusal)
    return group


class _Api:
    """One method an operation, named as AWS names it."""

    def __init__(self, scaler: AutoScaler) -> None:
        self._scaler = scaler
        self._generation = 0

    def CreateAutoScalingGroup(self, world: AccountState, place: Place, p: Params) -> None:
        name = str(p["AutoScalingGroupName"])
        if name in place.groups:
            raise Refusal(
                "AlreadyExists",
                f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
            )
        if bool(p.get("LaunchTemplate")) == bool(p.get("MixedInstancesPolicy")):
            raise Refusal(
                "ValidationError",
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                "InstanceId or MixedInstancesPolicy parameter.",
            )
        subnets = tuple(s.strip() for s in str(p.get("VPCZoneIdentifier") or "").split(",") if s.strip())
        azs = tuple(p.get("AvailabilityZones") or ())
        if not subnets and not azs:
            raise Refusal("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
        ec2 = world.moto("ec2", place.region)
        known_subnets = {s.id: s for zone in ec2.subnets.values() for s in zone.values()}
        missing = [s for s in subnets if s not in known_subnets]
        if missing:
            raise Refusal("ValidationError", f"The subnet ID '{missing[0]}' does not exist")
        minimum, maximum = int(p["MinSize"]), int(p["MaxSize"])
        desired = int(p["DesiredCapacity"]) if p.get("DesiredCapacity") is not None else minimum
        _check_sizes(minimum, maximum, desired)
        tags = [
            {"Key": t["Key"], "Value": t.get("Value") or "", "PropagateAtLaunch": bool(t.get("PropagateAtLaunch")),
             "ResourceId": name, "ResourceType": "auto-scaling-group"}
            for t in p.get("Tags") or []
        ]  # fmt: skip
        identity = world.new_id()
        group = Group(
            name=name,
            arn=world.arn("autoscaling", place.region, f"autoScalingGroup:{identity}:autoScalingGroupName/{name}"),
            min_size=minimum,
            max_size=maximum,
            desired=desired,
            created_at=world.clock.now(),
            launch_template=p.get("LaunchTemplate"),
            mixed=p.get("MixedInstancesPolicy"),
            subnets=subnets,
            azs=azs or tuple(sorted({known_subnets[s].availability_zone for s in subnets})),
            tags=tags,
            protect_new=bool(p.get("NewInstancesProtectedFromScaleIn")),
        )
        _check_launch(world, place, group)
        place.groups[name] = group
        self._scaler.reconcile(place, group, "a user request created an AutoScalingGroup")

    def UpdateAutoScalingGroup(self, world: AccountState, place: Place, p: Params) -> None:
        group = _changeable(place, p)
        minimum = group.min_size if p.get("MinSize") is None else int(p["MinSize"])
        maximum = group.max_size if p.get("MaxSize") is None else int(p["MaxSize"])
        # AWS moves the desired capacity inside new bounds itself when the call does not name it.
        desired = min(maximum, max(minimum, group.desired))
        if p.get("DesiredCapacity") is not None:
            desired = int(p["DesiredCapacity"])
        _check_sizes(minimum, maximum, desired)
        if p.get("LaunchTemplate"):
            group.launch_template, group.mixed = p["LaunchTemplate"], None
        if p.get("MixedInstancesPolicy"):
            group.mixed, group.launch_template = p["MixedInstancesPolicy"], None
        if p.get("VPCZoneIdentifier"):
            group.subnets = tuple(s.strip() for s in str(p["VPCZoneIdentifier"]).split(","))
            ec2 = world.moto("ec2", place.region)
            group.azs = tuple(sorted({str(ec2.get_subnet(one).availability_zone) for one in group.subnets}))
        if p.get("NewInstancesProtectedFromScaleIn") is not None:
            group.protect_new = bool(p["NewInstancesProtectedFromScaleIn"])
        group.min_size, group.max_size, group.desired = minimum, maximum, desired
        self._scaler.resize(
            place,
            group,
            "a user request update of AutoScalingGroup constraints to min: "
            f"{minimum}, max: {maximum}, desired: {desired}",
        )

    def SetDesiredCapacity(self, world: AccountState, place: Place, p: Params) -> None:
        group = _changeable(place, p)
        desired = int(p["DesiredCapacity"])
        if desired > group.max_size:
            raise Refusal(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is above max value {group.max_size} for the AutoScalingGroup.",
            )
        if desired < group.min_size:
            raise Refusal(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is below min value {group.min_size} for the AutoScalingGroup.",
            )
        group.desired = desired
        self._scaler.resize(place, group, f"a user request explicitly set group desired capacity to {desired}")

    def DeleteAutoScalingGroup(self, world: AccountState, place: Place, p: Params) -> None:
        group = _group(place, p)
        if group.instances and not p.get("ForceDelete"):
            raise Refusal(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                "instance request(s) still in the group.",
            )
        group.deleting = True
        group.suspended.discard("Terminate")
        self._scaler.resize(place, group, "a user request deleted an AutoScalingGroup")

    def DescribeAutoScalingGroups(self, world: AccountState, place: Place, p: Params) -> Params:
        names = p.get("AutoScalingGroupNames") or []
        chosen = [g for g in place.groups.values() if not names or g.name in names or g.arn in names]
        for wanted in p.get("Filters") or []:
            chosen = [g for g in chosen if _tag_filter(g, wanted)]
        return {"AutoScalingGroups": [group_json(g, world) for g in chosen]}

    def DescribeAutoScalingInstances(self, world: AccountState, place: Place, p: Params) -> Params:
        ids = p.get("InstanceIds") or []
        rows = [(g, i) for g in place.groups.values() for i in g.instances if not ids or i.id in ids]
        return {"AutoScalingInstances": [{**instance_json(g, i), "AutoScalingGroupName": g.name} for g, i in rows]}

    def DescribeScalingActivities(self, world: AccountState, place: Place, p: Params) -> Params:
        name = p.get("AutoScalingGroupName")
        if name and name not in place.groups and not p.get("IncludeDeletedGroups"):
            _group(place, p)
        rows = [a for a in place.activities if not name or a.group == name]
        ids = p.get("ActivityIds")
        rows = [a for a in rows if not ids or a.id in ids]
        start = int(p.get("NextToken") or 0)
        size = int(p.get("MaxRecords") or 100)
        page = {"Activities": [activity_json(a) for a in rows[start : start + size]]}
        return {**page, "NextToken": str(start + size)} if start + size < len(rows) else page

    def SuspendProcesses(self, world: AccountState, place: Place, p: Params) -> None:
        _changeable(place, p, _NOT_SUSPENDED).suspended |= set(_processes(p))

    def ResumeProcesses(self, world: AccountState, place: Place, p: Params) -> None:
        group = _changeable(place, p, _NOT_RESUMED)
        group.suspended -= set(_processes(p))
        self._scaler.reconcile(
            place, group, "an instance was started in response to a difference between desired and actual capacity,"
        )

    def PutScheduledUpdateGroupAction(self, world: AccountState, place: Place, p: Params) -> None:
        group = _changeable(place, p)
        start = p.get("StartTime") or p.get("Time")
        if start is None:
            raise Refusal(
                "ValidationError", "StartTime or Recurrence must be given; the embedded AWS fires StartTime only"
            )
        start_at = start if start.tzinfo else start.replace(tzinfo=timezone.utc)
        if start_at.microsecond:
            raise Refusal("ValidationError", "The start time has to be in whole seconds: YYYY-MM-DDThh:mm:ssZ")
        if start_at <= world.clock.now():
            raise Refusal("ValidationError", "Given start time is in the past")
        sizes = [p.get(k) for k in ("MinSize", "MaxSize", "DesiredCapacity")]
        if all(size is None for size in sizes):
            raise Refusal("ValidationError", "At least one of MinSize, MaxSize or DesiredCapacity must be given")
        if sizes[0] is not None and sizes[1] is not None and int(sizes[0]) > int(sizes[1]):
            raise Refusal("ValidationError", "Min bound may not be greater than max bound")
        self._generation += 1
        name = str(p["ScheduledActionName"])
        action = ScheduledAction(
            name=name, group=group.name, start_at=start_at, min_size=sizes[0], max_size=sizes[1], desired=sizes[2],
            generation=self._generation,
        )  # fmt: skip
        clash = [a for a in group.actions.values() if a.start_at == start_at and a.name != name]
        if clash:
            raise Refusal("ValidationError", "Given start time is conflicting with another scheduled action")
        group.actions[name] = action
        self._scaler.arm(place, action)

    def DescribeScheduledActions(self, world: AccountState, place: Place, p: Params) -> Params:
        groups = [_group(place, p)] if p.get("AutoScalingGroupName") else list(place.groups.values())
        names = p.get("ScheduledActionNames") or []
        rows = [(g, a) for g in groups for a in g.actions.values() if not names or a.name in names]
        return {
            "ScheduledUpdateGroupActions": [
                {
                    "AutoScalingGroupName": g.name,
                    "ScheduledActionName": a.name,
                    "ScheduledActionARN": f"{g.arn}:scheduledActionName/{a.name}",
                    "StartTime": a.start_at,
                    "Time": a.start_at,
                    "MinSize": a.min_size,
                    "MaxSize": a.max_size,
                    "DesiredCapacity": a.desired,
                }
                for g, a in rows
            ]
        }

    def DeleteScheduledAction(self, world: AccountState, place: Place, p: Params) -> None:
        group = _group(place, p)
        if group.actions.pop(str(p["ScheduledActionName"]), None) is None:
            raise Refusal("ValidationError", "Scheduled action name not found")

    def TerminateInstanceInAutoScalingGroup(self, world: AccountState, place: Place, p: Params) -> Params:
        instance = place.instances.get(str(p["InstanceId"]))
        group = place.groups.get(instance.group) if instance else None
        if instance is None or group is None or instance not in group.instances:
            raise Refusal(
                "ValidationError",
                f"Instance Id not found - No managed instance found for instance ID: {p['InstanceId']}",
            )
        if p.get("ShouldDecrementDesiredCapacity"):
            if group.desired - 1 < group.min_size:
                raise Refusal(
                    "ValidationError",
                    "Currently, desiredSize equals minSize. Terminating instance without replacement will violate "
                    "group's min size constraint.",
                )
            group.desired -= 1
        self._scaler.terminate(
            place, instance, f"instance {instance.id} was taken out of service in response to a user request."
        )
        ended = activity_json(place.activities[0])
        self._scaler.reconcile(
            place, group, "an instance was started in response to a difference between desired and actual capacity,"
        )
        return {"Activity": ended}

    def SetInstanceProtection(self, world: AccountState, place: Place, p: Params) -> None:
        group = _changeable(place, p)
        for instance in group.instances:
            if instance.id in (p.get("InstanceIds") or []):
                instance.protected = bool(p.get("ProtectedFromScaleIn"))

    def CreateOrUpdateTags(self, world: AccountState, place: Place, p: Params) -> None:
        for tag in p.get("Tags") or []:
            group = _group(place, {"AutoScalingGroupName": tag.get("ResourceId")})
            group.tags = [t for t in group.tags if t["Key"] != tag["Key"]] + [dict(tag)]

    def DeleteTags(self, world: AccountState, place: Place, p: Params) -> None:
        for tag in p.get("Tags") or []:
            group = _group(place, {"AutoScalingGroupName": tag.get("ResourceId")})
            group.tags = [t for t in group.tags if t["Key"] != tag["Key"]]

    def DescribeTags(self, world: AccountState, place: Place, p: Params) -> Params:
        rows = [t for g in place.groups.values() for t in g.tags]
        names = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
        for wanted in p.get("Filters") or []:
            key = names.get(wanted["Name"])
            rows = [t for t in rows if key is None or t[key] in wanted["Values"]]
        return {"Tags": rows}


def _check_sizes(minimum: int, maximum: int, desired: int) -> None:
    if minimum > maximum:
        raise Refusal("ValidationError", f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}")
    if desired < minimum:
        raise Refusal(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{minimum} and max size:{maximum}",
        )
    if desired > maximum:
        raise Refusal(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{minimum} and max size:{maximum}",
        )


def _check_launch(world: AccountState, place: Place, group: Group) -> None:
    """AWS dry-runs the template at creation; what can't launch by its form is refused here."""
    try:
        _, types, _ = launch_data(world, place, group)
    except LaunchFailed as error:
        raise Refusal("ValidationError", str(error)) from None
    unknown = [t for t in types if not known(t)]
    if unknown:
        raise Refusal(
            "ValidationError",
            "You must use a valid fully-formed launch template. The instance configuration for this AWS Marketplace "
            f"product or type '{unknown[0]}' is not supported",
        )


def _processes(p: Params) -> list[str]:
    names = p.get("ScalingProcesses") or list(PROCESSES)
    wrong = [n for n in names if n not in PROCESSES]
    if wrong:
        raise Refusal("ValidationError", f"Process type {wrong[0]} is not supported")
    return list(names)


def _tag_filter(group: Group, wanted: Params) -> bool:
    name, values = str(wanted["Name"]), wanted.get("Values") or []
    if name == "tag-key":
        return any(t["Key"] in values for t in group.tags)
    if name == "tag-value":
        return any(t["Value"] in values for t in group.tags)
    if name.startswith("tag:"):
        return any(t["Key"] == name[4:] and t["Value"] in values for t in group.tags)
    raise Refusal("ValidationError", f"Filter {name} is not supported")
