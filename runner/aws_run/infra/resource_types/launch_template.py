"""The EC2 launch template: what the run's one instance is like."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from aws_run.aws.absence import call_unless_gone
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import Listing, ResourceType
from aws_run.infra.resources import Kind, Scope
from aws_run.naming import PREFIX

_GONE = {
    "InvalidLaunchTemplateName.NotFoundException",
    "InvalidLaunchTemplateId.NotFound",
    "InvalidLaunchTemplateId.NotFoundException",
}


@frozen
class LaunchTemplate:
    kind: ClassVar[Kind] = Kind("launch-template")
    scope: ClassVar[Scope] = "run"
    name: str
    image_id: str
    instance_type: str
    instance_profile: str
    user_data: str
    disk_gib: int
    security_groups: tuple[str, ...]
    public_ip: bool
    tags: Mapping[str, str]
    standard_credits: bool = False  # burstable types slow down when their credits are used up, and cost no more


def create(aws: Aws, template: LaunchTemplate, clock: Clock) -> str:
    try:
        answer = aws.call(
            "ec2",
            "create_launch_template",
            LaunchTemplateName=template.name,
            LaunchTemplateData=_data(template),
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags.upper(template.tags)}],
        )
    except AwsCallError as error:
        if error.code != "InvalidLaunchTemplateName.AlreadyExistsException":
            raise
        return template.name
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def _data(template: LaunchTemplate) -> dict[str, Any]:
    data: dict[str, Any] = {
        "ImageId": template.image_id,
        "InstanceType": template.instance_type,
        "IamInstanceProfile": {"Name": template.instance_profile},
        "UserData": base64.b64encode(template.user_data.encode()).decode(),
        # The guard powers the machine off; that must end the bill, not park it.
        "InstanceInitiatedShutdownBehavior": "terminate",
        # Hop limit 1: a container on the bridge can't reach the instance's role (aws-facts §5).
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",  # the root of the ECS-optimized Amazon Linux 2023 images
                "Ebs": {
                    "VolumeSize": template.disk_gib,
                    "VolumeType": "gp3",
                    "DeleteOnTermination": True,
                    "Encrypted": True,
                },
            }
        ],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": tags.upper({**template.tags, "Name": template.name})}
            for kind in ("instance", "volume", "network-interface")
        ],
    }
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": template.public_ip,
        "DeleteOnTermination": True,
    }
    if template.standard_credits:
        data["CreditSpecification"] = {"CpuCredits": "standard"}
    if template.security_groups:
        interface["Groups"] = list(template.security_groups)
    data["NetworkInterfaces"] = [interface]
    return data


def delete(aws: Aws, name: str, clock: Clock) -> None:
    call_unless_gone(aws, _GONE, "ec2", "delete_launch_template", LaunchTemplateName=name)


def absent(aws: Aws, name: str) -> bool:
    return owner_tags(aws, name) is None


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    answer = call_unless_gone(aws, _GONE, "ec2", "describe_launch_templates", LaunchTemplateNames=[name])
    listed = answer.get("LaunchTemplates") if answer is not None else None
    return tags.parse(listed[0].get("Tags")) if listed else None


def _names(aws: Aws) -> Iterator[str]:
    wanted = [{"Name": "launch-template-name", "Values": [f"{PREFIX}-*"]}]
    for template in aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=wanted):
        yield template["LaunchTemplateName"]


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws ec2 delete-launch-template --launch-template-name {name} --region {region}",)


TYPE = ResourceType(
    value=LaunchTemplate,
    scopes=("run",),
    create=create,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="launch templates", names=_names),),
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    keep_as="launch-template",
)
