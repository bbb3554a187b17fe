"""The run record: everything any machine needs to find, follow and remove a run it did not start.

It is written to the bucket before anything is created, and after each step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

RecordState = Literal["starting", "running", "stopped", "removing", "removed"]
ResourceState = Literal["intended", "created", "deleted", "kept", "failed"]

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ResourceEntry:
    kind: str
    name: str
    scope: str
    state: ResourceState = "intended"
    id: str | None = None  # ARN or id as AWS gave it


@dataclass(frozen=True, kw_only=True)
class HardwareEntry:
    """What the run was placed on; prices in USD per hour, None where the table has none."""

    backend: str
    description: str
    vcpu: float
    memory_mib: int
    gpus: int = 0
    instance_types: tuple[str, ...] = ()
    spot: bool = False
    disk_gib: int = 0
    arch: str = "x86_64"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the run ended. `exit_code` is the job's own where it ran to its end, else the tool's (124, 125, 130)."""

    exit_code: int
    reason: str  # one word: exit, deadline, capacity, image, stopped, interrupted, …
    sentence: str
    stop_code: str | None = None
    job_exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Times are ISO 8601 in UTC; a time that has not come is None."""

    run_id: str
    project: str
    account: str
    region: str
    created_at: str
    deadline: str  # nothing of the run may cost anything after it
    client_token: str
    cluster: str
    state: RecordState = "starting"
    version: int = VERSION
    attempt: int = 1
    backend: str = ""
    hardware: HardwareEntry | None = None
    command: str = ""
    image: str | None = None
    base_image: str = ""  # what the image stands on, with its digest where that was known
    inputs: tuple[Mapping[str, Any], ...] = ()
    output_prefix: str = ""
    log_group: str = ""
    log_stream_prefix: str = ""
    keep: tuple[str, ...] = ()
    owner: str = ""
    resources: tuple[ResourceEntry, ...] = field(default=())
    detached: bool = False  # its client has said good-bye: whoever sees it ended finishes it
    renewed_at: str | None = None  # the last sign of life of a client that is still building or sending
    task_arn: str | None = None
    started_at: str | None = None
    stopped_at: str | None = None
    outcome: Outcome | None = None
    cost_usd: str | None = None

    @property
    def finished(self) -> bool:
        return self.state in ("stopped", "removing", "removed")

    def with_resource(self, kind: str, name: str, state: ResourceState, id: str | None = None) -> Record:
        """The record after one step on one resource; an entry that is not there yet is added as `run`-scoped."""
        entries = list(self.resources)
        for index, entry in enumerate(entries):
            if (entry.kind, entry.name) == (kind, name):
                entries[index] = replace(entry, state=state, id=id or entry.id)
                break
        else:
            entries.append(ResourceEntry(kind=kind, name=name, scope="run", state=state, id=id))
        return replace(self, resources=tuple(entries))


def dump(record: Record) -> bytes:
    return json.dumps(asdict(record), indent=1, sort_keys=True).encode()
