"""The Auto Scaling group that holds the run's one instance, and the dead-man's switch inside it.

The switch is a scheduled action (min = max = desired = 0 at a time): AWS itself carries it out, with no role, no
function and no client (aws-facts §2). The group is made at desired 0 and armed before anything can be launched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aws_run.aws.session import Aws
from aws_run.clock import Clock, wait_until
from aws_run.errors import AwsCallError, CapacityError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.infra.retry import on_codes, retrying
from aws_run.naming import TAG_RUN, RunNames, is_run_id, run_of_name

_SWITCH = "arun-deadline"
_REPLACING = ("ReplaceUnhealthy", "AZRebalance")
_BUSY = ("ScalingActivityInProgress", "ResourceInUse", "ResourceContention")
_BEING_DELETED = "Delete in progress"
_BILLS = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}


@frozen
class Group:
    """An Auto Scaling group of exactly one instance, made at desired 0, armed, then raised."""

    kind: ClassVar[Kind] = Kind("group")
    scope: ClassVar[Scope] = "run"
    name: str
    launch_template: str
    instance_types: tuple[str, ...]
    subnets: tuple[str, ...]
    spot: bool
    spot_max_usd_per_hour: str | None = None  # above this price AWS starts no spot machine and takes it back
    lease_s: int
    tags: Mapping[str, str]

    @property
    def launches_at_once(self) -> bool:
        """Whether `launch_one` can be used: it launches in one subnet alone."""
        return len(self.subnets) == 1


def create(aws: Aws, group: Group, clock: Clock) -> str:
    """Makes the group at desired 0 and arms its switch for `lease_s` from now. CapacityError when it can't be armed."""
    try:
        # The launch template is checked here; it and the profile were made seconds ago, and not all of AWS knows yet.
        retrying(
            lambda: aws.call("autoscaling", "create_auto_scaling_group", **_request(group)),
            when=_is_too_soon,
            for_s=120,
            clock=clock,
            first_wait_s=2,
        )
    except AwsCallError as error:
        if error.code != "AlreadyExists":
            raise
    try:
        schedule_shutdown(aws, group.name, clock.now() + timedelta(seconds=group.lease_s))
    except AwsCallError as error:
        raise CapacityError(
            f"The group's dead-man's switch could not be armed ({error.message}), so no instance was started",
            hint="allow autoscaling:PutScheduledUpdateGroupAction for this role",
        ) from error
    # For the group's life: the guard's power-off must be the end, in every attempt and whenever the client dies.
    _suspend(aws, group.name, *_REPLACING)
    return group.name


def _is_too_soon(error: AwsCallError) -> bool:
    text = error.message.lower().replace("instanceprofile", "instance profile")
    unknown = "launch template" in text and "not exist" in text
    return error.code == "ValidationError" and ("instance profile" in text or unknown)


def _request(group: Group) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": group.name,
        "MinSize": 0,
        # LaunchInstances counts on room. Until it is called nothing else asks this group for a machine.
        "MaxSize": 1 if group.launches_at_once else 0,
        "DesiredCapacity": 0,
        "VPCZoneIdentifier": ",".join(group.subnets),
        "NewInstancesProtectedFromScaleIn": False,
        "MixedInstancesPolicy": _policy(group, spot=group.spot),
        "Tags": [
            {**tag, "ResourceId": group.name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
            # ECS wants this tag on a capacity provider's group and adds it itself if it may; giving it saves the call.
            for tag in tags.upper({**group.tags, "AmazonECSManaged": "true"})
        ],
    }


def _policy(group: Group, *, spot: bool) -> dict[str, Any]:
    most = {"SpotMaxPrice": group.spot_max_usd_per_hour} if spot and group.spot_max_usd_per_hour else {}
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": group.launch_template, "Version": "$Latest"},
            "Overrides": [{"InstanceType": kind} for kind in group.instance_types],
        },
        "InstancesDistribution": {
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 0 if spot else 100,
            "SpotAllocationStrategy": "price-capacity-optimized",
            "OnDemandAllocationStrategy": "prioritized",
            **most,
        },
    }


def schedule_shutdown(aws: Aws, name: str, at: datetime) -> None:
    """Sets (or moves) the time at which AWS empties the group by itself."""
    aws.call(
        "autoscaling",
        "put_scheduled_update_group_action",
        AutoScalingGroupName=name,
        ScheduledActionName=_SWITCH,
        StartTime=at.replace(microsecond=0),  # the API reference knows whole seconds only
        MinSize=0,
        MaxSize=0,
        DesiredCapacity=0,
    )


