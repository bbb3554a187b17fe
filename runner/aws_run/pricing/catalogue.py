"""What can be rented of EC2: types, their sizes, and the zones that offer them. What they cost is in `prices`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol

from aws_run.config import Resources
from aws_run.frozen import frozen


@frozen
class InstanceType:
    """`gpu_memory_mib`: of each GPU. `local_disk_gb`: of all its own disks together; this tool's jobs run on EBS.
    `network`: AWS's words. `free_plan`: an account on the free plan may launch it."""

    name: str
    vcpu: int
    memory_mib: int
    arch: Literal["x86_64", "arm64"] = "x86_64"
    gpus: int = 0
    gpu_model: str | None = None
    gpu_memory_mib: int = 0
    local_disk_gb: int = 0
    network: str = ""
    burstable: bool = False
    accelerated: bool = False  # a GPU or another accelerator, of whatever kind or part
    free_plan: bool = False

    @property
    def usable_memory_mib(self) -> int:
        """What a task can reserve: the machine's memory without what the kernel and the ECS agent keep (about 7 %)."""
        return self.memory_mib - max(420, self.memory_mib * 7 // 100)

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


class Catalogue(Protocol):
    """A region's types. Every method may raise AwsCallError or CredentialsError."""

    def types(self, wanted: Resources) -> tuple[InstanceType, ...]:
        """All types that could fit `wanted`, and others: the choice is `hardware.fitting`'s. Those that `wanted` names
        and the region has not are missing."""
        ...

    def zones(self, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The zones (us-east-1a) that offer each of these types; a type that none offers may be missing."""
        ...

    @property
    def note(self) -> str | None:
        """A sentence for the plan where the answer is not AWS's own of today."""
        ...
