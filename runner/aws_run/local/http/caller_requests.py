"""What AWS asks IAM before it carries out a caller's call: one or several actions, each on a resource, in a context.

The forms are those of AWS's Service Authorization Reference. An operation that is not listed asks for the action of
its own name on everything, so that a policy which names resources for it is refused, as a wrong one would be on AWS.
"""

from __future__ import annotations

from aws_run import partition
from aws_run.local.http import compute_requests
from aws_run.local.http.caller_request import (
    NeededRight,
    RequestReader,
    RightsReader,
    right_on,
    rights_to_create,
    rights_to_pass,
)
from aws_run.local.http.protocol import Call
from aws_run.local.sim.state import AccountState


def rights_needed(world: AccountState, call: Call) -> list[NeededRight]:
    """For every service but S3."""
    service = _PREFIXES.get(call.service, call.service)
    operation = call.operation or _rest_operation(call)
    action = f"{service}:{operation}"
    read = _TABLE.get((call.service, operation))
    if read is None:
        return [NeededRight(action=action)]
    reader = RequestReader(world, call)
    return [
        NeededRight(action=each.action or action, resource=each.resource, context={**reader.tags(), **each.context})
        for each in read(reader)
    ]


_PREFIXES = {"service-quotas": "servicequotas"}


def _rest_operation(call: Call) -> str:
    """Scheduler speaks REST: method and path say what is wanted."""
    if call.path.rstrip("/") == "/schedules":
        return "ListSchedules"
    return {"GET": "GetSchedule", "POST": "CreateSchedule", "PUT": "UpdateSchedule", "DELETE": "DeleteSchedule"}.get(
        call.method, ""
    )


def _create_role(r: RequestReader) -> list[NeededRight]:
    arn = r.arn("iam", f"role{r.p.get('Path') or '/'}{r.p.get('RoleName')}", regional=False)
    context = {"iam:permissionsboundary": str(r.p["PermissionsBoundary"])} if r.p.get("PermissionsBoundary") else {}
    own = NeededRight(action="", resource=arn, context=context)
    return [own, NeededRight(action="iam:TagRole", resource=arn)] if r.tags() else [own]


def _on_bounded_role(r: RequestReader) -> list[NeededRight]:
    """The boundary that the role has, or is to get."""
    name = r.p.get("RoleName")
    there = next(
        (role for role in list(r.world.moto("iam", r.world.partition).roles.values()) if role.name == name), None
    )
    boundary = r.p.get("PermissionsBoundary") or getattr(there, "permissions_boundary", None)
    context = {"iam:permissionsboundary": str(boundary)} if boundary else {}
    return [NeededRight(action="", resource=r.role(name), context=context)]


def _create_profile(r: RequestReader) -> list[NeededRight]:
    arn = r.arn("iam", f"instance-profile{r.p.get('Path') or '/'}{r.p.get('InstanceProfileName')}", regional=False)
    own = NeededRight(action="", resource=arn)
    return [own, NeededRight(action="iam:TagInstanceProfile", resource=arn)] if r.tags() else [own]


def _add_role(r: RequestReader) -> list[NeededRight]:
    own = NeededRight(action="", resource=r.profile(r.p.get("InstanceProfileName")))
    return [own, *rights_to_pass(r.role(r.p.get("RoleName")), "ec2.amazonaws.com")]


def _schedule(r: RequestReader) -> str:
    group = r.p.get("GroupName") or r.call.query.get("groupName") or "default"
    return r.arn("scheduler", f"schedule/{group}/{r.call.path.rsplit('/', 1)[-1]}")


def _write_schedule(r: RequestReader) -> list[NeededRight]:
    role = (r.p.get("Target") or {}).get("RoleArn")
    return [NeededRight(action="", resource=_schedule(r)), *rights_to_pass(role, "scheduler.amazonaws.com")]


def _log_group(r: RequestReader) -> str:
    return r.arn("logs", f"log-group:{r.p.get('logGroupName')}")


def _log_stream(r: RequestReader) -> str:
    return r.arn("logs", f"log-group:{r.p.get('logGroupName')}:log-stream:{r.p.get('logStreamName')}")


def _repository(r: RequestReader) -> str:
    return r.arn("ecr", f"repository/{r.p.get('repositoryName')}")


def _repositories(r: RequestReader) -> list[NeededRight]:
    names = r.p.get("repositoryNames") or ["*"]
    return [NeededRight(action="", resource=r.arn("ecr", f"repository/{name}")) for name in names]


PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchGetImage",
)


