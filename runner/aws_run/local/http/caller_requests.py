"""What AWS asks IAM before it carries out a caller's call: one or several actions, each on a resource, in a context.

The forms are those of AWS's Service Authorization Reference. An operation that is not listed asks for the action of
its own name on everything, so that a policy which names resources for it is refused, as a wrong one would be on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_run import partition
from aws_run.local.http.protocol import Call
from aws_run.local.sim.state import AccountState


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`resource`: an ARN, or `*` where the action knows no resource. `context`: condition keys, in lower case."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


class _Reader:
    """One call's parameters, with the ARNs of what they name."""

    def __init__(self, world: AccountState, call: Call) -> None:
        self.world = world
        self.call = call
        self.p: Mapping[str, Any] = call.params() if call.operation else json.loads(call.body or b"{}")

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        return self.world.arn(service, self.call.region if regional else "", resource)

    def ecs(self, kind: str, name: object) -> str:
        """`name`: a name or an ARN."""
        text = str(name or "default")
        return text if text.startswith("arn:") else self.arn("ecs", f"{kind}/{text}")

    def role(self, name: object) -> str:
        """IAM knows no path of a role that is not there."""
        there = next(
            (r for r in list(self.world.moto("iam", self.world.partition).roles.values()) if r.name == name), None
        )
        return str(there.arn) if there is not None else self.arn("iam", f"role/{name}", regional=False)

    def profile(self, name: object) -> str:
        profiles = list(self.world.moto("iam", self.world.partition).instance_profiles.values())
        there = next((each for each in profiles if each.name == name), None)
        return str(there.arn) if there is not None else self.arn("iam", f"instance-profile/{name}", regional=False)

    def tags(self) -> dict[str, str]:
        """Those that the call gives, as `aws:RequestTag/…`."""
        given: Any = self.p.get("tags") or self.p.get("Tags") or ()
        if isinstance(given, Mapping):
            return request_tags(given.items())
        return request_tags((t.get("key") or t.get("Key"), t.get("value") or t.get("Value") or "") for t in given)


