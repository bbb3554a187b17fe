"""The catalogue as EC2 gives it: asked narrowly, because all of its thousand types take a dozen pages."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aws_run.aws.cache import Cache
from aws_run.aws.errors import DENIED
from aws_run.aws.session import Aws
from aws_run.config import Resources
from aws_run.errors import AwsCallError
from aws_run.pricing import packaged
from aws_run.pricing.catalogue import InstanceType

_TYPES_AGE_S = 7 * 86_400  # a new type comes every few weeks
_ZONES_AGE_S = 86_400
# The numbers of vCPUs that types come with.
_LADDER = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 448)
_LEAN_MIB_PER_VCPU = 8192  # the most memory for its vCPUs that the ordinary families have (r7i)
_ACCELERATORS = ("GpuInfo", "FpgaInfo", "InferenceAcceleratorInfo", "NeuronInfo", "MediaAcceleratorInfo")
_GPU_FAMILIES = ("g*", "p*")


class Ec2Catalogue:
    def __init__(self, aws: Aws, cache: Cache) -> None:
        self._aws = aws
        self._cache = cache
        self._note: str | None = None

    @property
    def note(self) -> str | None:
        return self._note

    def types(self, wanted: Resources) -> tuple[InstanceType, ...]:
        """One to three pages of DescribeInstanceTypes; the packaged table's types where the caller may not make it."""
        filters = filters_for(wanted)
        key = f"types {self._aws.region} {json.dumps(filters)}"
        cached = self._cache.read(key, most_age_s=_TYPES_AGE_S)
        if cached is not None and (types := _from_cache(cached.document)) is not None:
            return types
        try:
            described = list(self._aws.pages("ec2", "describe_instance_types", "InstanceTypes", Filters=filters))
        except AwsCallError as error:
            if error.code not in DENIED:
                raise
            table = packaged.load()
            self._note = (
                f"ec2:DescribeInstanceTypes was refused, so the choice is among the {len(table.types)} types of "
                f"{packaged.LABEL} of {table.priced_on}"
            )
            return table.types
        types = tuple(from_ec2(one) for one in described)
        self._cache.write(key, [asdict(one) for one in types])
        return types

    def zones(self, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        """DescribeInstanceTypeOfferings by zone. Names of zones are the account's own, so its id is in the key."""
        wanted = sorted(set(names))
        key = f"zones {self._aws.identity().account} {self._aws.region} {' '.join(wanted)}"
        cached = self._cache.read(key, most_age_s=_ZONES_AGE_S)
        if cached is not None and isinstance(cached.document, dict):
            return {name: frozenset(map(str, zones)) for name, zones in cached.document.items()}
        offerings = self._aws.pages(
            "ec2",
            "describe_instance_type_offerings",
            "InstanceTypeOfferings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": wanted}],
        )
        zones: dict[str, set[str]] = {}
        for offering in offerings:
            zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
        self._cache.write(key, {name: sorted(each) for name, each in zones.items()})
        return {name: frozenset(each) for name, each in zones.items()}


def filters_for(wanted: Resources) -> list[dict[str, Any]]:
    """DescribeInstanceTypes' filters for all types that could be the cheapest fit. Burstable types are left out: at
    full load they cost up to 2.9 times their price (unlimited mode), or slow down. Named types come whatever they
    are."""
    if wanted.instance_types:
        return [_filter("instance-type", sorted(set(wanted.instance_types)))]
    narrow = [
        _filter("processor-info.supported-architecture", [wanted.arch]),
        _filter("bare-metal", ["false"]),
        _filter("supported-root-device-type", ["ebs"]),
    ]
    if wanted.gpu:
        return [*narrow, _filter("instance-type", list(_GPU_FAMILIES))]
    return [
        *narrow,
        _filter("burstable-performance-supported", ["false"]),
        _filter("current-generation", ["true"]),
        _filter("vcpu-info.default-vcpus", [str(number) for number in _vcpus(wanted)]),
    ]


def _vcpus(wanted: Resources) -> Sequence[int]:
    """Exactly the number that is wanted, or from it up to one step above what the memory needs at 8 GB for each: a type
    with more vCPUs than that has a dearer part of all that it has."""
    least = wanted.cpu.value if wanted.cpu else 1
    if wanted.cpu and not wanted.cpu.at_least:
        return [int(least)] if least == int(least) else [number for number in _LADDER if number >= least][:1]
    above = [number for number in _LADDER if number >= least]
    memory_mib = wanted.memory_mib.value if wanted.memory_mib else 0
    holding = [number for number in above if number * _LEAN_MIB_PER_VCPU >= memory_mib]
    if not holding:
        return above
    return above[: above.index(holding[0]) + 3]


def _filter(name: str, values: list[str]) -> dict[str, Any]:
    return {"Name": name, "Values": values}


def from_ec2(described: Mapping[str, Any]) -> InstanceType:
    """One entry of DescribeInstanceTypes. GPUs that are no NVIDIA ones don't count: ECS's GPU image has no driver for
    them. A part of a GPU (g6f) counts as none, as AWS counts it."""
    gpus = [gpu for gpu in described.get("GpuInfo", {}).get("Gpus", []) if gpu.get("Manufacturer") == "NVIDIA"]
    count = sum(int(gpu.get("Count", 0)) for gpu in gpus)
    return InstanceType(
        name=described["InstanceType"],
        vcpu=described["VCpuInfo"]["DefaultVCpus"],
        memory_mib=described["MemoryInfo"]["SizeInMiB"],
        arch="arm64" if "arm64" in described["ProcessorInfo"]["SupportedArchitectures"] else "x86_64",
        gpus=count,
        gpu_model=gpus[0]["Name"] if count else None,
        gpu_memory_mib=int(gpus[0].get("MemoryInfo", {}).get("SizeInMiB", 0)) if count else 0,
        local_disk_gb=int(described.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0)),
        network=str(described.get("NetworkInfo", {}).get("NetworkPerformance", "")),
        accelerated=any(described.get(name) for name in _ACCELERATORS),
        burstable=bool(described.get("BurstablePerformanceSupported", False)),
        free_plan=bool(described.get("FreeTierEligible", False)),
    )


def _from_cache(document: Any) -> tuple[InstanceType, ...] | None:
    try:
        return tuple(InstanceType(**row) for row in document)
    except TypeError:
        return None  # of another version of aws-run
