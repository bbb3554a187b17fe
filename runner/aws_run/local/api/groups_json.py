"""Groups, their instances and activities as the Auto Scaling API shows them."""

from __future__ import annotations

from aws_run.local.http.protocol import Params
from aws_run.local.sim.model import Activity, Group, GroupInstance
from aws_run.local.sim.state import AccountState

_SERVICE_ROLE = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def _template(group: Group) -> Params:
    if group.launch_template:
        return {"LaunchTemplate": group.launch_template}
    return {"MixedInstancesPolicy": group.mixed}


def instance_json(group: Group, instance: GroupInstance) -> Params:
    specification = group.launch_template or (group.mixed or {}).get("LaunchTemplate", {}).get(
        "LaunchTemplateSpecification"
    )
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.type,
        "AvailabilityZone": instance.az,
        "LifecycleState": instance.lifecycle,
        "HealthStatus": "Healthy" if instance.terminated_at is None else "Unhealthy",
        "LaunchTemplate": specification,
        "ProtectedFromScaleIn": instance.protected,
    }


def group_json(group: Group, world: AccountState) -> Params:
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.min_size,
        "MaxSize": group.max_size,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": list(group.azs),
        "VPCZoneIdentifier": ",".join(group.subnets),
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 0,
        "CreatedTime": group.created_at,
        "Instances": [instance_json(group, i) for i in (*group.instances, *group.ending)],
        "SuspendedProcesses": [
            {"ProcessName": n, "SuspensionReason": "User suspended"} for n in sorted(group.suspended)
        ],
        "Tags": group.tags,
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": group.protect_new,
        "ServiceLinkedRoleARN": world.arn("iam", "", f"role/{_SERVICE_ROLE}"),
        **({"Status": "Delete in progress"} if group.deleting else {}),
        **_template(group),
    }


def activity_json(activity: Activity) -> Params:
    return {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started_at,
        "EndTime": activity.ended_at,
        "StatusCode": activity.status,
        "StatusMessage": activity.message or None,
        "Progress": activity.progress,
        "Details": "{}",
    }