def scale_to_one(aws: Aws, name: str, clock: Clock) -> None:
    """min = max = desired = 1: exactly what the run needs, so that managed scaling can neither add nor take (§2)."""
    sizes = {"MinSize": 1, "MaxSize": 1, "DesiredCapacity": 1}
    retrying(
        lambda: aws.call("autoscaling", "update_auto_scaling_group", AutoScalingGroupName=name, **sizes),
        when=on_codes(*_BUSY),  # the end of a machine that was given back may be under way
        for_s=60,
        clock=clock,
    )


@frozen
class LaunchRefusal:
    """One of `LaunchAnswer.refusals`: `text` is AWS's sentence."""

    instance_type: str
    zone: str
    code: str
    text: str


@frozen
class LaunchAnswer:
    """Of LaunchInstances: the ids of what was launched, else why each type was not."""

    instance_ids: tuple[str, ...] = ()
    refusals: tuple[LaunchRefusal, ...] = ()


def launch_one(aws: Aws, group: Group, token: str, clock: Clock) -> LaunchAnswer:
    """A machine at once, in the group's only subnet: LaunchInstances, whose answer comes instead of a scaling activity
    some seconds later. What AWS has not got, the group goes on asking for by itself, as after `scale_to_one`. `token`:
    the same one twice is one launch (eight hours). AwsCallError where this caller or region has no such call."""
    answer = retrying(
        lambda: aws.call(
            "autoscaling",
            "launch_instances",
            AutoScalingGroupName=group.name,
            RequestedCapacity=1,
            ClientToken=token,
            SubnetIds=list(group.subnets),
            RetryStrategy="retry-with-group-configuration",
        ),
        when=on_codes("IdempotentCallInProgress", *_BUSY),
        for_s=60,
        clock=clock,
    )
    return LaunchAnswer(
        instance_ids=tuple(str(one) for many in answer.get("Instances") or () for one in many.get("InstanceIds") or ()),
        refusals=tuple(
            LaunchRefusal(
                instance_type=str(one.get("InstanceType") or ""),
                zone=str(one.get("AvailabilityZone") or ""),
                code=str(one.get("ErrorCode") or ""),
                text=str(one.get("ErrorMessage") or ""),
            )
            for one in answer.get("Errors") or ()
        ),
    )


def suspend_launches(aws: Aws, name: str) -> None:
    """Once the instance is in service: if it powers itself off, none takes its place (aws-facts §2)."""
    _suspend(aws, name, "Launch", *_REPLACING)


def replace(aws: Aws, name: str) -> None:
    """The machine is lost and another is wanted: AWS puts one in its place. What is left of the old one ends first,
    while nothing can be launched, so that it is not the new one that ends.

    A dead machine counts as one of the group's as long as ReplaceUnhealthy is suspended. Taken out by name it leaves a
    place that is empty, which `Launch` alone fills: it is a difference from the desired capacity, no replacement.
    """
    for instance in (describe(aws, name) or {}).get("Instances", ()):
        try:
            aws.call(
                "autoscaling",
                "terminate_instance_in_auto_scaling_group",
                InstanceId=instance["InstanceId"],
                ShouldDecrementDesiredCapacity=False,
            )
        except AwsCallError as error:
            if not _is_gone(error):
                raise
    aws.call("autoscaling", "resume_processes", AutoScalingGroupName=name, ScalingProcesses=["Launch"])


def _suspend(aws: Aws, name: str, *processes: str) -> None:
    aws.call("autoscaling", "suspend_processes", AutoScalingGroupName=name, ScalingProcesses=list(processes))


def activities(aws: Aws, name: str) -> list[dict[str, Any]]:
    """The group's newest scaling activities, newest first; empty when the group is gone."""
    try:
        return list(
            aws.call("autoscaling", "describe_scaling_activities", AutoScalingGroupName=name, MaxRecords=20)[
                "Activities"
            ]
        )
    except AwsCallError as error:
        if _is_gone(error):
            return []
        raise


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    listed = aws.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return dict(listed[0]) if listed else None


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    group = describe(aws, name)
    return None if group is None else tags.parse(group.get("Tags"))


def scale_to_zero(aws: Aws, name: str, clock: Clock) -> None:
    """Desired 0: AWS terminates the instance. This is the step that ends the bill, so it comes first.

    Nothing is left to ask for where the group is being deleted already: with force, which ends its instances too."""

    def attempt() -> None:
        try:
            aws.call(
                "autoscaling",
                "update_auto_scaling_group",
                AutoScalingGroupName=name,
                MinSize=0,
                MaxSize=0,
                DesiredCapacity=0,
            )
        except AwsCallError as error:
            if not _is_gone(error) and not _is_going(error):
                raise

    retrying(attempt, when=on_codes(*_BUSY), for_s=60, clock=clock)


