"""ECS on Fargate: no machine of ours. A cluster, a task definition, and nothing that bills while idle."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from aws_run import partition
from aws_run.aws.session import Aws
from aws_run.backends import disk, network
from aws_run.backends.base import Advice, Stage, Usage
from aws_run.backends.ecs import container
from aws_run.backends.ecs.tasks import EcsExecutor
from aws_run.backends.executor import TaskHandle, TaskState
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, UsageError
from aws_run.events import Emit, Notice
from aws_run.infra import policies
from aws_run.infra.resource_types import role as roles
from aws_run.infra.resource_types import schedule as schedules
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.role import Role
from aws_run.infra.resource_types.schedule import Schedule
from aws_run.infra.resource_types.task_definition import TaskDefinition
from aws_run.infra.resources import Ref, Resource
from aws_run.pricing import hardware, offers
from aws_run.pricing.offers import Choice
from aws_run.pricing.prices import Prices, RegionRates
from aws_run.pricing.receipt import Charge, billed_together_s, fargate_charges
from aws_run.runs.record import HardwareEntry, Record
from aws_run.runs.spec import JobSpec, NetworkPlacement, Offer, RunSpec

_MARGIN = timedelta(minutes=5)  # after the job's own deadline and its last sync


class FargateBackend:
    name = "fargate"
    disk_limits = disk.FARGATE
    ending_s = 60
    shared_memory_mib = 64  # and no task definition can change it (ECS: linuxParameters.sharedMemorySize)
    waits = False  # the hardware comes with the task
    boot_s = 30  # the pull of the image, from which Fargate bills

    def __init__(self, aws: Aws, clock: Clock, *, prices: Prices) -> None:
        self._aws = aws
        self._clock = clock
        self._prices = prices
        self.executor = EcsExecutor(aws, clock, _placement)

    def inspect(self, job: JobSpec) -> Offer:
        placement, rates, disk_gib = self._read(job)
        spot = job.spot_policy != "on-demand"
        choice = _choice(job, placement, rates, disk_gib, spot=spot)
        return Offer(
            network=placement,
            why=_why(choice),
            notes=tuple(note for note in (hardware.open_note(job.resources), self._prices.note) if note),
            hardware=HardwareEntry(
                backend=self.name,
                description=f"Fargate{' Spot' if spot else ''} ({choice.vcpu:g} vCPU, {choice.memory_mib / 1024:g} GB)",
                vcpu=choice.vcpu,
                memory_mib=choice.memory_mib,
                spot=spot,
                disk_gib=disk_gib,
                arch=choice.arch,
                rates=offers.fargate_rates(
                    rates,
                    arch=choice.arch,
                    spot=spot,
                    public_ip=placement.public_ip,
                    nat=bool(placement.s3_by_nat),
                ),
            ),
        )

    def offers(self, job: JobSpec) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
        """The smallest size that fits in each market that the policy allows. UsageError for what Fargate has not."""
        if job.resources.gpu or job.resources.instance_types:
            raise UsageError("Fargate has no GPUs and no instance types", hint="use --backend ec2")
        placement, rates, disk_gib = self._read(job)
        markets = {"on-demand": (False,), "spot": (True,), "auto": (True, False)}[job.spot_policy]
        choices = [_choice(job, placement, rates, disk_gib, spot=spot) for spot in markets]
        return offers.ranked(choices), (self._prices.note,) if self._prices.note else ()

    def _read(self, job: JobSpec) -> tuple[NetworkPlacement, RegionRates, int]:
        """Where it would run, what that costs, and its disk in GiB. UsageError for a size that Fargate has not."""
        hardware.fargate_size(job.resources)
        low, high = hardware.FARGATE_DISK_GIB
        disk_gib = max(job.resources.disk_gib or low, low)
        if disk_gib > high:
            raise UsageError(
                f"A Fargate task has at most {high}GB of disk, and {disk_gib}GB is wanted", hint="use --backend ec2"
            )
        home = partition.of_region(self._aws.region)
        spot = job.spot_policy != "on-demand"
        if spot and job.resources.arch == "arm64" and home.name == "aws-cn":
            # China's ECS guide, "Fargate capacity providers".
            raise UsageError(
                f"Fargate Spot has no arm64 in {home.label}", hint="leave --spot out, or use --backend ec2 or x86_64"
            )
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="fargate") as pool:
            priced = pool.submit(self._prices.region_rates)
            placement = network.find(self._aws, job, agent=False)
            return placement, priced.result(), disk_gib

    def shared_resources(
        self, job: JobSpec, *, account: str, region: str, tags: Mapping[str, str]
    ) -> tuple[Resource, ...]:
        return ()

    def stages(self, spec: RunSpec) -> tuple[Stage, ...]:
        # A cluster with a capacity provider takes AWS 20 s and more to delete: only Spot, which has no launch type of
        # its own, gets one (docs/real-aws.md, 1).
        providers = ("FARGATE_SPOT",) if spec.offer.hardware.spot else ()
        cluster = Cluster(name=spec.names.cluster, providers=providers, tags=spec.tags)
        stop_role = Role(
            name=spec.names.stop_role,
            scope="run",
            service="scheduler.amazonaws.com",
            trust_condition={"StringEquals": {"aws:SourceAccount": spec.account}},
            policy=policies.stop_policy(account=spec.account, region=spec.region, cluster=spec.names.cluster),
            permissions_boundary=spec.job.iam.permissions_boundary,
            tags=spec.tags,
        )
        return (Stage(resources=(cluster, stop_role)),)

    def deferred_resources(self, spec: RunSpec) -> tuple[Ref, ...]:
        return (Ref(kind=Schedule.kind, name=spec.names.schedule, scope="run"),)

    def definition(self, spec: RunSpec, image: str) -> TaskDefinition:
        hw = spec.offer.hardware
        request: dict[str, Any] = {
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": str(int(hw.vcpu * 1024)),
            "memory": str(hw.memory_mib),
            "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": hw.arch.upper()},
            "executionRoleArn": spec.execution_role,
            "taskRoleArn": spec.task_role_arn,
            "containerDefinitions": [container.container(spec, image)],
        }
        if hw.disk_gib > hardware.FARGATE_DISK_GIB[0]:
            request["ephemeralStorage"] = {"sizeInGiB": hw.disk_gib}
        return container.definition(spec, request)

    def on_task_accepted(self, spec: RunSpec, handle: TaskHandle, deadline: datetime, emit: Emit) -> None:
        """The entrypoint ends the job at its deadline; should it hang, AWS stops the task a little later by itself."""
        wanted = Schedule(
            name=spec.names.schedule,
            # Where the run has a cap nothing may bill for longer than that counts on.
            at=deadline + (_MARGIN if spec.cap_s is None else timedelta(seconds=self.ending_s)),
            cluster=spec.names.cluster,
            task_arn=handle.id,
            role_arn=roles.arn(spec.account, spec.names.stop_role, region=spec.region),
        )
        try:
            schedules.create(self._aws, wanted, self._clock)
        except AwsCallError as error:
            emit(
                Notice(
                    text=f"AWS's own stop at the deadline could not be set ({error.message}); the container's holds",
                    level="warning",
                    hint="allow scheduler:CreateSchedule and iam:PassRole for this role",
                )
            )

    # Fargate brings the machine with the task, so there is nothing to raise, give back, suspend or look after.

    def raise_capacity(self, spec: RunSpec) -> None: ...

    def give_back(self, spec: RunSpec) -> None: ...

    def raise_again(self, spec: RunSpec) -> None: ...

    def on_task_placed(self, spec: RunSpec) -> None: ...

    def prepare_retry(self, spec: RunSpec) -> None: ...

    def check_capacity(self, spec: RunSpec, emit: Emit) -> None: ...

    def tried(self, spec: RunSpec) -> tuple[str, ...]:
        return ()

    def explain_waiting(self, record: Record) -> Advice:
        return Advice(
            sentence="Fargate is looking for room for the task; this usually takes under a minute.",
            command=f"aws-run wait {record.run_id}",
        )

    def usage(self, run_id: str, state: TaskState | None, now: datetime, *, public_ip: bool = True) -> Usage | None:
        """Billed from the image pull to the task's end (aws-facts §9)."""
        if state is None:
            return None
        ended = state.stopped_at or now
        seconds = (ended - state.billed_from).total_seconds() if state.billed_from else 0.0
        return Usage(seconds=seconds, public_ip=public_ip, tasks=(state.handle.id,), interfaces=state.interfaces)

    def charges(self, hardware: HardwareEntry, usage: Usage) -> tuple[Charge, ...]:
        return fargate_charges(
            vcpu=hardware.vcpu,
            memory_mib=hardware.memory_mib,
            disk_gib=hardware.disk_gib,
            spot=hardware.spot,
            public_ip=usage.public_ip,
            seconds=billed_together_s((*usage.earlier_s, usage.seconds)),
            rates=hardware.rates,
            tasks=usage.tasks,
            interfaces=usage.interfaces,
        )


