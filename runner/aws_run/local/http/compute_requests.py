"""What ECS, Auto Scaling and EC2 ask IAM for before they carry out a call."""

from __future__ import annotations

from typing import Any

from aws_run import partition
from aws_run.local.http.caller_request import (
    NeededRight,
    RequestReader,
    request_tags,
    right_to_link_role,
    rights_to_create,
    rights_to_pass,
)


def cluster(r: RequestReader) -> str:
    return r.ecs("cluster", r.p.get("clusterName") or r.p.get("cluster"))


def clusters(r: RequestReader) -> list[NeededRight]:
    return [NeededRight(action="", resource=r.ecs("cluster", name)) for name in r.p.get("clusters") or ["default"]]


def providers(r: RequestReader) -> list[NeededRight]:
    names = r.p.get("capacityProviders")
    return (
        [NeededRight(action="", resource=r.ecs("capacity-provider", n)) for n in names]
        if names
        else [NeededRight(action="")]
    )


def task(r: RequestReader, name: object) -> str:
    text = str(name)
    return text if text.startswith("arn:") else r.arn("ecs", f"task/{cluster(r).rsplit('/', 1)[-1]}/{text}")


def tasks(r: RequestReader) -> list[NeededRight]:
    context = {"ecs:cluster": cluster(r)}
    names = r.p.get("tasks") or [r.p["task"]]
    return [NeededRight(action="", resource=task(r, name), context=context) for name in names]


def create_cluster(r: RequestReader) -> list[NeededRight]:
    return [
        *rights_to_create(cluster, "ecs:TagResource")(r),
        *right_to_link_role(r, "ecs.amazonaws.com", "AWSServiceRoleForECS"),
    ]


def create_provider(r: RequestReader) -> list[NeededRight]:
    tag = NeededRight(action="ecs:TagResource", resource=r.ecs("capacity-provider", r.p.get("name")))
    return [NeededRight(action=""), *([tag] if r.tags() else [])]


def register(r: RequestReader) -> list[NeededRight]:
    privileged = any(one.get("privileged") for one in r.p.get("containerDefinitions") or ())
    arn = r.arn("ecs", f"task-definition/{r.p.get('family')}:1")
    first, *more = rights_to_create(lambda _: arn, "ecs:TagResource")(r)
    first = NeededRight(action="", resource=arn, context={"ecs:privileged": str(privileged).lower()})
    roles = [r.p.get("executionRoleArn"), r.p.get("taskRoleArn")]
    return [first, *more, *(each for role in roles for each in rights_to_pass(role, "ecs-tasks.amazonaws.com"))]


def _definition_arn(r: RequestReader, name: str) -> str:
    return name if name.startswith("arn:") else r.arn("ecs", f"task-definition/{name}")


def run_task(r: RequestReader) -> list[NeededRight]:
    """The roles of the definition are passed as well as those of the overrides."""
    arn = _definition_arn(r, str(r.p.get("taskDefinition")))
    context = {"ecs:cluster": cluster(r)}
    result = [NeededRight(action="", resource=arn, context=context)]
    if r.tags():
        tasks_of_cluster = r.arn("ecs", f"task/{cluster(r).rsplit('/', 1)[-1]}/*")
        result.append(
            NeededRight(action="ecs:TagResource", resource=tasks_of_cluster, context={"ecs:createaction": "RunTask"})
        )
    family, _, revision = arn.rsplit("/", 1)[-1].partition(":")
    definitions = r.world.moto("ecs", r.call.region).task_definitions.get(family, {})
    definition = definitions.get(int(revision)) if revision.isdigit() else None
    overrides = r.p.get("overrides") or {}
    for name, own in (("taskRoleArn", "task_role_arn"), ("executionRoleArn", "execution_role_arn")):
        result += rights_to_pass(overrides.get(name) or getattr(definition, own, None), "ecs-tasks.amazonaws.com")
    return result


def delete_definitions(r: RequestReader) -> list[NeededRight]:
    return [NeededRight(action="", resource=_definition_arn(r, str(name))) for name in r.p.get("taskDefinitions") or ()]


def group(r: RequestReader) -> str:
    return r.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{r.p.get('AutoScalingGroupName')}")


def tagged_group(r: RequestReader) -> list[NeededRight]:
    names = sorted({str(tag.get("ResourceId")) for tag in r.p.get("Tags") or ()})
    where = "autoScalingGroup:*:autoScalingGroupName/"
    return [NeededRight(action="", resource=r.arn("autoscaling", f"{where}{name}")) for name in names]


