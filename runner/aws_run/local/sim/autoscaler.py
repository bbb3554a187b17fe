"""Groups that move: instances launch, boot, join their cluster, are replaced when they die, and go when told.

Everything here runs under World.lock. What an instance costs is from `launched_at` to `terminated_at`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aws_run.local.sim.hardware import agent_memory_mib, spec_of
from aws_run.local.sim.launch import (
    LaunchFailed,
    check_profile,
    decode_user_data,
    disk_gib,
    disks,
    launch_data,
    over_quota,
    tags_of,
)
from aws_run.local.sim.model import Activity, ContainerInstance, Group, GroupInstance, Place, ScheduledAction
from aws_run.local.sim.state import AccountState
from aws_run.local.testing.launch_failures import MESSAGES

_RETRY_S = 30.0  # a group that could not launch tries again
_CLUSTER = re.compile(r"ECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")

InstanceGone = Callable[[AccountState, Place, GroupInstance, str], None]


class Mover:
    """`on_gone` is told of each instance that dies, with the reason, while the lock is held."""

    def __init__(
        self,
        world: AccountState,
        on_joined: Callable[[Place], None],
        on_gone: InstanceGone,
        on_booted: Callable[[Place, GroupInstance], None],
    ) -> None:
        self._world = world
        self._on_booted = on_booted
        self._on_joined = on_joined
        self._on_gone = on_gone

    def reconcile(self, place: Place, group: Group, why: str) -> None:
        """Launches or terminates until the group has what it desires; at once, as AWS begins to."""
        if _replaces(group):
            for dead in [i for i in group.instances if i.terminated_at is not None]:
                self._take_out(place, dead, "an instance was taken out of service in response to a health check.")
        # One that is dead and not replaced still counts.
        members = list(group.instances)
        wanted = 0 if group.deleting else group.desired
        if len(members) > wanted and "Terminate" not in group.suspended:
            # Oldest first, the default termination policy's last resort.
            surplus = [i for i in members if not i.protected or group.deleting][: len(members) - wanted]
            for instance in surplus:
                cause = (
                    f"At {_stamp(self._world.clock.now())} {why} changing the desired capacity from {len(members)} to "
                    f"{wanted}. At {_stamp(self._world.clock.now())} instance {instance.id} was selected for "
                    "termination."
                )
                self.terminate(place, instance, cause)
        elif len(members) < wanted and "Launch" not in group.suspended:
            for _ in range(wanted - len(members)):
                if not self._launch(place, group, why):
                    self._retry_later(place, group)
                    break

    def terminate(self, place: Place, instance: GroupInstance, cause: str) -> None:
        """Ends an instance, takes it out of its group and writes the activity; idempotent."""
        if instance.terminated_at is None:
            self._world.moto("ec2", place.region).terminate_instances([instance.id])
            self._shut_down(place, instance)
            self._record_end(place, instance, "instance termination")
        self._take_out(place, instance, cause)

    def power_off(self, place: Place, instance: GroupInstance, why: str) -> None:
        """The machine shut itself down, and its launch template says that this terminates it."""
        if instance.terminated_at is None:
            self._world.moto("ec2", place.region).terminate_instances([instance.id])
            self._shut_down(place, instance)
            self.died(place, instance, why)

    def _shut_down(self, place: Place, instance: GroupInstance) -> None:
        """EC2 says shutting-down for a while (it does not bill any more), then terminated."""
        ec2 = self._world.moto("ec2", place.region)
        machine = ec2.get_instance(instance.id)
        for interface in machine.nics.values():
            ec2.enis.pop(interface.id, None)  # the launch template's goes with the machine; moto keeps it
        state = machine._state
        state.name, state.code = "shutting-down", 32

        def ended() -> None:
            state.name, state.code = "terminated", 48

        self._world.later(self._world.settle_s, ended)

    def died(self, place: Place, instance: GroupInstance, why: str) -> None:
        """The instance ended by itself (power off, spot reclaim, TerminateInstances): its group replaces it, or, where
        that is suspended, keeps it as unhealthy, and launches nothing in its place."""
        if instance.terminated_at is not None:
            return
        self._record_end(place, instance, why)
        group = place.groups.get(instance.group)
        if group is not None and _replaces(group):
            cause = f"At {_stamp(self._world.clock.now())} an instance was taken out of service in response to {why}."
            self._take_out(place, instance, cause)
            reason = "an instance was started in response to a difference between desired and actual capacity,"
            self._world.later(
                min(self._world.options.boot_s, 10.0), lambda: self._reconcile_if_there(place, group, reason)
            )

    def arm(self, place: Place, action: ScheduledAction) -> None:
        """Makes a scheduled action fire at its time."""
        self._world.clock.at(action.start_at, lambda: self._fire(place, action))

    def _fire(self, place: Place, action: ScheduledAction) -> None:
        with self._world.lock:
            group = place.groups.get(action.group)
            current = group.actions.get(action.name) if group else None
            if group is None or current is None or current.generation != action.generation:
                return
            del group.actions[action.name]
            if "ScheduledActions" in group.suspended:
                return
            group.min_size = group.min_size if action.min_size is None else action.min_size
            group.max_size = group.max_size if action.max_size is None else action.max_size
            desired = group.desired if action.desired is None else action.desired
            group.desired = max(group.min_size, min(group.max_size, desired))
            self.reconcile(
                place,
                group,
                f"a scheduled action update of AutoScalingGroup constraints to "
                f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired}",
            )

    def _reconcile_if_there(self, place: Place, group: Group, why: str) -> None:
        if place.groups.get(group.name) is group:
            self.reconcile(place, group, why)

    def _retry_later(self, place: Place, group: Group) -> None:
        if group.retry_armed:
            return
        group.retry_armed = True

        def retry() -> None:
            group.retry_armed = False
            self._reconcile_if_there(
                place, group, "an instance was started in response to a difference between desired and actual capacity,"
            )

        self._world.later(_RETRY_S, retry)

    def _launch(self, place: Place, group: Group, why: str) -> bool:
        world = self._world
        now = world.clock.now()
        members = len(group.instances)
        activity = Activity(
            id=_uuid(world),
            group=group.name,
            description="Launching a new EC2 instance",
            cause=f"At {_stamp(now)} {why} changing the desired capacity from {members} to {group.desired}.",
            started_at=now,
        )
        place.activities.insert(0, activity)
        try:
            data, overrides, spot = launch_data(world, place, group)
            check_profile(world, data)
            refusal = self._refused(group, data, overrides, spot)
        except LaunchFailed as error:
            refusal = str(error)
        if refusal is not None:
            activity.status, activity.message, activity.ended_at, activity.progress = "Failed", refusal, now, 100
            activity.description = f"Launching a new EC2 instance.  Status Reason: {refusal}"
            world.changed.notify_all()
            return False
        instance = self._start(place, group, data, overrides[0], spot, activity)
        activity.description = f"Launching a new EC2 instance: {instance.id}"
        world.later(world.options.boot_s, lambda: self._booted(place, instance))
        return True

    def _refused(self, group: Group, data: dict[str, Any], types: list[str], spot: bool) -> str | None:
        """AWS's words when none of the types is to be had; drops from `types` those that are not."""
        market, az, wanted = "spot" if spot else "on-demand", group.azs[0], list(types)
        types[:] = self._world.shortages.launchable(wanted, market)
        if not types:
            return self._world.shortages.take(wanted[0], market, az)
        code = over_quota(self._world, types[0], spot)
        return None if code is None else MESSAGES[code] + "Launching EC2 instance failed."

    def _start(
        self, place: Place, group: Group, data: dict[str, Any], kind: str, spot: bool, activity: Activity
    ) -> GroupInstance:
        ec2 = self._world.moto("ec2", place.region)
        subnet_id = group.subnets[0] if group.subnets else None
        az = ec2.get_subnet(subnet_id).availability_zone if subnet_id else group.azs[0]
        tags = {t["Key"]: t["Value"] for t in group.tags if t.get("PropagateAtLaunch")}
        tags = {**tags_of(data, "instance"), **tags}
        interface = (data.get("NetworkInterfaces") or [{}])[0]
        public = interface.get("AssociatePublicIpAddress")
        if public is None:
            public = subnet_id is not None and ec2.get_subnet(subnet_id).map_public_ip_on_launch
        public = str(public).lower() == "true"
        user_data = data.get("UserData") or ""
        options = {"instance_market_options": {"MarketType": "spot"}} if spot else {}
        reservation = ec2.run_instances(
            data.get("ImageId"),
            1,
            None,
            [],
            instance_type=kind,
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
            type=kind,
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
        )
        group.instances.append(instance)
        place.instances[instance.id] = instance
        return instance

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
        found = _CLUSTER.search(instance.user_data)
        ecs = self._world.moto("ecs", place.region)
        cluster = ecs.clusters.get(found.group(1)) if found else None
        if cluster is None or cluster.status != "ACTIVE":
            return  # the agent keeps trying in vain, as it does on AWS
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

    def _record_end(self, place: Place, instance: GroupInstance, why: str) -> None:
        now = self._world.clock.now()
        if instance.activity.status == "InProgress":
            instance.activity.status, instance.activity.ended_at = "Cancelled", now
        instance.terminated_at = now
        self._on_gone(self._world, place, instance, why)
        self._world.changed.notify_all()

    def _take_out(self, place: Place, instance: GroupInstance, cause: str) -> None:
        """Out of its group, with an activity that says so; nothing where it is no member any more."""
        group = place.groups.get(instance.group)
        if group is None or not any(member is instance for member in group.instances):
            return
        group.instances = [member for member in group.instances if member is not instance]
        instance.lifecycle, now = "Terminated", self._world.clock.now()
        place.activities.insert(
            0,
            Activity(
                id=_uuid(self._world),
                group=instance.group,
                description=f"Terminating EC2 instance: {instance.id}",
                cause=cause,
                started_at=now,
                ended_at=now,
                status="Successful",
                progress=100,
            ),
        )
        self._world.changed.notify_all()


def _replaces(group: Group) -> bool:
    return not {"ReplaceUnhealthy", "HealthCheck"} & group.suspended


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _uuid(world: AccountState) -> str:
    text = world.new_id()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