def _choice(job: JobSpec, placement: NetworkPlacement, rates: RegionRates, disk_gib: int, *, spot: bool) -> Choice:
    size = hardware.fargate_size(job.resources)
    return offers.fargate_choice(
        rates,
        vcpu=size.vcpu,
        memory_mib=size.memory_mib,
        disk_gib=disk_gib,
        arch=job.resources.arch,
        spot=spot,
        zones=placement.zones,
        public_ip=placement.public_ip,
    )


def _why(choice: Choice) -> str:
    """One sentence on why this size."""
    market = "Fargate Spot" if choice.spot else "Fargate"
    text = f"{choice.vcpu:g} vCPU and {choice.memory_mib / 1024:g} GB are the smallest size of {market} that fits"
    if choice.spot and choice.machine_usd_per_hour and choice.on_demand_usd_per_hour:
        if choice.at_most:
            return f"{text}; AWS tells no price of Fargate Spot here, so it counts as what Fargate costs"
        saved = 1 - choice.machine_usd_per_hour / choice.on_demand_usd_per_hour
        text += f"; about {saved:.0%} less than Fargate, by prices of {choice.as_of}"
    return text


def _placement(spec: RunSpec) -> dict[str, Any]:
    placement = spec.offer.network
    vpc: dict[str, Any] = {
        "subnets": list(placement.subnets),
        "assignPublicIp": "ENABLED" if placement.public_ip else "DISABLED",
    }
    if placement.security_groups:
        vpc["securityGroups"] = list(placement.security_groups)
    market: dict[str, Any] = {"launchType": "FARGATE"}
    if spec.offer.hardware.spot:
        market = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    return {**market, "networkConfiguration": {"awsvpcConfiguration": vpc}}
