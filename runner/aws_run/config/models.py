"""The configuration of one command, as one frozen value. `load` makes it; nothing else reads the file or the flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from aws_run.frozen import frozen
from aws_run.s3uri import S3Uri, is_s3, parse_s3

Arch = Literal["x86_64", "arm64"]
BackendChoice = Literal["auto", "ec2", "fargate"]
SpotPolicy = Literal["spot", "on-demand", "auto"]
OutputsPolicy = Literal["optional", "required"]


@frozen
class Amount:
    """`4` is exactly 4, `4+` at least 4."""

    value: float
    at_least: bool = False


@frozen
class Gpu:
    """`L4:1`, or `1` for any model."""

    model: str | None = None
    count: int = 1


@frozen
class Build:
    dockerfile: str = "auto"  # auto | none | a path inside the project
    python: str | None = None  # "3.12"; None = what the project declares, else the default
    base_image: str | None = None
    refresh_base: bool = False
    trust_dockerfile: bool = False  # never from the file: it comes with the Dockerfile that it would trust
    dependencies: str = "auto"  # auto | none | the path of the list that is installed
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    install: bool | None = None  # the project itself; None: where it is a package
    apt: tuple[str, ...] = ()
    target: str | None = None  # a stage of the Dockerfile
    args: dict[str, str] = field(default_factory=dict)
    context: str | None = None  # the folder that the Dockerfile sees; None: the whole project
    secrets: tuple[str, ...] = ()  # names of variables of this machine, for the build alone
    pip: bool | None = None  # for the job itself; None: where one of the project's scripts calls it


@frozen
class Arguments:
    """How the command is given the two folders. Empty: without an option, in this order."""

    input: str = "-i"
    output: str = "-o"


@frozen
class Resources:
    cpu: Amount | None = None  # vCPU
    memory_mib: Amount | None = None
    gpu: Gpu | None = None
    disk_gib: int | None = None  # None: sized by what must fit
    output_gib: int | None = None
    arch: Arch = "x86_64"
    instance_types: tuple[str, ...] = ()


@frozen
class Checkpoint:
    path: str = "/checkpoint"
    every_s: int = 300


@frozen
class Retry:
    on: tuple[Literal["no-capacity", "interruption"], ...] = ("interruption",)
    max: int = 3


@frozen
class Limits:
    max_cost_usd: float | None = None
    max_price_usd_per_hour: float | None = None


@frozen
class Network:
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    public_ip: Literal["auto", "yes", "no"] = "auto"


@frozen
class Iam:
    task_role: str = "auto"  # auto | a role ARN
    permissions_boundary: str | None = None


@frozen
class Input:
    """`name` None: the one input without a name. `place`: a folder (absolute), or s3://bucket/key."""

    name: str | None = None
    place: str

    @property
    def s3(self) -> S3Uri | None:
        return parse_s3(self.place) if is_s3(self.place) else None

    @property
    def folder(self) -> Path | None:
        return None if is_s3(self.place) else Path(self.place)


@frozen
class Outside:
    """Something outside of the project's folder that a file in it reads or writes. `what`: a path, an address or the
    name of a variable; `where`: the place that names it, like `aws-run.yaml:3: input`. `by_project` False: the user
    named it by flag or AWS_RUN_*, and a link in the folder leads out of it."""

    kind: Literal["input", "output", "variable", "secret", "build-secret", "role", "key"]
    what: str
    where: str
    by_project: bool = True

    @property
    def sentence(self) -> str:
        """For the plan and the question. Control characters are escaped, so that they can't hide a part of the path."""
        text = f"{self.where}: {_MEANS[self.kind].format(what=self.what)}"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


_MEANS = {
    "input": "the job reads {what}, which is not in the project",
    "output": "results are written into {what}, which is not in the project",
    "variable": "the job gets {what} from this shell",
    "secret": "the job gets the secret {what} of the account",
    "build-secret": "the image build gets {what} from this shell",
    "role": "the job acts as {what}",
    "key": "the account's bucket and the job's log are encrypted with {what}",
}


@frozen
class Config:
    """The configuration of one run. Durations in seconds, sizes in MiB or GiB, money in USD."""

    project_dir: Path
    file: Path | None = None  # the aws-run.yaml that was read
    name: str
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    arguments: Arguments = Arguments()
    inputs: tuple[Input, ...] = ()
    output: Path | None = None  # absolute
    outputs: OutputsPolicy = "optional"
    follow_output: bool = False
    follow_links: bool = False  # never from the file: the links come with it
    yes: bool = False  # never from the file: what is asked about is meant
    full_sync: bool = False  # do not trust sizes, times and the last snapshot of the input
    exclude: tuple[str, ...] = ()
    build: Build = Build()
    image: str | None = None  # a ready image: neither build nor push
    backend: BackendChoice = "auto"
    resources: Resources = Resources()
    spot_policy: SpotPolicy = "on-demand"
    retry: Retry = Retry()
    checkpoint: Checkpoint | None = None
    sync_every_s: int = 60
    timeout_s: int = 7200
    limits: Limits = Limits()
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # NAME -> ARN
    network: Network = Network()
    iam: Iam = Iam()
    exec: bool = False  # whether a command can be run in the task from outside, through ECS Exec
    kms_key: str | None = None  # an ARN; encrypts the bucket and the log
    keep: tuple[str, ...] = ("bucket", "repository", "roles", "log-group")
    tags: dict[str, str] = field(default_factory=dict)
    log_retention_days: int = 30
    runs_retention_days: int = 90
    tolerances: dict[str, float] = field(default_factory=dict)  # metric -> part of its value that it may differ by
    region: str | None = None
    profile: str | None = None
    labels: tuple[str, ...] = ()
    note: str | None = None
    outside: tuple[Outside, ...] = ()  # shown in the plan; what the project's file names needs the user's consent

    @property
    def input_folders(self) -> tuple[Path, ...]:
        """The inputs that are folders on this machine."""
        return tuple(one.folder for one in self.inputs if one.folder is not None)


# The parts of a Config that have fields of their own.
SECTIONS: Mapping[str, type] = {
    "arguments": Arguments,
    "build": Build,
    "checkpoint": Checkpoint,
    "iam": Iam,
    "limits": Limits,
    "network": Network,
    "resources": Resources,
    "retry": Retry,
}
