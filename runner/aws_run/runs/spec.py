"""What is to be run, and one start of it.

A `JobSpec` is the job alone: no run id, no times, no path of any machine, so that it can be stored, sent and started
from anywhere. A `RunSpec` is one start of it: job + run id + deadline + the offer that was taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from datetime import datetime
from typing import Any, ClassVar

from aws_run.config.models import (
    Arguments,
    BackendChoice,
    Checkpoint,
    Config,
    Iam,
    Limits,
    Network,
    OutputsPolicy,
    Resources,
    Retry,
    SpotPolicy,
)
from aws_run.errors import UsageError
from aws_run.frozen import field_names, frozen
from aws_run.naming import ProjectNames, RunNames
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import HardwareEntry

JOB_VERSION = 1


@frozen
class InputPin:
    """One input as a job is pinned to it. `snapshot_key` and `version_id` name its manifest in the tool's bucket.
    `source`: the address in S3 where its objects are when they were not copied; without a manifest each start pins
    that address anew. `into`: its folder below the job's -i, "" for -i itself."""

    label: str
    into: str = ""
    snapshot_key: str | None = None
    version_id: str | None = None
    source: str | None = None
    files: int = 0
    bytes: int = 0


@frozen
class JobSpec:
    """A job, frozen and storable. Durations in seconds, sizes in MiB/GiB, money in USD.

    `image`: by digest; None until it is built. `env`: a value of None was left out on purpose (a record never holds
    values) and has to be given again before the job can be started from it.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}  # holds for the sections as well

    version: int = JOB_VERSION
    name: str  # the project's
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    arguments: Arguments = Arguments()
    inputs: tuple[InputPin, ...] = ()
    outputs: OutputsPolicy = "optional"
    exclude: tuple[str, ...] = ()  # patterns of what is left out where inputs are pinned anew
    backend: BackendChoice = "auto"
    resources: Resources = Resources()
    spot_policy: SpotPolicy = "on-demand"
    retry: Retry = Retry()
    checkpoint: Checkpoint | None = None
    sync_every_s: int = 60
    timeout_s: int = 7200
    limits: Limits = Limits()
    env: dict[str, str | None] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # NAME -> ARN
    network: Network = Network()
    iam: Iam = Iam()
    exec: bool = False
    kms_key: str | None = None
    keep: tuple[str, ...] = ("bucket", "repository")
    tags: dict[str, str] = field(default_factory=dict)
    log_retention_days: int = 30
    runs_retention_days: int = 90

    @classmethod
    def from_config(cls, config: Config) -> JobSpec:
        """The job that `config` describes, before its image is built and its inputs are pinned."""
        shared = field_names(cls) & field_names(Config) - {"inputs"}
        return cls(**{name: getattr(config, name) for name in shared})

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    def without_values(self) -> JobSpec:
        """As records hold it: the names of the environment variables, and none of their values."""
        return replace(self, env=dict.fromkeys(self.env))

    def pinned(self, *, image: str, command: tuple[str, ...] | None, inputs: tuple[InputPin, ...]) -> JobSpec:
        """The job as a run starts it: its image by digest, the command that was found for it, its inputs pinned."""
        return replace(self, image=image, command=command, inputs=inputs)

    def to_store(self) -> JobSpec:
        """As a file holds it that outlives the run: the list of what lay at an address in S3 goes with the run, so each
        start pins that address anew."""
        pins = [replace(one, snapshot_key=None, version_id=None) if one.source else one for one in self.inputs]
        return replace(self, inputs=tuple(pins))

    @property
    def withheld(self) -> tuple[str, ...]:
        """The environment variables whose values are not in the spec."""
        return tuple(sorted(name for name, value in self.env.items() if value is None))


def job_from_json(
    document: Any, *, place: str, holds: str = "job spec", hint: str = "`aws-run submit --save-spec FILE` writes one"
) -> JobSpec:
    """UsageError where `document`, read from `place`, is no job spec of this version. `holds`: what the user knows it
    as."""
    if not isinstance(document, dict):
        raise UsageError(f"{place} holds no {holds}", hint=hint)
    version = document.get("version")
    if isinstance(version, int) and version > JOB_VERSION:
        raise UsageError(f"{place} was written by a newer aws-run", hint="`pip install -U aws-run`, then try again")
    from pydantic import TypeAdapter, ValidationError  # no other command needs it, and it takes long to import

    try:
        return TypeAdapter(JobSpec).validate_json(json.dumps(document))
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "it is nested too deep"}
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UsageError(f"{place} holds no {holds}: {key}: {first['msg']}", hint=hint) from None


@frozen
class NetworkPlacement:
    """Where in the account's network a run goes. Empty `security_groups`: the VPC's default one, which lets everything
    out and nothing in. `notes`: sentences for the plan. `s3_by_nat`: the subnets of `subnets` whose way to S3 is a NAT
    gateway, which charges for each GB; `nat_gateway` one of these gateways."""

    subnets: tuple[str, ...]
    zones: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool
    notes: tuple[str, ...] = ()
    s3_by_nat: tuple[str, ...] = ()
    nat_gateway: str = ""


@frozen
class Rung:
    """Types in one market that a group may launch, best first."""

    spot: bool
    instance_types: tuple[str, ...]


@frozen
class Offer:
    """What was read from AWS before a run is planned, and taken: its hardware, and where it stands. `machine_image`:
    the AMI, where there is a machine of the run's own. `ladder`: what is asked for when AWS has nothing of that
    hardware, in this order; each holds the same task, and limits count on the dearest of all. `why`: a sentence on why
    this hardware; `notes`: sentences on what the choice stands on, for the plan."""

    network: NetworkPlacement
    hardware: HardwareEntry
    machine_image: str | None = None
    ladder: tuple[Rung, ...] = ()
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def instance_types(self) -> tuple[str, ...]:
        """All that may be launched."""
        later = (name for rung in self.ladder for name in rung.instance_types)
        return tuple(dict.fromkeys((*self.hardware.instance_types, *later)))


@frozen
class RunSpec:
    """One run, decided: nothing in it changes any more."""

    run_id: str
    account: str
    region: str
    bucket: str
    job: JobSpec
    offer: Offer
    execution_role: str
    task_role_arn: str
    tags: Mapping[str, str]
    created_at: datetime
    deadline: datetime
    timeout_s: int  # of all attempts together, from the first one's acceptance; a cost cap may have shortened it
    idle_s: int = 0  # how long its machine may wait for the image and the input; 0: there is none that waits
    cap_s: int | None = None  # how many seconds of the machine `--max-cost` buys
    ending_s: int = 0  # what is billed at most between the deadline and the end of the hardware
    command: tuple[str, ...] | None = None  # as the image or the job names it; None: the image's own

    @property
    def names(self) -> RunNames:
        return RunNames(run_id=self.run_id)

    @property
    def project(self) -> ProjectNames:
        return ProjectNames(project=self.job.name, region=self.region)

    @property
    def keys(self) -> RunKeys:
        return RunKeys(run_id=self.run_id)