def request_tags(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    return {f"aws:requesttag/{str(key).lower()}": str(value) for key, value in pairs}


Ask = Callable[[_Reader], "list[Asked]"]


def asked(world: AccountState, call: Call) -> list[Asked]:
    """For every service but S3."""
    service = _PREFIXES.get(call.service, call.service)
    operation = call.operation or _rest_operation(call)
    action = f"{service}:{operation}"
    ask = _TABLE.get((call.service, operation))
    if ask is None:
        return [Asked(action=action)]
    reader = _Reader(world, call)
    return [
        Asked(action=each.action or action, resource=each.resource, context={**reader.tags(), **each.context})
        for each in ask(reader)
    ]


_PREFIXES = {"service-quotas": "servicequotas"}


def _rest_operation(call: Call) -> str:
    """Scheduler speaks REST: method and path say what is wanted."""
    if call.path.rstrip("/") == "/schedules":
        return "ListSchedules"
    return {"GET": "GetSchedule", "POST": "CreateSchedule", "PUT": "UpdateSchedule", "DELETE": "DeleteSchedule"}.get(
        call.method, ""
    )


def _on(resource: Callable[[_Reader], str]) -> Ask:
    """The operation's own action on one resource."""
    return lambda r: [Asked(action="", resource=resource(r))]


def _made(resource: Callable[[_Reader], str], tagging: str) -> Ask:
    """The same; tags given with it ask for `tagging` as well."""

    def ask(r: _Reader) -> list[Asked]:
        own = Asked(action="", resource=resource(r))
        tag = Asked(
            action=tagging, resource=resource(r), context={f"{tagging.split(':')[0]}:createaction": r.call.operation}
        )
        return [own, tag] if r.tags() else [own]

    return ask


def _cluster(r: _Reader) -> str:
    return r.ecs("cluster", r.p.get("clusterName") or r.p.get("cluster"))


def _clusters(r: _Reader) -> list[Asked]:
    return [Asked(action="", resource=r.ecs("cluster", name)) for name in r.p.get("clusters") or ["default"]]


def _providers(r: _Reader) -> list[Asked]:
    names = r.p.get("capacityProviders")
    return [Asked(action="", resource=r.ecs("capacity-provider", n)) for n in names] if names else [Asked(action="")]


def _task(r: _Reader, name: object) -> str:
    text = str(name)
    cluster = _cluster(r).rsplit("/", 1)[-1]
    return text if text.startswith("arn:") else r.arn("ecs", f"task/{cluster}/{text}")


def _tasks(r: _Reader) -> list[Asked]:
    context = {"ecs:cluster": _cluster(r)}
    names = r.p.get("tasks") or [r.p["task"]]
    return [Asked(action="", resource=_task(r, name), context=context) for name in names]


def _linked(r: _Reader, service: str, role: str) -> list[Asked]:
    """The first such resource of an account makes the service's own role, with the caller's right to do so."""
    if service in r.world.linked_roles:
        return []
    return [
        Asked(
            action="iam:CreateServiceLinkedRole",
            resource=r.arn("iam", f"role/aws-service-role/{service}/{role}", regional=False),
            context={"iam:awsservicename": service},
        )
    ]


def _passed(arn: object, service: str) -> list[Asked]:
    return [Asked(action="iam:PassRole", resource=str(arn), context={"iam:passedtoservice": service})] if arn else []


def _create_cluster(r: _Reader) -> list[Asked]:
    return [*_made(_cluster, "ecs:TagResource")(r), *_linked(r, "ecs.amazonaws.com", "AWSServiceRoleForECS")]


def _create_provider(r: _Reader) -> list[Asked]:
    tag = Asked(action="ecs:TagResource", resource=r.ecs("capacity-provider", r.p.get("name")))
    return [Asked(action=""), *([tag] if r.tags() else [])]


def _register(r: _Reader) -> list[Asked]:
    privileged = any(one.get("privileged") for one in r.p.get("containerDefinitions") or ())
    arn = r.arn("ecs", f"task-definition/{r.p.get('family')}:1")
    first, *more = _made(lambda _: arn, "ecs:TagResource")(r)
    first = Asked(action="", resource=arn, context={"ecs:privileged": str(privileged).lower()})
    roles = [r.p.get("executionRoleArn"), r.p.get("taskRoleArn")]
    return [first, *more, *(each for role in roles for each in _passed(role, "ecs-tasks.amazonaws.com"))]


def _definition_arn(r: _Reader, name: str) -> str:
    return name if name.startswith("arn:") else r.arn("ecs", f"task-definition/{name}")


def _run_task(r: _Reader) -> list[Asked]:
    """The roles of the definition are passed as well as those of the overrides."""
    arn = _definition_arn(r, str(r.p.get("taskDefinition")))
    context = {"ecs:cluster": _cluster(r)}
    result = [Asked(action="", resource=arn, context=context)]
    if r.tags():
        task = r.arn("ecs", f"task/{_cluster(r).rsplit('/', 1)[-1]}/*")
        result.append(Asked(action="ecs:TagResource", resource=task, context={"ecs:createaction": "RunTask"}))
    family, _, revision = arn.rsplit("/", 1)[-1].partition(":")
    definitions = r.world.moto("ecs", r.call.region).task_definitions.get(family, {})
    definition = definitions.get(int(revision)) if revision.isdigit() else None
    overrides = r.p.get("overrides") or {}
    for name, own in (("taskRoleArn", "task_role_arn"), ("executionRoleArn", "execution_role_arn")):
        result += _passed(overrides.get(name) or getattr(definition, own, None), "ecs-tasks.amazonaws.com")
    return result


def _delete_definitions(r: _Reader) -> list[Asked]:
    return [Asked(action="", resource=_definition_arn(r, str(name))) for name in r.p.get("taskDefinitions") or ()]


def _group(r: _Reader) -> str:
    return r.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{r.p.get('AutoScalingGroupName')}")


def _tagged_group(r: _Reader) -> list[Asked]:
    names = sorted({str(tag.get("ResourceId")) for tag in r.p.get("Tags") or ()})
    where = "autoScalingGroup:*:autoScalingGroupName/"
    return [Asked(action="", resource=r.arn("autoscaling", f"{where}{name}")) for name in names]


def _group_of_instance(r: _Reader) -> str:
    machine = r.world.place(r.call.region).instances.get(str(r.p.get("InstanceId")))
    name = machine.group if machine is not None else "*"
    return r.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def _create_group(r: _Reader) -> list[Asked]:
    """With a launch template Auto Scaling looks whether the caller may do what it will do: start instances from it, tag
    them, pass their role."""
    template = ((r.p.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}).get("LaunchTemplateSpecification")
    template = template or r.p.get("LaunchTemplate") or {}
    own = [Asked(action="", resource=_group(r))]
    if r.p.get("Tags"):
        own.append(Asked(action="autoscaling:CreateOrUpdateTags", resource=_group(r)))
    own += _linked(r, "autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling")
    there = _template(r, template.get("LaunchTemplateName"), template.get("LaunchTemplateId"))
    return own if there is None else [*own, *_launch(r, there)]


def _launch(r: _Reader, template: Any) -> list[Asked]:
    data = template.latest_version().data
    arn = r.arn("ec2", f"launch-template/{template.id}")
    from_template = {"ec2:launchtemplate": arn}
    asked = [Asked(action="ec2:RunInstances", resource=arn, context={**from_template, **resource_tags(template)})]
    image = partition.arn("ec2", r.call.region, "", f"image/{data.get('ImageId')}", of=r.call.region)
    kinds = ("instance", "volume", "network-interface", "subnet", "security-group")
    for resource in (image, *(r.arn("ec2", f"{kind}/*") for kind in kinds)):
        asked.append(Asked(action="ec2:RunInstances", resource=resource, context=from_template))
    for specification in data.get("TagSpecifications") or ():
        tags = request_tags((tag["Key"], tag.get("Value", "")) for tag in specification.get("Tags") or ())
        resource = r.arn("ec2", f"{specification['ResourceType']}/*")
        context = {"ec2:createaction": "RunInstances", **tags}
        asked.append(Asked(action="ec2:CreateTags", resource=resource, context=context))
    name = (data.get("IamInstanceProfile") or {}).get("Name")
    profiles = list(r.world.moto("iam", r.world.partition).instance_profiles.values())
    for profile in profiles:
        if profile.name == name:
            for role in profile.roles:
                asked += _passed(role.arn, "ec2.amazonaws.com")
    return asked


def _template(r: _Reader, name: object, template_id: object = None) -> Any:
    templates = list(r.world.moto("ec2", r.call.region).launch_templates.values())
    return next((each for each in templates if each.name == name or each.id == template_id), None)


def resource_tags(thing: Any) -> dict[str, str]:
    return {f"aws:resourcetag/{str(t['key']).lower()}": str(t["value"]) for t in thing.get_tags()}


def _create_template(r: _Reader) -> list[Asked]:
    resource = r.arn("ec2", "launch-template/*")
    tags: dict[str, str] = {}
    for specification in r.p.get("TagSpecifications") or ():
        tags |= request_tags((tag["Key"], tag.get("Value", "")) for tag in specification.get("Tags") or ())
    asked = [Asked(action="", resource=resource, context=tags)]
    if tags:
        context = {"ec2:createaction": "CreateLaunchTemplate", **tags}
        asked.append(Asked(action="ec2:CreateTags", resource=resource, context=context))
    return asked


def _delete_template(r: _Reader) -> list[Asked]:
    there = _template(r, r.p.get("LaunchTemplateName"), r.p.get("LaunchTemplateId"))
    if there is None:
        return []  # EC2 looks for it first
    arn = r.arn("ec2", f"launch-template/{there.id}")
    return [Asked(action="", resource=arn, context=resource_tags(there))]


def _terminate(r: _Reader) -> list[Asked]:
    instances = {i.id: i for res in r.world.moto("ec2", r.call.region).reservations.values() for i in res.instances}
    asked = []
    for name in r.p.get("InstanceIds") or ():
        there = instances.get(name)
        context = resource_tags(there) if there is not None else {}
        asked.append(Asked(action="", resource=r.arn("ec2", f"instance/{name}"), context=context))
    return asked


def _create_role(r: _Reader) -> list[Asked]:
    arn = r.arn("iam", f"role{r.p.get('Path') or '/'}{r.p.get('RoleName')}", regional=False)
    context = {"iam:permissionsboundary": str(r.p["PermissionsBoundary"])} if r.p.get("PermissionsBoundary") else {}
    own = Asked(action="", resource=arn, context=context)
    return [own, Asked(action="iam:TagRole", resource=arn)] if r.tags() else [own]


def _on_bounded_role(r: _Reader) -> list[Asked]:
    """The boundary that the role has, or is to get."""
    name = r.p.get("RoleName")
    there = next(
        (role for role in list(r.world.moto("iam", r.world.partition).roles.values()) if role.name == name), None
    )
    boundary = r.p.get("PermissionsBoundary") or getattr(there, "permissions_boundary", None)
    context = {"iam:permissionsboundary": str(boundary)} if boundary else {}
    return [Asked(action="", resource=r.role(name), context=context)]


def _create_profile(r: _Reader) -> list[Asked]:
    arn = r.arn("iam", f"instance-profile{r.p.get('Path') or '/'}{r.p.get('InstanceProfileName')}", regional=False)
    own = Asked(action="", resource=arn)
    return [own, Asked(action="iam:TagInstanceProfile", resource=arn)] if r.tags() else [own]


def _add_role(r: _Reader) -> list[Asked]:
    own = Asked(action="", resource=r.profile(r.p.get("InstanceProfileName")))
    return [own, *_passed(r.role(r.p.get("RoleName")), "ec2.amazonaws.com")]


def _schedule(r: _Reader) -> str:
    group = r.p.get("GroupName") or r.call.query.get("groupName") or "default"
    return r.arn("scheduler", f"schedule/{group}/{r.call.path.rsplit('/', 1)[-1]}")


def _write_schedule(r: _Reader) -> list[Asked]:
    role = (r.p.get("Target") or {}).get("RoleArn")
    return [Asked(action="", resource=_schedule(r)), *_passed(role, "scheduler.amazonaws.com")]


def _log_group(r: _Reader) -> str:
    return r.arn("logs", f"log-group:{r.p.get('logGroupName')}")


def _log_stream(r: _Reader) -> str:
    return r.arn("logs", f"log-group:{r.p.get('logGroupName')}:log-stream:{r.p.get('logStreamName')}")


def _repository(r: _Reader) -> str:
    return r.arn("ecr", f"repository/{r.p.get('repositoryName')}")


def _repositories(r: _Reader) -> list[Asked]:
    names = r.p.get("repositoryNames") or ["*"]
    return [Asked(action="", resource=r.arn("ecr", f"repository/{name}")) for name in names]


PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchGetImage",
)


