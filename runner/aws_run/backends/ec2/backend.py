"""ECS on one EC2 instance: a launch template, an Auto Scaling group of exactly one, and a capacity provider over it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aws_run import contract
from aws_run.aws.cache import Cache
from aws_run.aws.session import Aws
from aws_run.backends import disk
from aws_run.backends.base import Advice, Stage, Usage
from aws_run.backends.ec2 import instances, offers, user_data
from aws_run.backends.ec2.capacity import SWITCH_AFTER_S, Capacity, group_of
from aws_run.backends.ec2.quotas import Quotas
from aws_run.backends.ecs import container
from aws_run.backends.ecs.tasks import EcsExecutor
from aws_run.backends.executor import TaskHandle, TaskState
from aws_run.clock import Clock
from aws_run.errors import AwsRunError, DeadlineError
from aws_run.events import Emit
from aws_run.infra import desired
from aws_run.infra.resource_types import cluster as clusters
from aws_run.infra.resource_types import group as groups
from aws_run.infra.resource_types.capacity_provider import CapacityProvider
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing import burstable
from aws_run.pricing.catalogue import Catalogue
from aws_run.pricing.offers import Choice
from aws_run.pricing.prices import Prices
from aws_run.pricing.receipt import Charge, MachineUse, ec2_charges
from aws_run.runs.record import HardwareEntry, Record
from aws_run.runs.spec import JobSpec, Offer, RunSpec

_RETRY_LEASE_S = 20 * 60  # how long a further attempt's instance may wait for its task
_MARGIN = timedelta(minutes=10)  # the switch fires this long after the job's own deadline
_ACTION_LATE_S = 60
_GUARD_BACKSTOP_S = 6 * 3600
# Longer than any lease with its switch (18 minutes), and than ECS takes to place a task.
_GUARD_NEVER_CAME_S = user_data.LATE_NEVER_CAME_S


class Ec2Backend:
    name = offers.NAME
    disk_limits = disk.EC2
    shared_memory_mib = None
    ending_s = 4 * 60  # the job gets its grace and saves (two minutes), the client hears of it, the machine shuts down
    waits = True
    boot_s = 90  # 26 s until Linux is up (brevdev/ec2-coldboot-research), then the ECS agent and the image's pull

    def __init__(
        self, aws: Aws, clock: Clock, *, catalogue: Catalogue, prices: Prices, cache: Cache | None = None
    ) -> None:
        """`cache`: of the account's quotas."""
        self._aws = aws
        self._clock = clock
        self._offers = offers.Ec2Offers(aws, catalogue=catalogue, prices=prices, quotas=Quotas(aws, cache))
        self._capacity = Capacity(aws, clock)
        self.executor = EcsExecutor(aws, clock, _placement)

    def inspect(self, job: JobSpec) -> Offer:
        return self._offers.inspect(job)

    def offers(self, job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
        return self._offers.all(job)

    # -- deciding -----------------------------------------------------------------------------------------------

    def shared_resources(
        self, job: JobSpec, *, account: str, region: str, tags: Mapping[str, str]
    ) -> tuple[Resource, ...]:
        return (desired.instance_role(job, account=account, region=region, tags=tags),)

    def stages(self, spec: RunSpec) -> tuple[Stage, ...]:
        names, offer = spec.names, spec.offer
        template = LaunchTemplate(
            name=names.launch_template,
            image_id=offer.machine_image or "",
            instance_type=offer.hardware.instance_types[0],
            instance_profile=spec.project.instance_role,
            user_data=user_data.render(
                cluster=names.cluster,
                gpu=offer.hardware.gpus > 0,
                made_epoch_s=int(spec.created_at.timestamp()),
                # Backstops only: the client and the group's switch end an instance earlier, and the job's clock
                # starts when it is accepted, from when on its task says when it ends.
                never_came_s=_GUARD_NEVER_CAME_S,
                deadline_epoch_s=int(spec.deadline.timestamp()) + _GUARD_BACKSTOP_S,
                after_deadline_s=int(self._after_deadline(spec).total_seconds()),
                up_at_most_s=None if spec.cap_s is None else spec.cap_s - _ACTION_LATE_S,
            ),
            disk_gib=offer.hardware.disk_gib,
            security_groups=offer.network.security_groups,
            public_ip=offer.network.public_ip,
            tags=spec.tags,
            # EC2 refuses the setting for a type that is not burstable.
            standard_credits=all(map(burstable.is_burstable, offer.hardware.instance_types)),
        )
        provider = CapacityProvider(
            name=names.capacity_provider, group=names.group, cluster=names.cluster, tags=spec.tags
        )
        return (
            Stage(resources=(Cluster(name=names.cluster, tags=spec.tags), template)),
            # The group is there and armed: the machine takes the longest, so it is asked for before all else.
            Stage(resources=(group_of(spec),), then_raise=True),
            Stage(resources=(provider,)),
        )

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        return ()

    def definition(self, spec: RunSpec, image: str) -> TaskDefinition:
        hw = spec.offer.hardware
        job = container.container(spec, image)
        job["cpu"] = int(hw.vcpu * 1024)
        job["memory"] = hw.memory_mib
        # Docker's own 64 MiB are too few for PyTorch's workers and their like. What lies there counts as the job's
        # memory, so more than that would be no use (ECS: LinuxParameters.sharedMemorySize, MiB).
        job["linuxParameters"] = {"sharedMemorySize": hw.memory_mib}
        job["mountPoints"] = [{"sourceVolume": "notice", "containerPath": container.NOTICE_DIR, "readOnly": True}]
        job["environment"].append({"name": contract.NOTICE_FILE, "value": f"{container.NOTICE_DIR}/notice"})
        if hw.gpus:
            job["resourceRequirements"] = [{"type": "GPU", "value": str(hw.gpus)}]
            # Images that aren't made from CUDA's own say nothing about the driver's parts they want (aws-facts §5).
            if "NVIDIA_DRIVER_CAPABILITIES" not in spec.job.env:
                job["environment"].append({"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility,compute"})
        return container.definition(
            spec,
            {
                "requiresCompatibilities": ["EC2"],
                "networkMode": "bridge",
                "executionRoleArn": spec.execution_role,
                "taskRoleArn": spec.task_role_arn,
                "containerDefinitions": [job],
                "volumes": [{"name": "notice", "host": {"sourcePath": container.NOTICE_DIR}}],
            },
        )

    # -- acting -------------------------------------------------------------------------------------------------

    def raise_capacity(self, spec: RunSpec) -> None:
        self._capacity.ask(spec)

    def give_back(self, spec: RunSpec) -> None:
        groups.scale_to_zero(self._aws, spec.names.group, self._clock)
        self._count(spec)
        # It is registered until ECS hears of its end, and the next task must not be placed on it.
        clusters.deregister_instances(self._aws, spec.names.cluster)

    def raise_again(self, spec: RunSpec) -> None:
        if self._clock.now() > spec.created_at + timedelta(seconds=_GUARD_BACKSTOP_S):
            # The guard's deadline is written into the launch template, and would end the new machine under its job.
            raise DeadlineError(
                f"Image and input took more than {_GUARD_BACKSTOP_S // 3600} hours, so the job was not started",
                hint="run the same command again: what has been built and sent by now is not built or sent again",
            )
        self._capacity.request(spec.run_id).begin_anew(groups.activities(self._aws, spec.names.group))
        groups.schedule_shutdown(
            self._aws, spec.names.group, self._clock.now() + timedelta(seconds=spec.idle_s + SWITCH_AFTER_S)
        )
        groups.scale_to_one(self._aws, spec.names.group, self._clock)

    def _count(self, spec: RunSpec) -> None:
        """Notes what has been billed so far, for a receipt that is made when EC2 shows these instances no more."""
        with contextlib.suppress(AwsRunError):
            self.usage(spec.run_id, None, self._clock.now())

    def on_task_accepted(self, spec: RunSpec, handle: TaskHandle, deadline: datetime, emit: Emit) -> None:
        switch_at = deadline + self._after_deadline(spec)
        self._capacity.request(spec.run_id).switch_at = switch_at
        groups.schedule_shutdown(self._aws, spec.names.group, switch_at)

    def _after_deadline(self, spec: RunSpec) -> timedelta:
        """How long the machine may stay after its job's deadline. With a cap nothing may bill for longer than the cap
        counts on: Auto Scaling begins an action within a minute, and a machine takes as long to shut down."""
        return _MARGIN if spec.cap_s is None else timedelta(seconds=self.ending_s - _ACTION_LATE_S)

    def on_task_placed(self, spec: RunSpec) -> None:
        groups.suspend_launches(self._aws, spec.names.group)

    def prepare_retry(self, spec: RunSpec) -> None:
        """After a Spot notice the old machine is still there, registered and with room: nothing may be placed on it.

        The new one has no task yet: until there is one it is the lease that ends it, as at the start."""
        request = self._capacity.request(spec.run_id)
        request.begin_anew(groups.activities(self._aws, spec.names.group))
        clusters.deregister_instances(self._aws, spec.names.cluster)
        self._count(spec)
        lease = self._clock.now() + timedelta(seconds=_RETRY_LEASE_S)
        groups.schedule_shutdown(self._aws, spec.names.group, min(lease, request.switch_at or lease))
        groups.replace(self._aws, spec.names.group)

    def check_capacity(self, spec: RunSpec, emit: Emit) -> None:
        self._capacity.check(spec, emit)

    def tried(self, spec: RunSpec) -> tuple[str, ...]:
        return self._capacity.tried(spec)

    def explain_waiting(self, record: Record) -> Advice:
        return self._capacity.explain_waiting(record)

    # -- counting -----------------------------------------------------------------------------------------------

    def usage(self, run_id: str, state: TaskState | None, now: datetime, *, public_ip: bool = True) -> Usage | None:
        """By the instances that EC2 shows, and by those that this client has seen before."""
        billed = self._capacity.request(run_id).billed
        return instances.usage(self._aws, run_id, now, billed, public_ip=public_ip)

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]:
        """Without a machine that was seen: as one of the first of the choices."""
        machines = usage.machines or (
            MachineUse(
                seconds=usage.seconds,
                instance_type=(hardware.instance_types or ("",))[0],
                spot=hardware.spot,
                public_ip=usage.public_ip,
            ),
        )
        return ec2_charges(machines, disk_gib=hardware.disk_gib, rates=hardware.rates)


def _placement(spec: RunSpec) -> dict[str, Any]:
    return {"capacityProviderStrategy": [{"capacityProvider": spec.names.capacity_provider, "weight": 1}]}
