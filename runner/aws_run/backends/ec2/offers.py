"""What EC2 offers for a job: types that fit, the zones that have them, the quota, the machine image. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_run import partition
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.backends import network
from aws_run.config import SpotPolicy
from aws_run.errors import AwsCallError, PreflightError
from aws_run.pricing import hardware
from aws_run.pricing.table import BY_NAME, InstanceType
from aws_run.runs.record import HardwareEntry
from aws_run.runs.spec import JobSpec, Offer

NAME = "ec2"
_DEFAULT_DISK_GIB = 40
_AMI_MIN_DISK_GIB = 30
_AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/{variant}recommended/image_id"
# Service Quotas codes: (on-demand, spot), by the first letter of the GPU family.
_QUOTAS = {"g": ("L-DB2E81BA", "L-3819A6DF"), "p": ("L-417A185B", "L-7212CCBC")}


class Ec2Offers:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def inspect(self, job: JobSpec) -> Offer:
        types = hardware.instance_types(job, self._describe_unknown(job))
        everywhere = network.find(self._aws, job, agent=True)
        offered = self._offered([kind.name for kind in types])
        here = {name: zones & set(everywhere.zones) for name, zones in offered.items()}
        usable = tuple(kind for kind in types if here.get(kind.name))
        if not usable:
            raise PreflightError(
                f"{', '.join(kind.name for kind in types)}: not offered in {', '.join(everywhere.zones)}",
                hint="try another --region, other --subnets, or another --instance-type",
            )
        zones = set().union(*(here[kind.name] for kind in usable))
        keep = [index for index, zone in enumerate(everywhere.zones) if zone in zones]
        placement = replace(
            everywhere,
            subnets=tuple(everywhere.subnets[index] for index in keep),
            zones=tuple(everywhere.zones[index] for index in keep),
        )
        spot = job.spot_policy != "on-demand"
        wanted = job.resources
        first = usable[0]
        self._check_quota(first, job.spot_policy)
        # A GPU type that was named is rented for its GPUs, requested or not.
        gpus = wanted.gpu.count if wanted.gpu else min(kind.gpus for kind in usable)
        return Offer(
            network=placement,
            machine_image=self._image_id(gpu=gpus > 0, arm=wanted.arch == "arm64"),
            hardware=HardwareEntry(
                backend=NAME,
                description=_describe(first, spot, len(usable)),
                # The task must fit the smallest of the choices (aws-facts §2).
                vcpu=min(kind.vcpu for kind in usable),
                memory_mib=min(kind.usable_memory_mib for kind in usable),
                gpus=gpus,
                instance_types=tuple(kind.name for kind in usable),
                spot=spot,
                disk_gib=max(wanted.disk_gib or _DEFAULT_DISK_GIB, _AMI_MIN_DISK_GIB),
                arch=wanted.arch,
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
        return tuple(_from_ec2(described) for described in answer["InstanceTypes"])

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
        console = partition.of_region(self._aws.region).console(self._aws.region)
        raise PreflightError(
            f"{kind.name} needs {kind.vcpu} vCPUs, and this account may use {quota['Value']:.0f} "
            f"({quota.get('QuotaName', code)})",
            hint=f"ask for more at {console}/servicequotas/home/services/ec2/quotas/{code}",
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


def _describe(first: InstanceType, spot: bool, choices: int) -> str:
    gpu = f", {first.gpus} x {first.gpu_model}" if first.gpus else ""
    more = f" or one of {choices - 1} similar types" if choices > 2 else " or a similar type" if choices > 1 else ""
    return f"{first.name} ({first.vcpu} vCPU, {first.memory_mib / 1024:g} GB{gpu}{', spot' if spot else ''}){more}"


def _from_ec2(described: Mapping[str, Any]) -> InstanceType:
    gpus = described.get("GpuInfo", {}).get("Gpus", [])
    architectures = described["ProcessorInfo"]["SupportedArchitectures"]
    return InstanceType(
        name=described["InstanceType"],
        vcpu=described["VCpuInfo"]["DefaultVCpus"],
        memory_mib=described["MemoryInfo"]["SizeInMiB"],
        usd_per_hour=None,
        gpus=sum(gpu["Count"] for gpu in gpus),
        gpu_model=gpus[0]["Name"] if gpus else None,
        arch="arm64" if "arm64" in architectures else "x86_64",
    )
