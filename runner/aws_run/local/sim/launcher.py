"""Launches: an instance from its group's template, its boot, and its agent's way into the cluster.

Everything here runs under AccountState.lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.sim.cpu_credits import unlimited
from aws_run.local.sim.hardware import agent_memory_mib, spec_of
from aws_run.local.sim.instance_guard import spot_notice
from aws_run.local.sim.launch import (
    LaunchFailed,
    check_profile,
    decode_user_data,
    disk_gib,
    disks,
    has_dead_role,
    launch_data,
    over_quota,
    spot_max_usd,
    tags_of,
)
from aws_run.local.sim.model import Activity, ContainerInstance, Group, GroupInstance, Place
from aws_run.local.sim.price_set import STEP, price_set, step_start
from aws_run.local.sim.reach import AGENT_SERVICES, host_lacks
from aws_run.local.sim.state import AccountState
from aws_run.local.testing.launch_failures import MESSAGES

_CLUSTER = re.compile(r"ECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")


@frozen
class Launched:
    """`instance` None: AWS has refused all of `types`, and `refusal` says why."""

    instance: GroupInstance | None
    types: tuple[str, ...]
    spot: bool
    refusal: str = ""


class Launcher:
    """`on_booted` is told of each instance that is up, `on_joined` of each region where one joined its cluster."""

    def __init__(
        self,
        world: AccountState,
        on_joined: Callable[[Place], None],
        on_booted: Callable[[Place, GroupInstance], None],
    ) -> None:
        self._world = world
        self._on_joined = on_joined
        self._on_booted = on_booted

    def launch(self, place: Place, group: Group, why: str, subnet: str | None = None) -> Launched:
        """Starts one instance more, in the group's first subnet where none is named; with a failed activity when AWS
        has none to give."""
        world = self._world
        now = world.clock.now()
        members = len(group.instances)
        subnet = subnet or (group.subnets[0] if group.subnets else None)
        types: list[str] = []
        spot = False
        activity = Activity(
            id=uuid(world),
            group=group.name,
            description="Launching a new EC2 instance",
            cause=f"At {stamp(now)} {why} changing the desired capacity from {members} to {group.desired}.",
            started_at=now,
        )
        place.activities.insert(0, activity)
        try:
            data, overrides, spot = launch_data(world, place, group)
            types = list(overrides)
            check_profile(world, data)
            refusal = self._refused(place, group, data, overrides, spot)
        except LaunchFailed as error:
            refusal = str(error)
        if refusal is not None:
            activity.status, activity.message, activity.ended_at, activity.progress = "Failed", refusal, now, 100
            activity.description = f"Launching a new EC2 instance.  Status Reason: {refusal}"
            world.changed.notify_all()
            return Launched(instance=None, types=tuple(types), spot=spot, refusal=refusal)
        instance = self._start(place, group, activity, data=data, instance_type=overrides[0], spot=spot, subnet=subnet)
        activity.description = f"Launching a new EC2 instance: {instance.id}"
        world.later(world.options.boot_s, lambda: self._booted(place, instance))
        return Launched(instance=instance, types=(instance.type,), spot=spot)

    def _refused(self, place: Place, group: Group, data: dict[str, Any], types: list[str], spot: bool) -> str | None:
        """AWS's words when none of the types is to be had; drops from `types` those that are not."""
        market, az, wanted = "spot" if spot else "on-demand", group.azs[0], list(types)
        types[:] = self._world.shortages.launchable(wanted, market)
        if not types:
            return self._world.shortages.take(wanted[0], market, az)
        most = spot_max_usd(group) if spot else None
        if most is not None:
            now = self._world.clock.now()
            types[:] = [kind for kind in types if price_set().spot(place.region, az, kind, now) <= most]
            if not types:
                return MESSAGES["SpotMaxPriceTooLow"].format(type=wanted[0], az=az) + "Launching EC2 instance failed."
        code = over_quota(self._world, types[0], spot)
        return None if code is None else MESSAGES[code] + "Launching EC2 instance failed."

    def _start(
        self,
        place: Place,
        group: Group,
        activity: Activity,
        *,
        data: dict[str, Any],
        instance_type: str,
        spot: bool,
        subnet: str | None,
    ) -> GroupInstance:
        ec2 = self._world.moto("ec2", place.region)
        subnet_id = subnet
        az = ec2.get_subnet(subnet_id).availability_zone if subnet_id else group.azs[0]
        tags = {t["Key"]: t["Value"] for t in group.tags if t.get("PropagateAtLaunch")}
        tags = {**tags_of(data, "instance"), **tags}
        interface = (data.get("NetworkInterfaces") or [{}])[0]
        public = _public_ip(interface, ec2.get_subnet(subnet_id) if subnet_id else None)
        user_data = data.get("UserData") or ""
        options = {"instance_market_options": {"MarketType": "spot"}} if spot else {}
        reservation = ec2.run_instances(
            data.get("ImageId"),
            1,
            None,
            [],
            instance_type=instance_type,
            is_instance_type_default=False,
            region_name=place.region,
            placement=az,
            subnet_id=subnet_id,
            tags={"instance": {**tags, "aws:autoscaling:groupName": group.name}, "volume": tags_of(data, "volume")},
            security_group_ids=data.get("SecurityGroupIds") or interface.get("Groups") or [],
            associate_public_ip=public,
            block_device_mappings=disks(data),
            **options,
        )
        moto_instance = reservation.instances[0]
        moto_instance.launch_time = self._world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        instance = GroupInstance(
            id=moto_instance.id,
            type=instance_type,
            az=az,
            group=group.name,
            spot=spot,
            launched_at=self._world.clock.now(),
            tags=tags,
            image_id=str(data.get("ImageId") or ""),
            user_data=decode_user_data(user_data),
            disk_gib=disk_gib(data),
            public_ip=public,
            activity=activity,
            protected=group.protect_new,
            volumes=tuple(str(device.volume_id) for device in moto_instance.block_device_mapping.values()),
            interfaces=tuple(str(interface.id) for interface in moto_instance.nics.values()),
            dead_role=has_dead_role(self._world, data),
            unlimited=unlimited(instance_type, data),
        )
        group.instances.append(instance)
        place.instances[instance.id] = instance
        most = spot_max_usd(group) if spot else None
        if most is not None:
            self._take_back_above(place, instance, most)
        return instance

    def _take_back_above(self, place: Place, instance: GroupInstance, most: Decimal) -> None:
        """AWS ends a spot instance, with its notice, once its price is above what its owner pays at most."""
        world = self._world
        step = step_start(world.clock.now()) + STEP

        def look() -> None:
            if instance.terminated_at is not None:
                return
            if price_set().spot(place.region, instance.az, instance.type, world.clock.now()) > most:
                spot_notice(world, place, instance, 120)
            else:
                self._take_back_above(place, instance, most)

        world.later((step - world.clock.now()).total_seconds() + 1, look)

    def _booted(self, place: Place, instance: GroupInstance) -> None:
        if instance.terminated_at is not None:
            return
        instance.lifecycle = "InService"
        instance.activity.status, instance.activity.progress = "Successful", 100
        instance.activity.ended_at = self._world.clock.now()
        self._register(place, instance)
        self._on_booted(place, instance)
        self._world.changed.notify_all()
        self._on_joined(place)

    def _register(self, place: Place, instance: GroupInstance) -> None:
        match = _CLUSTER.search(instance.user_data)
        ecs = self._world.moto("ecs", place.region)
        cluster = ecs.clusters.get(match.group(1)) if match else None
        if cluster is None or cluster.status != "ACTIVE":
            return  # the agent keeps trying in vain, as it does on AWS
        if instance.dead_role:
            return  # and here
        if host_lacks(self._world, place.region, instance, AGENT_SERVICES) is not None:
            return
        spec = spec_of(instance.type)
        gpu_agent = "ECS_ENABLE_GPU_SUPPORT=true" in instance.user_data
        identity = self._world.new_id()
        group_arn = place.groups[instance.group].arn if instance.group in place.groups else ""
        provider = next((p.name for p in place.providers.values() if p.group_arn == group_arn), None)
        registered = ContainerInstance(
            arn=self._world.arn("ecs", place.region, f"container-instance/{cluster.name}/{identity}"),
            id=identity,
            cluster=cluster.name,
            instance=instance,
            provider=provider,
            cpu=spec.vcpu * 1024,
            memory_mib=agent_memory_mib(spec.memory_mib),
            gpus=tuple(f"GPU-{identity[:8]}-{n}" for n in range(spec.gpus)) if gpu_agent else (),
            registered_at=self._world.clock.now(),
        )
        place.container_instances[registered.arn] = registered


def stamp(moment: datetime) -> str:
    """A time as activities tell it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def uuid(world: AccountState) -> str:
    text = world.new_id()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _public_ip(interface: dict[str, Any], subnet: Any) -> bool:
    """What the interface says; where it says nothing, what moto's `subnet` gives (None: there is none)."""
    public = interface.get("AssociatePublicIpAddress")
    if public is None:
        public = subnet is not None and subnet.map_public_ip_on_launch
    return str(public).lower() == "true"
