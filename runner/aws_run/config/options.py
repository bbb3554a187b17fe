"""The one table of options. Loading, the JSON Schema, the docs and the list of variables all come from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_run.config import value_types
from aws_run.config.value_types import ValueType

# What happens when two sources give a list or a map: the stronger one wins, or they add up (maps: key by key).
Merge = Literal["replace", "add"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """`key`: dotted place in aws-run.yaml, None = not in the file. `field`: dotted attribute of Config.
    `flag`: its key in the flags given by the CLI. `env` None where the name belongs to the container's contract."""

    key: str | None
    field: str
    env: str | None = None
    flag: str | None = None
    switch: str = ""
    kind: ValueType
    help: str
    merge: Merge = "replace"

    @property
    def name(self) -> str:
        """As shown where there is no better place to point at."""
        return self.key or self.switch or self.field

    @property
    def shown_flag(self) -> str:
        return self.switch or f"--{(self.flag or '').replace('_', '-')}"


OPTIONS: tuple[Option, ...] = (
    Option(
        key="name",
        field="name",
        env="AWS_RUN_NAME",
        flag="name",
        kind=value_types.NAME,
        help="The project's name in AWS; default: the folder's name.",
    ),
    Option(
        key="command",
        field="command",
        kind=value_types.COMMAND,
        help="What is run, without a shell; -i and -o are appended. Default: the one script that takes -i and -o, "
        "or the Dockerfile's own command.",
    ),
    Option(
        key=None,
        field="args",
        flag="args",
        switch="ARGS after --",
        kind=value_types.listed(ValueType(parse=str)),
        help="Arguments for the command, put before -i and -o.",
    ),
    Option(
        key="input",
        field="inputs",
        env="AWS_RUN_INPUT",
        flag="input",
        switch="-i",
        kind=value_types.INPUTS,
        help="The input: a folder here, or s3://bucket/prefix, which is read in place. Several of them have names: "
        "-i NAME=PATH (repeatable), in the file {NAME: PATH}; each is a folder of that name in the one that -i gives.",
    ),
    Option(
        key="output",
        field="output",
        env="AWS_RUN_OUTPUT",
        flag="output",
        switch="-o",
        kind=value_types.text("a folder"),
        help="The folder that results are put into; made when it is not there.",
    ),
    Option(
        key="follow_output",
        field="follow_output",
        env="AWS_RUN_FOLLOW_OUTPUT",
        flag="follow_output",
        kind=value_types.SWITCH,
        help="Fetch what the run has saved (sync_every) while it runs; what the job deletes goes here too.",
    ),
    Option(
        key="full_sync",
        field="full_sync",
        env="AWS_RUN_FULL_SYNC",
        flag="full_sync",
        kind=value_types.SWITCH,
        help="Read every input file and list what S3 holds, instead of trusting sizes, times and the last snapshot.",
    ),
    Option(
        key="exclude",
        field="exclude",
        env="AWS_RUN_EXCLUDE",
        flag="exclude",
        kind=value_types.listed(value_types.text("a pattern")),
        merge="add",
        help="Patterns, as in .gitignore, of files that are never sent.",
    ),
    Option(
        key="build.dockerfile",
        field="build.dockerfile",
        env="AWS_RUN_DOCKERFILE",
        flag="dockerfile",
        kind=value_types.text("auto, none or the path of a Dockerfile"),
        help="auto: the project's Dockerfile if there is one; none: never; or its path inside the project.",
    ),
    Option(
        key="build.python",
        field="build.python",
        env="AWS_RUN_PYTHON",
        kind=value_types.PYTHON,
        help="The image's Python; default: what the project declares.",
    ),
    Option(
        key="build.base_image",
        field="build.base_image",
        env="AWS_RUN_BASE_IMAGE",
        flag="base_image",
        kind=value_types.pattern(r"^\S{1,512}$", "the name of an image"),
        help="The image to build on, when the project has no Dockerfile.",
    ),
    Option(
        key=None,
        field="build.trust_dockerfile",
        env="AWS_RUN_TRUST_DOCKERFILE",
        flag="trust_dockerfile",
        kind=value_types.SWITCH,
        help="Hand the passwords of package indexes and proxies to the project's own Dockerfile too (the secret "
        "`settings`); without it the Dockerfile gets their addresses.",
    ),
    Option(
        key="build.refresh_base",
        field="build.refresh_base",
        env="AWS_RUN_REFRESH_BASE",
        flag="refresh_base",
        kind=value_types.SWITCH,
        help="Ask the registry for the newest base image; else the one that was used before is used again, by digest.",
    ),
    Option(
        key="image",
        field="image",
        env="AWS_RUN_IMAGE",
        flag="image",
        kind=value_types.pattern(r"^\S{1,512}$", "the name of an image"),
        help="An image that aws-run built, by its URI: nothing is built. Other images lack what brings the data.",
    ),
    Option(
        key="backend",
        field="backend",
        env="AWS_RUN_BACKEND",
        flag="backend",
        kind=value_types.choice("auto", "ec2", "fargate"),
        help="Where it runs; auto: Fargate, unless only EC2 has what was asked (GPUs, instance types, large machines, "
        "spot_policy auto).",
    ),
    Option(
        key="resources.cpu",
        field="resources.cpu",
        env="AWS_RUN_CPU",
        flag="cpu",
        kind=value_types.CPU,
        help="vCPU: 4, 0.5, or 4+ for at least 4.",
    ),
    Option(
        key="resources.memory",
        field="resources.memory_mib",
        env="AWS_RUN_MEMORY",
        flag="memory",
        kind=value_types.MEMORY,
        help="Memory: 16GB, 512MB, or 16GB+ for at least. 1GB is 1024 MiB, as AWS counts. On EC2 the machine's nominal "
        "memory, of which the job gets about 7 % less.",
    ),
    Option(
        key="resources.gpu",
        field="resources.gpu",
        env="AWS_RUN_GPU",
        flag="gpu",
        kind=value_types.GPU,
        help="GPUs: L4:1 (model and number), L4, 1 (any model), or 0 for none.",
    ),
    Option(
        key="resources.disk",
        field="resources.disk_gib",
        env="AWS_RUN_DISK",
        flag="disk",
        kind=value_types.DISK,
        help="Disk: 100GB; it holds the image, the input and the outputs. Default: what they need, at least 40GB (EC2) "
        "or 20GB (Fargate).",
    ),
    Option(
        key="resources.output_size",
        field="resources.output_gib",
        env="AWS_RUN_OUTPUT_SIZE",
        flag="output_size",
        kind=value_types.DISK,
        help="How much the job writes at most, checkpoints included, so that the disk is large enough: 50GB. Default: "
        "as much as the input.",
    ),
    Option(
        key="resources.arch",
        field="resources.arch",
        env="AWS_RUN_ARCH",
        flag="arch",
        kind=value_types.choice("x86_64", "arm64"),
        help="The processor's architecture; arm64 has no GPUs.",
    ),
    Option(
        key="resources.instance_types",
        field="resources.instance_types",
        env="AWS_RUN_INSTANCE_TYPES",
        flag="instance_type",
        kind=value_types.listed(
            value_types.pattern(r"^[a-z][a-z0-9-]*\.([a-z0-9-]+)$", "an instance type; they look like c7i.2xlarge")
        ),
        help="The only instance types to choose from, best first.",
    ),
    Option(
        key="spot_policy",
        field="spot_policy",
        env="AWS_RUN_SPOT_POLICY",
        flag="spot_policy",
        kind=value_types.choice("spot", "on-demand", "auto"),
        help="spot: spot only; on-demand: never spot; auto (EC2): spot first, on-demand when there is none.",
    ),
    Option(
        key="retry.on",
        field="retry.on",
        kind=value_types.listed(value_types.choice("no-capacity", "interruption")),
        help="interruption: another attempt when AWS takes the machine away; no-capacity (EC2): AWS is asked again "
        "when it has no machine.",
    ),
    Option(
        key="retry.max",
        field="retry.max",
        env="AWS_RUN_RETRIES",
        flag="retries",
        kind=value_types.whole(0, 20),
        help="How many times, for each of them.",
    ),
    Option(
        key="checkpoint.path",
        field="checkpoint.path",
        env="AWS_RUN_CHECKPOINT",
        kind=value_types.pattern(r"^/[^\s]{1,255}$", "an absolute path in the container"),
        help="A folder in the container that is saved and given to the next attempt.",
    ),
    Option(
        key="checkpoint.every",
        field="checkpoint.every_s",
        env="AWS_RUN_CHECKPOINT_EVERY",
        kind=value_types.duration(1, 86_400, "1 day"),
        help="How often checkpoints are saved.",
    ),
    Option(
        key="sync_every",
        field="sync_every_s",
        env="AWS_RUN_SYNC_EVERY",
        kind=value_types.duration(0, 86_400, "1 day"),
        help="How often outputs are saved while the job runs; 0 = only at the end.",
    ),
    Option(
        key="timeout",
        field="timeout_s",
        env="AWS_RUN_TIMEOUT",
        flag="timeout",
        kind=value_types.duration(1, value_types.MAX_TIMEOUT_S, "14 days"),
        help="The longest the run may take, all attempts together; then it is ended and torn down.",
    ),
    Option(
        key="limits.max_cost",
        field="limits.max_cost_usd",
        env="AWS_RUN_MAX_COST",
        flag="max_cost",
        kind=value_types.MONEY,
        help="The most the run may cost, in USD; it ends before that.",
    ),
    Option(
        key="limits.max_price",
        field="limits.max_price_usd_per_hour",
        env="AWS_RUN_MAX_PRICE",
        flag="max_price",
        kind=value_types.MONEY,
        help="The most an hour may cost, in USD.",
    ),
    Option(
        key="env",
        field="env",
        env="AWS_RUN_ENV",
        flag="env",
        kind=value_types.ENV,
        merge="add",
        help="Variables for the job; null = taken from the shell, which in a file of the project needs a yes "
        "(--trust-project-file).",
    ),
    Option(
        key="secrets",
        field="secrets",
        env="AWS_RUN_SECRETS",
        flag="secret",
        kind=value_types.SECRETS,
        merge="add",
        help="Variables whose values AWS reads from Secrets Manager or SSM: NAME: ARN.",
    ),
    Option(
        key="network.subnets",
        field="network.subnets",
        env="AWS_RUN_SUBNETS",
        flag="subnets",
        kind=value_types.listed(
            value_types.pattern(r"^subnet-[0-9a-f]{8,17}$", "a subnet; they look like subnet-0abc…")
        ),
        help="Subnets to run in; default: those of the default VPC.",
    ),
    Option(
        key="network.security_groups",
        field="network.security_groups",
        env="AWS_RUN_SECURITY_GROUPS",
        flag="security_groups",
        kind=value_types.listed(
            value_types.pattern(r"^sg-[0-9a-f]{8,17}$", "a security group; they look like sg-0abc…")
        ),
        help="Security groups; default: the VPC's own.",
    ),
    Option(
        key="network.public_ip",
        field="network.public_ip",
        env="AWS_RUN_PUBLIC_IP",
        kind=value_types.PUBLIC_IP,
        help="Whether the machine gets a public address; auto: where all the subnets give one (MapPublicIpOnLaunch).",
    ),
    Option(
        key="iam.task_role",
        field="iam.task_role",
        env="AWS_RUN_TASK_ROLE",
        flag="task_role",
        kind=value_types.pattern(r"^(auto|arn:aws[a-z-]*:iam::\d{12}:role/\S+)$", "auto or the ARN of a role"),
        help="The job's own AWS rights: auto (its own folders in the bucket, nothing else) or a role's ARN.",
    ),
    Option(
        key="iam.permissions_boundary",
        field="iam.permissions_boundary",
        env="AWS_RUN_PERMISSIONS_BOUNDARY",
        kind=value_types.pattern(r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+$", "the ARN of a policy"),
        help="The permissions boundary put on every role that is made.",
    ),
    Option(
        key="keep",
        field="keep",
        env="AWS_RUN_KEEP",
        flag="keep",
        kind=value_types.KEEP,
        help="What is not removed after the run; --keep adds to it. The bucket and the repository stay even with []: "
        "only `aws-run destroy --everything` removes them.",
    ),
    Option(
        key="tags",
        field="tags",
        env="AWS_RUN_TAGS",
        flag="tag",
        kind=value_types.TAGS,
        merge="add",
        help="Tags put on everything that is made.",
    ),
    Option(
        key="retention.logs",
        field="log_retention_days",
        env="AWS_RUN_RETENTION_LOGS",
        kind=value_types.LOG_DAYS,
        help="Days that CloudWatch keeps logs.",
    ),
    Option(
        key="retention.runs",
        field="runs_retention_days",
        env="AWS_RUN_RETENTION_RUNS",
        kind=value_types.whole(2, 3650),
        help="Days that the bucket keeps a run's record and outputs; longer than the timeout by a day at least. The "
        "bucket is the account's: the longest that any project asked for holds for all.",
    ),
    Option(
        key="region",
        field="region",
        env="AWS_RUN_REGION",
        flag="region",
        kind=value_types.pattern(r"^[a-z]{2}(-[a-z]+)+-\d$", "a region; they look like eu-central-1"),
        help="The AWS region; default: the profile's. Not those of China or GovCloud.",
    ),
    Option(
        key=None,
        field="profile",
        env="AWS_RUN_PROFILE",
        flag="profile",
        kind=value_types.text("the name of a profile"),
        help="The AWS profile whose credentials are used.",
    ),
    Option(
        key="build.dependencies",
        field="build.dependencies",
        env="AWS_RUN_DEPENDENCIES",
        kind=value_types.text("auto, none or the path of a list"),
        help="The list of dependencies that is installed, where a project has several: its path; none: nothing is.",
    ),
    Option(
        key="build.extras",
        field="build.extras",
        env="AWS_RUN_EXTRAS",
        kind=value_types.listed(value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of an extra")),
        help="Optional dependencies of the project that are installed too, as pip's `.[train]`.",
    ),
    Option(
        key="build.groups",
        field="build.groups",
        env="AWS_RUN_GROUPS",
        kind=value_types.listed(value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of a group")),
        help="Dependency groups (PEP 735, poetry, pdm, pipenv) that are installed too.",
    ),
    Option(
        key="build.install",
        field="build.install",
        env="AWS_RUN_INSTALL",
        kind=value_types.SWITCH,
        help="Whether the project itself is installed, as `pip install -e .` does. Default: where it is a package; if "
        "that fails, its folder is on PYTHONPATH.",
    ),
    Option(
        key="build.apt",
        field="build.apt",
        env="AWS_RUN_APT",
        kind=value_types.listed(
            value_types.pattern(r"^[a-z0-9][a-z0-9.+-]{0,99}$", "the name of a Debian package, like libgl1")
        ),
        help="Debian packages that are put into the image, when the project has no Dockerfile: [libgl1, ffmpeg].",
    ),
    Option(
        key="build.target",
        field="build.target",
        env="AWS_RUN_TARGET",
        kind=value_types.pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of a stage"),
        help="The stage of the project's Dockerfile that is built; default: the last.",
    ),
    Option(
        key="build.args",
        field="build.args",
        env="AWS_RUN_BUILD_ARGS",
        kind=value_types.BUILD_ARGS,
        merge="add",
        help="Build arguments (ARG) of the project's Dockerfile. They are no place for secrets: the image keeps them.",
    ),
    Option(
        key="arguments.input",
        field="arguments.input",
        env="AWS_RUN_ARGUMENTS_INPUT",
        kind=value_types.pattern(r"^(--?[A-Za-z0-9][A-Za-z0-9_.-]{0,99})?$", "an option, like --input-dir, or empty"),
        help="The option by which the command is given the input folder; empty: none, it comes first. Default: as the "
        "script declares it, else -i.",
    ),
    Option(
        key="arguments.output",
        field="arguments.output",
        env="AWS_RUN_ARGUMENTS_OUTPUT",
        kind=value_types.pattern(r"^(--?[A-Za-z0-9][A-Za-z0-9_.-]{0,99})?$", "an option, like --output-dir, or empty"),
        help="The same for the output folder; default: as the script declares it, else -o.",
    ),
)

# Given to the loader beside the options above.
EXTRA_FLAGS = ("spot", "env_file")
FLAGS = frozenset(option.flag for option in OPTIONS if option.flag) | frozenset(EXTRA_FLAGS)
EXTRA_VARIABLES = ("AWS_RUN_FILE", "AWS_RUN_ENV_FILE", "AWS_RUN_TRUST_PROJECT_FILE", "AWS_RUN_DEBUG")
VARIABLES = tuple(option.env for option in OPTIONS if option.env) + EXTRA_VARIABLES


def option_of(field: str) -> Option:
    return next(option for option in OPTIONS if option.field == field)
