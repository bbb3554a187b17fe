"""What Auto Scaling does by itself: it launches, replaces and terminates a group's instances, and fires its actions.

Everything here runs under AccountState.lock. What an instance costs is from `launched_at` to `terminated_at`.
"""

from __future__ import annotations

from collections.abc import Callable

from aws_run.local.sim.hardware import spec_of
from aws_run.local.sim.launcher import Launched, Launcher, stamp, uuid
from aws_run.local.sim.model import SPOT, Activity, Group, GroupInstance, Place, ScheduledAction
from aws_run.local.sim.state import AccountState

_RETRY_S = 30.0  # a group that could not launch tries again

InstanceGone = Callable[[AccountState, Place, GroupInstance, str], None]


class AutoScaler:
    """`on_gone` is told of each instance that dies, with the reason, while the lock is held."""

    def __init__(
        self,
        world: AccountState,
        on_joined: Callable[[Place], None],
        on_gone: InstanceGone,
        on_booted: Callable[[Place, GroupInstance], None],
    ) -> None:
        self._world = world
        self._launcher = Launcher(world, on_joined, on_booted)
        self._on_gone = on_gone

    def reconcile(self, place: Place, group: Group, why: str) -> None:
        """Launches or terminates until the group has what it desires; at once, as AWS begins to."""
        if _replaces(group):
            for dead in [i for i in group.instances if i.terminated_at is not None]:
                self._take_out(place, dead, "an instance was taken out of service in response to a health check.")
        # An instance that is dead and not replaced still counts as a member.
        members = list(group.instances)
        wanted = 0 if group.deleting else group.desired
        if len(members) > wanted and "Terminate" not in group.suspended:
            # Oldest first, the default termination policy's last resort.
            surplus = [i for i in members if not i.protected or group.deleting][: len(members) - wanted]
            for instance in surplus:
                cause = (
                    f"At {stamp(self._world.clock.now())} {why} changing the desired capacity from {len(members)} to "
                    f"{wanted}. At {stamp(self._world.clock.now())} instance {instance.id} was selected for "
                    "termination."
                )
                self.terminate(place, instance, cause)
        elif len(members) < wanted and "Launch" not in group.suspended:
            for _ in range(wanted - len(members)):
                if self._launcher.launch(place, group, why).instance is None:
                    self._retry_later(place, group)
                    break

    def launch_now(self, place: Place, group: Group, subnet: str | None, *, retry: bool) -> Launched:
        """LaunchInstances: one instance more at once, which the desired capacity then counts. `retry`: one that AWS has
        not is counted as well, so that the group goes on trying."""
        launched = self._launcher.launch(place, group, "a user request launched an instance,", subnet)
        if launched.instance is not None:
            group.desired += 1
        elif retry:
            group.desired += 1
            self._retry_later(place, group)
        return launched

    def resize(self, place: Place, group: Group, why: str) -> None:
        """`reconcile` after a new size was set or the group was deleted: when Auto Scaling gets to it."""

        def act() -> None:
            self._reconcile_if_there(place, group, why)
            if group.deleting:
                self._world.later(self._world.settle_s, lambda: self.drop_deleted(place, group))

        delay_s = self._world.options.scaling_delay_s
        if delay_s:
            self._world.later(delay_s, act)
        else:
            act()

    def drop_deleted(self, place: Place, group: Group) -> None:
        """A deleted group is listed until the last of its instances is terminated."""
        members = [*group.instances, *group.ending]
        if group.deleting and not members and place.groups.get(group.name) is group:
            del place.groups[group.name]

    def terminate(self, place: Place, instance: GroupInstance, cause: str) -> None:
        """Ends an instance, takes it out of its group and writes the activity; idempotent."""
        if instance.terminated_at is None:
            self._world.moto("ec2", place.region).terminate_instances([instance.id])
            self.shut_down(place, instance)
            self._record_end(place, instance, "instance termination")
        self._take_out(place, instance, cause)

    def power_off(self, place: Place, instance: GroupInstance, why: str) -> None:
        """The machine shuts itself down. Its launch template says that this terminates it."""
        if instance.terminated_at is None:
            self._world.moto("ec2", place.region).terminate_instances([instance.id])
            instance.reclaimed = why == SPOT
            self.shut_down(place, instance, by_itself=True)
            self.died(place, instance, why)

    def shut_down(self, place: Place, instance: GroupInstance, *, by_itself: bool = False) -> None:
        """EC2 says shutting-down for a while (it does not bill any more), then terminated. It dates the end of what a
        user or the spot market ended, and not that of a machine that shut itself down."""
        ec2 = self._world.moto("ec2", place.region)
        machine = ec2.get_instance(instance.id)
        why = "Server.SpotInstanceTermination" if instance.reclaimed else "User initiated"
        dated = f"{why} ({self._world.clock.now():%Y-%m-%d %H:%M:%S} GMT)"
        machine._reason = "" if by_itself and not instance.reclaimed else dated
        if instance.reclaimed:
            machine.state_reason.code = why
            machine.state_reason.message = f"{why}: Spot instance termination"
        for interface in machine.nics.values():
            ec2.enis.pop(interface.id, None)  # the launch template's goes with the machine; moto keeps it
        state = machine._state
        state.name, state.code = "shutting-down", 32

        def ended() -> None:
            state.name, state.code = "terminated", 48
            group = place.groups.get(instance.group)
            if group is not None and instance in group.ending:
                group.ending = [member for member in group.ending if member is not instance]
                instance.lifecycle = "Terminated"
                self._world.later(self._world.settle_s, lambda: self.drop_deleted(place, group))

        self._world.later(self._world.end_s(gpus=spec_of(instance.type).gpus > 0), ended)

    def died(self, place: Place, instance: GroupInstance, why: str) -> None:
        """The instance ended by itself (power off, spot reclaim, TerminateInstances): its group replaces it, or, where
        that is suspended, keeps it as unhealthy, and launches nothing in its place."""
        if instance.terminated_at is not None:
            return
        self._record_end(place, instance, why)
        group = place.groups.get(instance.group)
        if group is not None and _replaces(group):
            cause = f"At {stamp(self._world.clock.now())} an instance was taken out of service in response to {why}."
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
        now = self._world.clock.now()
        machine = self._world.moto("ec2", place.region).get_instance(instance.id)
        if machine._state.name == "shutting-down":
            instance.lifecycle = "Terminating"
            group.ending.append(instance)
        else:
            instance.lifecycle = "Terminated"
        place.activities.insert(
            0,
            Activity(
                id=uuid(self._world),
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
