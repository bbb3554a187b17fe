"""What runs a container: an interface with two implementations, Docker and plain processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from aws_run.frozen import frozen
from aws_run.local.options import RuntimeKind
from aws_run.local.runtime.registry import Registry

OnLine = Callable[[str], None]


class PullFailed(Exception):
    """The image can't be had; the text is what follows CannotPullContainerError."""


class StartFailed(Exception):
    """The container could not start; the text is the container's reason."""


@frozen
class Mount:
    source: str | None  # a path on the host; None = an empty volume that goes with the task
    volume: str
    target: str
    read_only: bool


@frozen
class ContainerSpec:
    """`cpu_units` 1024 to a vCPU, 0 = no limit; `entry_point`/`command` None = the image's own."""

    task_id: str
    name: str
    image: str
    entry_point: tuple[str, ...] | None
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    cpu_units: int
    memory_mib: int | None
    mounts: tuple[Mount, ...]
    user: str | None
    working_dir: str | None
    shm_mib: int | None
    init: bool


@frozen
class Exit:
    """`code` None: the container ended with no exit code to be had. `reason` as ECS words it, or None."""

    code: int | None
    reason: str | None = None


@frozen
class Inside:
    """What has to be started on this machine to have a command run in a container. None: as the caller has it."""

    argv: tuple[str, ...]
    cwd: str | None = None
    environment: Mapping[str, str] | None = None


class Running(Protocol):
    runtime_id: str

    def wait(self) -> Exit:
        """Blocks to the end; all output has been handed out when it returns."""

    def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; returns at once."""

    def kill(self) -> None: ...

    def memory_bytes(self) -> int | None: ...

    def inside(self, command: Sequence[str], *, terminal: bool) -> Inside:
        """How `command` is run in it, at a terminal or without one."""


class Runtime(Protocol):
    kind: RuntimeKind
    reason: str
    # Where a container of this runtime finds the embedded AWS.
    host: str
    registry: Registry | None  # whose password its pulls need

    def pull(self, image: str) -> str | None:
        """Makes the image ready; its digest where known. PullFailed if it can't be had."""

    def start(self, spec: ContainerSpec, on_line: OnLine) -> Running:
        """StartFailed if the container can't start."""

    def close(self, registry: str | None) -> None:
        """Ends what still runs and removes what the runtime made. `registry`: the host:port of one that goes too."""
