"""ECS on one EC2 instance: a launch template, an Auto Scaling group of exactly one, and a capacity provider over it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aws_run import contract
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.backends import network
from aws_run.backends.base import Usage
from aws_run.backends.ec2 import instances, scaling_activities, user_data
from aws_run.backends.ecs import container
from aws_run.clock import Clock
from aws_run.config import SpotPolicy
from aws_run.errors import AwsCallError, AwsRunError, CapacityError, DeadlineError, PreflightError
from aws_run.events import Emit, Notice
from aws_run.infra.resource_types import cluster as clusters
from aws_run.infra.resource_types import group as groups
from aws_run.infra.resource_types.capacity_provider import CapacityProvider
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.group import Group
from aws_run.infra.resource_types.launch_template import LaunchTemplate
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing import hardware
from aws_run.pricing.receipt import Charge, ec2_charges
from aws_run.pricing.table import BY_NAME, InstanceType
from aws_run.runs.record import HardwareEntry
from aws_run.runs.spec import JobSpec, NetworkPlacement, Offer, RunSpec

LEASE_S = 20 * 60  # how long a client may give no sign of life, and a further attempt's instance wait for its task
# The first lease is the run's own `idle_s`. The switch fires this long after it, so that it can't come between the end
# of a build and an acceptance that has to wait for a new role (two minutes, usecases/task.py).
_SWITCH_AFTER_S = 3 * 60
_MARGIN = timedelta(minutes=10)  # the switch fires this long after the job's own deadline
_ANOTHER_TRY_S = 4.0
# How long a launch may go on failing in a way that may heal, from its first failure on: a minute is usual for the known
# ones; what we don't know is the account's or its rules' as a rule, and AWS's own sentence is all that helps.
_HEALS_WITHIN_S = {"transient": 10 * 60, "unknown": 3 * 60}
_GUARD_BACKSTOP_S = 6 * 3600
# Longer than any lease with its switch (18 minutes), and than ECS takes to place a task.
_GUARD_NEVER_CAME_S = user_data.LATE_NEVER_CAME_S
_REGISTERS_WITHIN_S = 10 * 60  # from in service to the agent's registration; a minute is usual
_DEFAULT_DISK_GIB = 40
_AMI_MIN_DISK_GIB = 30
_AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/{variant}recommended/image_id"
# Service Quotas codes: (on-demand, spot), by the first letter of the GPU family.
_QUOTAS = {"g": ("L-DB2E81BA", "L-3819A6DF"), "p": ("L-417A185B", "L-7212CCBC")}


@dataclass(kw_only=True)
class _Asked:
    """How the asking for one run's machine stands."""

    old: frozenset[str] = frozenset()  # activities that belong to what was asked for before
    on_demand: bool = False  # spot was given up
    refused_at_s: float | None = None  # since when AWS has nothing, monotonic
    ailing_at_s: float | None = None  # since when launches fail in a way that may heal, monotonic
    told: bool = False  # the user has heard why
    ends_at: datetime | None = None  # of the switch, once a task was accepted
    billed: instances.Billed = field(default_factory=instances.Billed)

    def begin_anew(self, activities: list[dict[str, Any]]) -> None:
        self.old = frozenset(str(activity.get("ActivityId")) for activity in activities)
        self.refused_at_s = self.ailing_at_s = None