def end_bill(aws: Aws, name: str, clock: Clock) -> None:
    """Auto Scaling acts on desired 0 when it gets to it, up to a minute later. The instances are terminated at once:
    the bill ends when they are shutting down."""
    try:
        scale_to_zero(aws, name, clock)
    finally:
        _terminate(aws, _instances(aws, name))


def _terminate(aws: Aws, instance_ids: list[str]) -> None:
    if instance_ids:
        aws.call("ec2", "terminate_instances", InstanceIds=instance_ids)


def delete(aws: Aws, name: str, clock: Clock) -> None:
    def attempt() -> None:
        try:
            aws.call("autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=name, ForceDelete=True)
        except AwsCallError as error:
            if not _is_gone(error) and not _is_going(error):
                raise

    scale_to_zero(aws, name, clock)
    retrying(attempt, when=on_codes(*_BUSY), for_s=120, clock=clock)
    _wait_until_gone(aws, name, clock)


def _wait_until_gone(aws: Aws, name: str, clock: Clock) -> None:
    """Until nothing of it bills. The group itself is listed until the last of its instances is terminated, which takes
    some types ten minutes; that AWS finishes by itself."""

    def nothing_bills() -> bool:
        if not _is_over(describe(aws, name)):
            return False
        left = _instances(aws, name)
        if left:
            # Detached, or launched while the group went: nothing else would end it now.
            _terminate(aws, left)
        return not left

    if not wait_until(clock, nothing_bills, for_s=20 * 60):
        raise AwsCallError(
            f"The group {name} is still being deleted after 20 minutes",
            code="StillDeleting",
            operation="DeleteAutoScalingGroup",
        )


def _is_gone(error: AwsCallError) -> bool:
    # Auto Scaling has no code for "no such group": it is a ValidationError, told by its text (aws-facts §7).
    return error.code == "ValidationError" and "not found" in error.message.lower()


def _is_going(error: AwsCallError) -> bool:
    """Another client's delete, or an earlier one's, is under way (kubernetes/kops#1001)."""
    return error.code == "ValidationError" and "pending delete" in error.message.lower()


def absent(aws: Aws, name: str) -> bool:
    """Neither the group nor a machine of the run: what bills is the machine."""
    return _is_over(describe(aws, name)) and not _instances(aws, name)


def _is_over(group: Mapping[str, Any] | None) -> bool:
    """Gone, or being deleted with no instance that is not at its end: it launches nothing more."""
    if group is None:
        return True
    ending = all(str(i.get("LifecycleState", "")).startswith("Terminat") for i in group.get("Instances", ()))
    return group.get("Status") == _BEING_DELETED and ending


def _instances(aws: Aws, name: str) -> list[str]:
    """The run's instances that bill or may bill again; one that is shutting down bills no more."""
    run_id = run_of_name(name)
    if run_id is None:
        return []
    filters = [{"Name": f"tag:{TAG_RUN}", "Values": [run_id]}, _BILLS]
    reservations = aws.pages("ec2", "describe_instances", "Reservations", Filters=filters)
    return [str(instance["InstanceId"]) for one in reservations for instance in one["Instances"]]


def change_launches(aws: Aws, group: Group) -> None:
    """The same group with `group`'s types and market from the next launch on. The policy is given whole: what a part of
    one would mean for the rest is not documented."""
    aws.call(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=group.name,
        MixedInstancesPolicy=_policy(group, spot=group.spot),
    )


def _names(aws: Aws) -> Iterator[str]:
    for group in aws.pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        if not _is_over(group):
            yield group["AutoScalingGroupName"]


def _names_by_machine(aws: Aws) -> Iterator[str]:
    """By tag: a machine that was taken out of its group, or that outlived it, bills all the same. Its group's removal
    ends it."""
    filters = [{"Name": "tag-key", "Values": [TAG_RUN]}, _BILLS]
    for reservation in aws.pages("ec2", "describe_instances", "Reservations", Filters=filters):
        for instance in reservation["Instances"]:
            run_id = tags.parse(instance.get("Tags")).get(TAG_RUN, "")
            if is_run_id(run_id):
                yield RunNames(run_id=run_id).group


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    end = f"--region {region}"
    return (
        f"aws autoscaling delete-auto-scaling-group --auto-scaling-group-name {name} --force-delete {end}",
        f"aws ec2 describe-instances --filters Name=tag:{TAG_RUN},Values={run_of_name(name) or name} --query "
        f"'Reservations[].Instances[].InstanceId' --output text {end} "
        f"| xargs aws ec2 terminate-instances {end} --instance-ids",
    )


TYPE = ResourceType(
    value=Group,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="machines", names=_names_by_machine), Listing(what="groups", names=_names)),
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    keep_as="group",
    end_bill=end_bill,
    ends_bill_first=True,
)