def group_of_instance(r: RequestReader) -> str:
    machine = r.world.place(r.call.region).instances.get(str(r.p.get("InstanceId")))
    name = machine.group if machine is not None else "*"
    return r.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def create_group(r: RequestReader) -> list[NeededRight]:
    """With a launch template Auto Scaling looks whether the caller may do what it will do: start instances from it, tag
    them, pass their role."""
    template = ((r.p.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}).get("LaunchTemplateSpecification")
    template = template or r.p.get("LaunchTemplate") or {}
    own = [NeededRight(action="", resource=group(r))]
    if r.p.get("Tags"):
        own.append(NeededRight(action="autoscaling:CreateOrUpdateTags", resource=group(r)))
    own += right_to_link_role(r, "autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling")
    there = _template(r, template.get("LaunchTemplateName"), template.get("LaunchTemplateId"))
    return own if there is None else [*own, *_launch(r, there)]


def launch_instances(r: RequestReader) -> list[NeededRight]:
    """It makes a fleet of the group's launch template in the caller's name (Auto Scaling's guide, "Launching instances
    with synchronous provisioning", Prerequisites)."""
    there = r.world.place(r.call.region).groups.get(str(r.p.get("AutoScalingGroupName")))
    needed = [
        NeededRight(action="", resource=group(r)),
        NeededRight(action="ec2:CreateFleet", resource=r.arn("ec2", "fleet/*")),
        NeededRight(action="ec2:DescribeLaunchTemplateVersions", resource="*"),
    ]
    specification = (
        ((there.mixed if there else None) or {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    )
    specification = specification or (there.launch_template if there else None) or {}
    template = _template(r, specification.get("LaunchTemplateName"), specification.get("LaunchTemplateId"))
    if template is None:
        return needed
    arn = r.arn("ec2", f"launch-template/{template.id}")
    return [*needed, NeededRight(action="ec2:CreateFleet", resource=arn), *_launch(r, template)]


def _launch(r: RequestReader, template: Any) -> list[NeededRight]:
    data = template.latest_version().data
    arn = r.arn("ec2", f"launch-template/{template.id}")
    from_template = {"ec2:launchtemplate": arn}
    needed = [
        NeededRight(action="ec2:RunInstances", resource=arn, context={**from_template, **resource_tags(template)})
    ]
    image = partition.arn("ec2", r.call.region, "", f"image/{data.get('ImageId')}", of=r.call.region)
    kinds = ("instance", "volume", "network-interface", "subnet", "security-group")
    for resource in (image, *(r.arn("ec2", f"{kind}/*") for kind in kinds)):
        needed.append(NeededRight(action="ec2:RunInstances", resource=resource, context=from_template))
    for specification in data.get("TagSpecifications") or ():
        tags = request_tags((tag["Key"], tag.get("Value", "")) for tag in specification.get("Tags") or ())
        resource = r.arn("ec2", f"{specification['ResourceType']}/*")
        context = {"ec2:createaction": "RunInstances", **tags}
        needed.append(NeededRight(action="ec2:CreateTags", resource=resource, context=context))
    name = (data.get("IamInstanceProfile") or {}).get("Name")
    profiles = list(r.world.moto("iam", r.world.partition).instance_profiles.values())
    for profile in profiles:
        if profile.name == name:
            for role in profile.roles:
                needed += rights_to_pass(role.arn, "ec2.amazonaws.com")
    return needed


def _template(r: RequestReader, name: object, template_id: object = None) -> Any:
    templates = list(r.world.moto("ec2", r.call.region).launch_templates.values())
    return next((each for each in templates if each.name == name or each.id == template_id), None)


def resource_tags(thing: Any) -> dict[str, str]:
    return {f"aws:resourcetag/{str(t['key']).lower()}": str(t["value"]) for t in thing.get_tags()}


def create_template(r: RequestReader) -> list[NeededRight]:
    resource = r.arn("ec2", "launch-template/*")
    tags: dict[str, str] = {}
    for specification in r.p.get("TagSpecifications") or ():
        tags |= request_tags((tag["Key"], tag.get("Value", "")) for tag in specification.get("Tags") or ())
    needed = [NeededRight(action="", resource=resource, context=tags)]
    if tags:
        context = {"ec2:createaction": "CreateLaunchTemplate", **tags}
        needed.append(NeededRight(action="ec2:CreateTags", resource=resource, context=context))
    return needed


def delete_template(r: RequestReader) -> list[NeededRight]:
    there = _template(r, r.p.get("LaunchTemplateName"), r.p.get("LaunchTemplateId"))
    if there is None:
        return []  # EC2 looks for it first
    arn = r.arn("ec2", f"launch-template/{there.id}")
    return [NeededRight(action="", resource=arn, context=resource_tags(there))]


def terminate(r: RequestReader) -> list[NeededRight]:
    instances = {i.id: i for res in r.world.moto("ec2", r.call.region).reservations.values() for i in res.instances}
    needed = []
    for name in r.p.get("InstanceIds") or ():
        there = instances.get(name)
        context = resource_tags(there) if there is not None else {}
        needed.append(NeededRight(action="", resource=r.arn("ec2", f"instance/{name}"), context=context))
    return needed


def list_tasks(r: RequestReader) -> list[NeededRight]:
    return [NeededRight(action="", context={"ecs:cluster": cluster(r)})]