class Ec2Backend:
    name = "ec2"

    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._asked: dict[str, _Asked] = {}

    # -- reading ------------------------------------------------------------------------------------------------

    def inspect(self, job: JobSpec) -> Offer:
        types = hardware.instance_types(job, self._describe_unknown(job))
        found = network.find(self._aws, job)
        offered = self._offered([kind.name for kind in types])
        here = {name: zones & set(found.zones) for name, zones in offered.items()}
        usable = tuple(kind for kind in types if here.get(kind.name))
        if not usable:
            raise PreflightError(
                f"{', '.join(kind.name for kind in types)}: not offered in {', '.join(found.zones)}",
                hint="try another --region, other --subnets, or another --instance-type",
            )
        zones = set().union(*(here[kind.name] for kind in usable))
        keep = [index for index, zone in enumerate(found.zones) if zone in zones]
        found = NetworkPlacement(
            subnets=tuple(found.subnets[index] for index in keep),
            zones=tuple(found.zones[index] for index in keep),
            security_groups=found.security_groups,
            public_ip=found.public_ip,
        )
        spot = job.spot_policy != "on-demand"
        asked = job.resources
        first = usable[0]
        self._check_quota(first, job.spot_policy)
        # A GPU type that was named is rented for its GPUs, asked for or not.
        gpus = asked.gpu.count if asked.gpu else min(kind.gpus for kind in usable)
        return Offer(
            network=found,
            machine_image=self._image_id(gpu=gpus > 0, arm=asked.arch == "arm64"),
            hardware=HardwareEntry(
                backend=self.name,
                description=_describe(first, spot, len(usable)),
                # The task must fit the smallest of the choices (aws-facts §2).
                vcpu=min(kind.vcpu for kind in usable),
                memory_mib=min(kind.usable_memory_mib for kind in usable),
                gpus=gpus,
                instance_types=tuple(kind.name for kind in usable),
                spot=spot,
                disk_gib=max(asked.disk_gib or _DEFAULT_DISK_GIB, _AMI_MIN_DISK_GIB),
                arch=asked.arch,
            ),
        )

    def _describe_unknown(self, job: JobSpec) -> tuple[InstanceType, ...]:
        unknown = [name for name in job.resources.instance_types if name not in BY_NAME]
        if not unknown:
            return ()
        try:
            answer = self._aws.call("ec2", "describe_instance_types", InstanceTypes=unknown)
        except AwsCallError as error:
            if error.code == "InvalidInstanceType":
                return ()  # the choice itself says which one and what is close
            raise
        return tuple(_from_ec2(found) for found in answer["InstanceTypes"])

    def _offered(self, names: list[str]) -> dict[str, set[str]]:
        answer = self._aws.pages(
            "ec2",
            "describe_instance_type_offerings",
            "InstanceTypeOfferings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": names}],
        )
        zones: dict[str, set[str]] = {}
        for offering in answer:
            zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
        return zones

    def _check_quota(self, kind: InstanceType, policy: SpotPolicy) -> None:
        """A quota of 0 is the rule for GPUs in a new account; say so before anything is built. Other families have one
        that is enough for most runs, and the scaling activity tells where it isn't: no round trip is spent on them."""
        if kind.name[0] not in _QUOTAS:
            return
        on_demand, spot = _QUOTAS[kind.name[0]]
        too_small: list[tuple[str, dict[str, Any]]] = []
        for code in {"spot": (spot,), "on-demand": (on_demand,), "auto": (spot, on_demand)}[policy]:
            try:
                answer = self._aws.call("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code)
            except AwsCallError as error:
                if error.code in DENIED or error.code == "NoSuchResourceException":
                    return  # only a help: the launch itself will tell
                raise
            quota = answer["Quota"]
            if quota["Value"] >= kind.vcpu:
                return
            too_small.append((code, quota))
        code, quota = too_small[-1]
        region = self._aws.region
        raise PreflightError(
            f"{kind.name} needs {kind.vcpu} vCPUs, and this account may use {quota['Value']:.0f} "
            f"({quota.get('QuotaName', code)})",
            hint=f"ask for more at https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{code}",
        )

    def _image_id(self, *, gpu: bool, arm: bool) -> str:
        variant = "gpu/" if gpu else "arm64/" if arm else ""
        if gpu and arm:
            raise PreflightError("There is no ECS machine image for GPUs on arm64", hint="use --arch x86_64")
        name = _AMI.format(variant=variant)
        try:
            return str(self._aws.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"])
        except AwsCallError as error:
            if error.code == "ParameterNotFound":
                raise PreflightError(
                    f"ECS has no machine image for this in {self._aws.region} ({name})", hint="try another --region"
                ) from error
            raise

    # -- deciding -----------------------------------------------------------------------------------------------

    def resources(self, spec: RunSpec) -> tuple[Resource, ...]:
        names, offer = spec.names, spec.offer
        return (
            Cluster(name=names.cluster, tags=spec.tags),
            LaunchTemplate(
                name=names.launch_template,
                image_id=offer.machine_image or "",
                instance_type=offer.hardware.instance_types[0],
                instance_profile=spec.project.instance_role,
                user_data=user_data.render(
                    cluster=names.cluster,
                    gpu=offer.hardware.gpus > 0,
                    made_epoch_s=int(spec.created_at.timestamp()),
                    # Backstops only: the client and the group's switch end an instance earlier, and the job's clock
                    # starts when it is accepted.
                    never_came_s=_GUARD_NEVER_CAME_S,
                    deadline_epoch_s=int(spec.deadline.timestamp()) + _GUARD_BACKSTOP_S,
                ),
                disk_gib=offer.hardware.disk_gib,
                security_groups=offer.network.security_groups,
                public_ip=offer.network.public_ip,
                tags=spec.tags,
            ),
            _group(spec),
            CapacityProvider(name=names.capacity_provider, group=names.group, cluster=names.cluster, tags=spec.tags),
        )

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        return ()

    def task_definition(self, spec: RunSpec, image: str) -> TaskDefinition:
        hw = spec.offer.hardware
        job = container.container(spec, image)
        job["cpu"] = int(hw.vcpu * 1024)
        job["memory"] = hw.memory_mib
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

    def placement(self, spec: RunSpec) -> dict[str, Any]:
        return {"capacityProviderStrategy": [{"capacityProvider": spec.names.capacity_provider, "weight": 1}]}

    # -- acting -------------------------------------------------------------------------------------------------

    def raise_capacity(self, spec: RunSpec) -> None:
        groups.scale_to_one(self._aws, spec.names.group, self._clock)

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
        self._asked_of(spec).begin_anew(groups.activities(self._aws, spec.names.group))
        groups.schedule_shutdown(
            self._aws, spec.names.group, self._clock.now() + timedelta(seconds=spec.idle_s + _SWITCH_AFTER_S)
        )
        groups.scale_to_one(self._aws, spec.names.group, self._clock)

    def _count(self, spec: RunSpec) -> None:
        """Notes what has been billed so far, for a receipt that is made when EC2 shows these instances no more."""
        with contextlib.suppress(AwsRunError):
            self.usage(spec, {}, self._clock.now())

    def on_task_accepted(self, spec: RunSpec, task_arn: str, deadline: datetime, emit: Emit) -> None:
        self._asked_of(spec).ends_at = deadline + _MARGIN
        groups.schedule_shutdown(self._aws, spec.names.group, deadline + _MARGIN)

    def on_task_placed(self, spec: RunSpec) -> None:
        groups.suspend_launches(self._aws, spec.names.group)

    def prepare_retry(self, spec: RunSpec) -> None:
        """After a Spot notice the old machine is still there, registered and with room: nothing may be placed on it.

        The new one has no task yet: until there is one it is the lease that ends it, as at the start."""
        asked = self._asked_of(spec)
        asked.begin_anew(groups.activities(self._aws, spec.names.group))
        clusters.deregister_instances(self._aws, spec.names.cluster)
        self._count(spec)
        lease = self._clock.now() + timedelta(seconds=LEASE_S)
        groups.schedule_shutdown(self._aws, spec.names.group, min(lease, asked.ends_at or lease))
        groups.replace(self._aws, spec.names.group)

    def _asked_of(self, spec: RunSpec) -> _Asked:
        return self._asked.setdefault(spec.run_id, _Asked())

    def check_capacity(self, spec: RunSpec, emit: Emit) -> None:
        asked = self._asked_of(spec)
        activities = groups.activities(self._aws, spec.names.group)
        verdict = scaling_activities.capacity_status(activities, asked.old)
        if verdict.since is not None and (self._clock.now() - verdict.since).total_seconds() > _REGISTERS_WITHIN_S:
            raise CapacityError(
                f"The instance has been up for {_REGISTERS_WITHIN_S // 60} minutes and has not joined the cluster",
                hint="its subnet may have no route to ECS: use public subnets, or add a NAT gateway or VPC endpoints",
            )
        if verdict.since is not None:
            asked.ailing_at_s = None
        if verdict.state == "healing":
            if not self._lasts(asked, verdict, emit):
                return
        elif verdict.state != "failed":
            asked.refused_at_s = None
            return
        elif not self._is_final(asked, verdict):
            return
        if spec.job.spot_policy == "auto" and not asked.on_demand:
            asked.on_demand = True
            asked.begin_anew(activities)
            why = verdict.text if verdict.state == "healing" else verdict.code
            emit(Notice(text=f"no spot capacity ({why}); asking for on-demand instead", level="warning"))
            groups.use_on_demand(self._aws, _group(spec))
            return
        if self._waits_on(spec, verdict):
            emit(Notice(text=f"no capacity ({verdict.code}); AWS goes on trying", level="info"))
            return
        if verdict.state == "healing":
            raise CapacityError(
                f"AWS starts no machine for this run: {verdict.text}",
                hint="these are AWS's own words: the account, one of its policies or a key of its disks may forbid it",
            )
        raise CapacityError(
            f"AWS has no machine for this run: {verdict.code} ({', '.join(spec.offer.hardware.instance_types)} in "
            f"{', '.join(spec.offer.network.zones)})",
            hint=verdict.hint,
        )

    def _lasts(self, asked: _Asked, verdict: scaling_activities.CapacityStatus, emit: Emit) -> bool:
        """Whether a failure that may heal has stood for too long. Auto Scaling's next try in between looks like a
        machine on its way until it fails as well: that is no healing."""
        now = self._clock.monotonic()
        if asked.ailing_at_s is None:
            asked.ailing_at_s = now
        shown = verdict.code == "unknown" and not asked.told
        asked.told = asked.told or shown
        emit(Notice(text=f"waiting for AWS: {verdict.text}", level="warning" if shown else "debug"))
        return now - asked.ailing_at_s >= _HEALS_WITHIN_S[verdict.code]

    def _is_final(self, asked: _Asked, verdict: scaling_activities.CapacityStatus) -> bool:
        """One zone's or type's lack is followed by another try of Auto Scaling's own within seconds: it counts when it
        still stands at the next look. Quotas and the like count at once."""
        if verdict.code not in scaling_activities.PASSES_WITH_TIME:
            return True
        now = self._clock.monotonic()
        if asked.refused_at_s is None:
            asked.refused_at_s = now
        return now - asked.refused_at_s >= _ANOTHER_TRY_S

    def _waits_on(self, spec: RunSpec, verdict: scaling_activities.CapacityStatus) -> bool:
        """`retry: {on: [no-capacity]}`: the group goes on asking by itself; this many refusals are waited for."""
        retry = spec.job.retry
        return (
            "no-capacity" in retry.on
            and verdict.code in scaling_activities.PASSES_WITH_TIME
            and verdict.failures <= retry.max
        )

    # -- counting -----------------------------------------------------------------------------------------------

    def usage(self, spec: RunSpec, task: Mapping[str, Any], now: datetime) -> Usage:
        billed = self._asked_of(spec).billed
        return instances.usage(self._aws, spec.run_id, now, billed) or Usage(seconds=billed.total_s)

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]:
        name = usage.instance_type or (hardware.instance_types or ("",))[0]
        known = BY_NAME.get(name)
        return ec2_charges(
            type_name=name,
            usd_per_hour=known.usd_per_hour if known else None,
            spot=hardware.spot,
            disk_gib=hardware.disk_gib,
            public_ip=usage.public_ip,
            seconds=usage.seconds,
        )


def _group(spec: RunSpec) -> Group:
    hardware = spec.offer.hardware
    return Group(
        name=spec.names.group,
        launch_template=spec.names.launch_template,
        instance_types=hardware.instance_types,
        subnets=spec.offer.network.subnets,
        spot=hardware.spot,
        lease_s=spec.idle_s + _SWITCH_AFTER_S,
        tags=spec.tags,
    )


def _describe(first: InstanceType, spot: bool, choices: int) -> str:
    gpu = f", {first.gpus} x {first.gpu_model}" if first.gpus else ""
    more = f" or one of {choices - 1} similar types" if choices > 2 else " or a similar type" if choices > 1 else ""
    return f"{first.name} ({first.vcpu} vCPU, {first.memory_mib / 1024:g} GB{gpu}{', spot' if spot else ''}){more}"


def _from_ec2(found: Mapping[str, Any]) -> InstanceType:
    gpus = found.get("GpuInfo", {}).get("Gpus", [])
    architectures = found["ProcessorInfo"]["SupportedArchitectures"]
    return InstanceType(
        name=found["InstanceType"],
        vcpu=found["VCpuInfo"]["DefaultVCpus"],
        memory_mib=found["MemoryInfo"]["SizeInMiB"],
        usd_per_hour=None,
        gpus=sum(gpu["Count"] for gpu in gpus),
        gpu_model=gpus[0]["Name"] if gpus else None,
        arch="arm64" if "arm64" in architectures else "x86_64",
    )