def _put_image(r: _Reader) -> list[Asked]:
    """Where tasks run as processes no image is pushed: its one PutImage stands for all that `docker push` asks for."""
    pushed = "HTTP_X_AWS_RUN_PUSH" in r.call.environ
    actions = (*PUSH, "") if pushed else ("",)
    return [Asked(action=action, resource=_repository(r)) for action in actions]


def _parameter(r: _Reader) -> str:
    """AWS's own parameters belong to no account."""
    name = str(r.p.get("Name"))
    account = "" if name.startswith("/aws/") else r.world.account
    return partition.arn("ssm", r.call.region, account, f"parameter/{name.lstrip('/')}", of=r.call.region)


_ROLE = _on(lambda r: r.role(r.p.get("RoleName")))
_PROFILE = _on(lambda r: r.profile(r.p.get("InstanceProfileName")))
_LIST_TASKS: Ask = lambda r: [Asked(action="", context={"ecs:cluster": _cluster(r)})]  # noqa: E731

_TABLE: dict[tuple[str, str], Ask] = {
    ("ecs", "CreateCluster"): _create_cluster,
    ("ecs", "DescribeClusters"): _clusters,
    **{("ecs", name): _on(_cluster) for name in (
        "DeleteCluster", "PutClusterCapacityProviders", "ListContainerInstances", "DeregisterContainerInstance")},
    ("ecs", "CreateCapacityProvider"): _create_provider,
    ("ecs", "DeleteCapacityProvider"): _on(lambda r: r.ecs("capacity-provider", r.p.get("capacityProvider"))),
    ("ecs", "DescribeCapacityProviders"): _providers,
    ("ecs", "RegisterTaskDefinition"): _register,
    ("ecs", "DeleteTaskDefinitions"): _delete_definitions,
    ("ecs", "RunTask"): _run_task,
    ("ecs", "ListTasks"): _LIST_TASKS,
    **{("ecs", name): _tasks for name in ("StopTask", "DescribeTasks", "ExecuteCommand")},
    ("autoscaling", "CreateAutoScalingGroup"): _create_group,
    ("autoscaling", "CreateOrUpdateTags"): _tagged_group,
    **{("autoscaling", name): _on(_group) for name in (
        "UpdateAutoScalingGroup", "DeleteAutoScalingGroup", "PutScheduledUpdateGroupAction", "SuspendProcesses",
        "ResumeProcesses")},
    ("autoscaling", "TerminateInstanceInAutoScalingGroup"): _on(_group_of_instance),
    ("ec2", "CreateLaunchTemplate"): _create_template,
    ("ec2", "DeleteLaunchTemplate"): _delete_template,
    ("ec2", "TerminateInstances"): _terminate,
    ("iam", "CreateRole"): _create_role,
    ("iam", "CreateInstanceProfile"): _create_profile,
    ("iam", "AddRoleToInstanceProfile"): _add_role,
    **{("iam", name): _ROLE for name in (
        "GetRole", "DeleteRole", "TagRole", "DeleteRolePolicy", "UpdateAssumeRolePolicy", "ListRolePolicies",
        "ListAttachedRolePolicies", "DetachRolePolicy")},
    **{("iam", name): _on_bounded_role for name in ("PutRolePolicy", "PutRolePermissionsBoundary")},
    **{("iam", name): _PROFILE for name in (
        "GetInstanceProfile", "DeleteInstanceProfile", "RemoveRoleFromInstanceProfile", "TagInstanceProfile")},
    ("logs", "CreateLogGroup"): _made(_log_group, "logs:TagResource"),
    **{("logs", name): _on(_log_group) for name in ("DeleteLogGroup", "PutRetentionPolicy")},
    ("logs", "GetLogEvents"): _on(_log_stream),
    **{("scheduler", name): _write_schedule for name in ("CreateSchedule", "UpdateSchedule")},
    **{("scheduler", name): _on(_schedule) for name in ("GetSchedule", "DeleteSchedule")},
    ("ecr", "CreateRepository"): _made(_repository, "ecr:TagResource"),
    ("ecr", "DescribeRepositories"): _repositories,
    ("ecr", "PutImage"): _put_image,
    ("ecr", "ListTagsForResource"): _on(lambda r: str(r.p.get("resourceArn"))),
    **{("ecr", name): _on(_repository) for name in (
        "DescribeImages", "DeleteRepository", "PutLifecyclePolicy", "BatchGetImage", "ListImages", "BatchDeleteImage")},
    ("ssm", "GetParameter"): _on(_parameter),
}  # fmt: skip
