"""What a group would launch: its template's data, types and market, and why AWS would refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aws_run.local.api.quotas import quota
from aws_run.local.sim.hardware import spec_of
from aws_run.local.sim.model import Group, Place
from aws_run.local.sim.state import AccountState


class LaunchFailed(Exception):
    """A launch AWS refuses; the text goes into the activity."""


def launch_data(world: AccountState, place: Place, group: Group) -> tuple[dict[str, Any], list[str], bool]:
    """The launch template's data, the instance types in order of preference, and whether to ask for Spot."""
    mixed = group.mixed or {}
    specification = (
        (mixed.get("LaunchTemplate") or {}).get("LaunchTemplateSpecification") or group.launch_template or {}
    )
    ec2 = world.moto("ec2", place.region)
    identity = specification.get("LaunchTemplateId") or ec2.launch_template_name_to_ids.get(
        specification.get("LaunchTemplateName")
    )
    template = ec2.launch_templates.get(identity)
    if template is None:
        raise LaunchFailed(
            "You must use a valid fully-formed launch template. The specified launch template does not exist. "
            "Launching EC2 instance failed."
        )
    data = dict(template.get_version(specification.get("Version") or "$Default").data)
    if data.get("ImageId") and not _known_image(ec2, str(data["ImageId"])):
        raise LaunchFailed(f"The image id '[{data['ImageId']}]' does not exist. Launching EC2 instance failed.")
    overrides = (mixed.get("LaunchTemplate") or {}).get("Overrides") or []
    types = [o["InstanceType"] for o in overrides if o.get("InstanceType")] or [data.get("InstanceType")]
    if not types[0]:
        raise LaunchFailed(
            "You must use a valid fully-formed launch template. The instance type is missing. Launching EC2 instance "
            "failed."
        )
    distribution = mixed.get("InstancesDistribution") or {}
    living = [i for i in group.instances if i.terminated_at is None]
    above_base = distribution.get("OnDemandPercentageAboveBaseCapacity")
    base = int(distribution.get("OnDemandBaseCapacity") or 0)
    spot = bool(mixed) and len(living) >= base and int(100 if above_base is None else above_base) < 100
    spot = spot or (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot"
    return data, [str(t) for t in types], spot


def spot_max_usd(group: Group) -> Decimal | None:
    """What the group pays for a spot instance at most; None: the on-demand price, which spot never exceeds."""
    distribution = (group.mixed or {}).get("InstancesDistribution") or {}
    return Decimal(str(distribution["SpotMaxPrice"])) if distribution.get("SpotMaxPrice") else None


def decode_user_data(text: Any) -> str:
    """User data as the instance sees it: base64 undone."""
    import base64
    import binascii

    raw = str(text)
    try:
        return base64.b64decode(raw, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return raw


def _known_image(ec2: Any, image_id: str) -> bool:
    return image_id in ec2.amis or image_id.startswith("resolve:ssm:")


def disk_gib(data: dict[str, Any]) -> int:
    for device in data.get("BlockDeviceMappings") or []:
        size = (device.get("Ebs") or {}).get("VolumeSize")
        if size:
            return int(size)
    return 30


def disks(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The root disk as moto wants it; it goes with its instance unless the template says otherwise."""
    devices = [device for device in data.get("BlockDeviceMappings") or [] if device.get("Ebs")]
    named = [(str(device.get("DeviceName") or "/dev/xvda"), device["Ebs"]) for device in devices] or [("/dev/xvda", {})]
    return [
        {
            "DeviceName": name,
            "Ebs": {
                "VolumeSize": int(ebs.get("VolumeSize") or 30),
                "VolumeType": ebs.get("VolumeType") or "gp3",
                "DeleteOnTermination": str(ebs.get("DeleteOnTermination", True)).lower() == "true",
                "Encrypted": str(ebs.get("Encrypted", False)).lower() == "true",
            },
        }
        for name, ebs in named
    ]


def tags_of(data: dict[str, Any], kind: str) -> dict[str, str]:
    specs = [s for s in data.get("TagSpecifications") or [] if s.get("ResourceType") == kind]
    return {t["Key"]: t["Value"] for s in specs for t in s.get("Tags") or []}


def check_profile(world: AccountState, data: dict[str, Any]) -> None:
    name = (data.get("IamInstanceProfile") or {}).get("Name")
    profiles = {profile.name for profile in list(world.moto("iam", world.partition).instance_profiles.values())}
    if name is not None and name not in profiles:
        raise LaunchFailed("Invalid IAM Instance Profile name. Launching EC2 instance failed.")


def has_dead_role(world: AccountState, data: dict[str, Any]) -> bool:
    """Whether EC2 still takes the profile's role for the deleted one that had its name (terraform#2037)."""
    name = (data.get("IamInstanceProfile") or {}).get("Name")
    profiles = list(world.moto("iam", world.partition).instance_profiles.values())
    roles = [role.name for profile in profiles if profile.name == name for role in profile.roles]
    deleted = [world.deleted_roles[role] for role in roles if role in world.deleted_roles]
    return any((world.clock.now() - at).total_seconds() < world.options.role_id_s for at in deleted)


def over_quota(world: AccountState, kind: str, spot: bool) -> str | None:
    """The code of the refusal when the account's vCPU quota has no room for one more of `kind`."""
    code = _quota_code(kind, spot)
    used = sum(
        spec_of(i.type).vcpu
        for place in world.places()
        for i in place.instances.values()
        if i.terminated_at is None and i.spot == spot and _quota_code(i.type, spot) == code
    )
    if used + spec_of(kind).vcpu <= quota(world, code):
        return None
    return "MaxSpotInstanceCountExceeded" if spot else "VcpuLimitExceeded"


def _quota_code(kind: str, spot: bool) -> str:
    """P5 has a quota of its own on spot alone."""
    if spot and kind.startswith("p5"):
        return "L-C4BD4855"
    codes = {
        "g": ("L-DB2E81BA", "L-3819A6DF"),
        "v": ("L-DB2E81BA", "L-3819A6DF"),
        "p": ("L-417A185B", "L-7212CCBC"),
        "x": ("L-7295265B", "L-E3A00192"),
    }
    return codes.get(kind[0], ("L-1216C47A", "L-34B43A08"))[spot]
