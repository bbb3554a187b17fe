"""EC2 calls that the groups must hear of or that moto is too lax about, and names that AWS keeps for itself."""

from __future__ import annotations

import re

from aws_run import partition
from aws_run.local.api.instance_types import know_offerings
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.sim.autoscaler import AutoScaler
from aws_run.local.sim.state import AccountState

_TEMPLATE_NAME = re.compile(r"^[a-zA-Z0-9().\-/_]{3,128}$")


def table(scaler: AutoScaler) -> Table:
    def terminate(world: AccountState, call: Call) -> Reply:
        reply = call.proceed()
        if reply.status == 200:
            with world.lock:
                place = world.place(call.region)
                for identity in call.params().get("InstanceIds") or []:
                    instance = place.instances.get(identity)
                    if instance is not None and instance.terminated_at is None:
                        scaler.shut_down(place, instance)
                        scaler.died(place, instance, "a user terminating the instance")
        return reply

    return {
        ("ssm", "PutParameter"): put_parameter,
        ("ssm", "GetParameter"): get_parameter,
        ("ec2", "TerminateInstances"): terminate,
        ("ec2", "DescribeInstanceTypeOfferings"): offerings,
        ("ec2", "CreateLaunchTemplate"): create_template,
        ("ec2", "DeleteLaunchTemplate"): delete_template,
    }


def offerings(world: AccountState, call: Call) -> Reply:
    know_offerings(world, call.region)
    return call.proceed()


def create_template(world: AccountState, call: Call) -> Reply:
    name = str(call.params().get("LaunchTemplateName") or "")
    if not _TEMPLATE_NAME.match(name):
        raise Refusal(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _.",
        )
    return call.proceed()


def delete_template(world: AccountState, call: Call) -> Reply:
    p = call.params()
    ec2 = world.moto("ec2", call.region)
    name, identity = p.get("LaunchTemplateName"), p.get("LaunchTemplateId")
    if name and name not in ec2.launch_template_name_to_ids:
        raise Refusal(
            "InvalidLaunchTemplateName.NotFoundException",
            f"The specified launch template, with template name {name}, does not exist.",
        )
    if identity and identity not in ec2.launch_templates:
        raise Refusal(
            "InvalidLaunchTemplateId.NotFound",
            f"The specified launch template, with template ID {identity}, does not exist.",
        )
    return call.proceed()


def get_parameter(world: AccountState, call: Call) -> Reply | Params:
    """moto knows ECS's machine images of AWS's main partition alone: elsewhere one of the images that EC2 has there."""
    name = str(call.params().get("Name", ""))
    if not name.startswith("/aws/service/ecs/optimized-ami/") or partition.of_region(call.region).name == "aws":
        return call.proceed()
    image = next(iter(sorted(world.moto("ec2", call.region).amis)))
    return {"Parameter": {"Name": name, "Type": "String", "Value": image, "Version": 1}}


def put_parameter(world: AccountState, call: Call) -> Reply:
    first = str(call.params().get("Name", "")).lstrip("/").partition("/")[0].lower()
    if first.startswith(("aws", "ssm")):
        raise Refusal(
            "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
        )
    return call.proceed()