def _put_image(r: RequestReader) -> list[NeededRight]:
    """Where tasks run as processes no image is pushed: its one PutImage stands for all that `docker push` asks for."""
    pushed = "HTTP_X_AWS_RUN_PUSH" in r.call.environ
    actions = (*PUSH, "") if pushed else ("",)
    return [NeededRight(action=action, resource=_repository(r)) for action in actions]


def _parameter(r: RequestReader) -> str:
    """AWS's own parameters belong to no account."""
    name = str(r.p.get("Name"))
    account = "" if name.startswith("/aws/") else r.world.account
    return partition.arn("ssm", r.call.region, account, f"parameter/{name.lstrip('/')}", of=r.call.region)


_ROLE = right_on(lambda r: r.role(r.p.get("RoleName")))
_PROFILE = right_on(lambda r: r.profile(r.p.get("InstanceProfileName")))

_TABLE: dict[tuple[str, str], RightsReader] = {
    ("ecs", "CreateCluster"): compute_requests.create_cluster,
    ("ecs", "DescribeClusters"): compute_requests.clusters,
    **{("ecs", name): right_on(compute_requests.cluster) for name in (
        "DeleteCluster", "PutClusterCapacityProviders", "ListContainerInstances", "DeregisterContainerInstance")},
    ("ecs", "CreateCapacityProvider"): compute_requests.create_provider,
    ("ecs", "DeleteCapacityProvider"): right_on(lambda r: r.ecs("capacity-provider", r.p.get("capacityProvider"))),
    ("ecs", "DescribeCapacityProviders"): compute_requests.providers,
    ("ecs", "RegisterTaskDefinition"): compute_requests.register,
    ("ecs", "DeleteTaskDefinitions"): compute_requests.delete_definitions,
    ("ecs", "RunTask"): compute_requests.run_task,
    ("ecs", "ListTasks"): compute_requests.list_tasks,
    **{("ecs", name): compute_requests.tasks for name in ("StopTask", "DescribeTasks", "ExecuteCommand")},
    ("autoscaling", "CreateAutoScalingGroup"): compute_requests.create_group,
    ("autoscaling", "LaunchInstances"): compute_requests.launch_instances,
    ("autoscaling", "CreateOrUpdateTags"): compute_requests.tagged_group,
    **{("autoscaling", name): right_on(compute_requests.group) for name in (
        "UpdateAutoScalingGroup", "DeleteAutoScalingGroup", "PutScheduledUpdateGroupAction", "SuspendProcesses",
        "ResumeProcesses")},
    ("autoscaling", "TerminateInstanceInAutoScalingGroup"): right_on(compute_requests.group_of_instance),
    ("ec2", "CreateLaunchTemplate"): compute_requests.create_template,
    ("ec2", "DeleteLaunchTemplate"): compute_requests.delete_template,
    ("ec2", "TerminateInstances"): compute_requests.terminate,
    ("iam", "CreateRole"): _create_role,
    ("iam", "CreateInstanceProfile"): _create_profile,
    ("iam", "AddRoleToInstanceProfile"): _add_role,
    **{("iam", name): _ROLE for name in (
        "GetRole", "DeleteRole", "TagRole", "DeleteRolePolicy", "UpdateAssumeRolePolicy", "ListRolePolicies",
        "ListAttachedRolePolicies", "DetachRolePolicy")},
    **{("iam", name): _on_bounded_role for name in ("PutRolePolicy", "PutRolePermissionsBoundary")},
    **{("iam", name): _PROFILE for name in (
        "GetInstanceProfile", "DeleteInstanceProfile", "RemoveRoleFromInstanceProfile", "TagInstanceProfile")},
    ("logs", "CreateLogGroup"): rights_to_create(_log_group, "logs:TagResource"),
    **{("logs", name): right_on(_log_group) for name in ("DeleteLogGroup", "PutRetentionPolicy")},
    ("logs", "GetLogEvents"): right_on(_log_stream),
    **{("scheduler", name): _write_schedule for name in ("CreateSchedule", "UpdateSchedule")},
    **{("scheduler", name): right_on(_schedule) for name in ("GetSchedule", "DeleteSchedule")},
    ("ecr", "CreateRepository"): rights_to_create(_repository, "ecr:TagResource"),
    ("ecr", "DescribeRepositories"): _repositories,
    ("ecr", "PutImage"): _put_image,
    ("ecr", "ListTagsForResource"): right_on(lambda r: str(r.p.get("resourceArn"))),
    **{("ecr", name): right_on(_repository) for name in (
        "DescribeImages", "DeleteRepository", "PutLifecyclePolicy", "BatchGetImage", "GetDownloadUrlForLayer",
        "ListImages", "BatchDeleteImage")},
    ("ssm", "GetParameter"): right_on(_parameter),
}  # fmt: skip
